"""The course of an import, from its upload or its command to its end.

Each step is a conditional UPDATE, so that of two tabs, or of a worker that was taken for dead and its successor, one
goes on and the other is told. What a chunk of records added is counted in the chunk's own transaction: the counts say
what is stored, wherever the process died.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from confidence_project.foundation.errors import Conflict, InvalidInput, WrongState
from governance.access.permissions import Person, Verb, require
from governance.models import Workspace
from ledger.imports import spool
from ledger.imports.mapping import ImportMapping
from ledger.models import DecisionImport

Status = DecisionImport.Status

_MAPPABLE = (Status.UPLOADED, Status.REFUSED)
STOPPED_BY_A_PERSON = "It was stopped by {name}. What was imported stays; it can go on."
_ELSEWHERE = "The import was stopped, or goes on elsewhere. What it imported until then stays."


def upload(
    *, actor: Person, workspace: Workspace, file_name: str, file_format: str, pieces: Iterable[bytes]
) -> DecisionImport:
    """Keep a file until somebody has said what its columns mean.

    Raises
    ------
    NotFound, PermissionRefused
        The actor may not import here.
    InvalidInput
        The file is empty.
    Unavailable
        The folder cannot be written.
    """
    require(Verb.OPERATE, actor, workspace)
    name, size = spool.keep(pieces)
    if not size:
        spool.drop(name)
        raise InvalidInput("The file is empty.")
    now = timezone.now()
    return DecisionImport.objects.create(
        workspace=workspace,
        status=Status.UPLOADED,
        file_name=_without_blanks(file_name),
        file_format=file_format,
        file_bytes=size,
        kept_as=name,
        mapping={},
        started_at=now,
        heartbeat_at=now,
        actor_id=actor.pk,
        actor_name=actor.get_username(),
    )


def begin(*, workspace: Workspace, mapping: ImportMapping, reporter: str, **file: Any) -> DecisionImport:
    """Return the row of an import that a command carries out; `file`: its name, format, bytes and SHA-256."""
    now = timezone.now()
    return DecisionImport.objects.create(
        workspace=workspace,
        mapping=mapping.as_json(),
        started_at=now,
        heartbeat_at=now,
        actor_name=reporter,
        **{**file, "file_name": _without_blanks(file["file_name"])},
    )


def declare(*, actor: Person, kept: DecisionImport, mapping: ImportMapping, file_format: str) -> None:
    """Keep what was said of the columns, so that the page can be left."""
    require(Verb.OPERATE, actor, kept.workspace)
    _move(kept, _MAPPABLE, kept.status, mapping=mapping.as_json(), file_format=file_format)


def wait(kept: DecisionImport, mapping: ImportMapping, file_format: str) -> None:
    """Let an import wait for a worker; raise `WrongState` where it does so already, or is over."""
    declared = {"mapping": mapping.as_json(), "file_format": file_format}
    _move(kept, _MAPPABLE, Status.PENDING, **declared, error="", progress=0.0)


def wait_again(kept: DecisionImport) -> None:
    """Let an import that broke off, or that no worker took up, wait anew."""
    if not kept.can_go_on:
        raise WrongState("The import does not wait to be gone on with.")
    _move(kept, [kept.status], Status.PENDING, error="", progress=0.0)


def take_up(import_id: int) -> DecisionImport | None:
    """Set a waiting import running; None: it does not wait any more."""
    kept = DecisionImport.objects.select_related("workspace").filter(pk=import_id, status=Status.PENDING).first()
    if kept is None:
        return None
    try:
        _move(kept, [Status.PENDING], Status.RUNNING, attempt=kept.attempt + 1)
    except Conflict:
        return None
    return kept


def identify(kept: DecisionImport, sha256: str) -> None:
    """Store what the file holds, by the SHA-256 of its content."""
    _held(kept, file_sha256=sha256)


def report_progress(kept: DecisionImport, share: float) -> None:
    """Store which share is done, and that the import is alive; raise `Conflict` where it was stopped."""
    _held(kept, progress=share)


def count_stored(kept: DecisionImport, *, imported: int, unlabelled: int) -> None:
    """Count what the caller's transaction stores; raise `Conflict` where the import was stopped, to undo it."""
    _held(kept, imported=F("imported") + imported, unlabelled=F("unlabelled") + unlabelled)


def complete(kept: DecisionImport, *, unchanged: int, rejected: int, reasons: Sequence[Mapping[str, Any]]) -> None:
    """Store how it ended, and remove the upload; its rejects stay until somebody has mended them."""
    now = timezone.now()
    _held(
        kept,
        status=Status.COMPLETE,
        finished_at=now,
        progress=1.0,
        unchanged=unchanged,
        rejected=rejected,
        reasons=list(reasons),
    )
    if kept.kept_as is not None:
        spool.drop(kept.kept_as, spool.UPLOAD)


def end_badly(kept: DecisionImport, error: BaseException) -> None:
    """Store why an import did not come to its end: refused, where nothing was stored and the mapping may mend it."""
    text = getattr(error, "detail", "") or f"{type(error).__name__}: the log of the process says more."
    mine = DecisionImport.objects.filter(pk=kept.pk, status=Status.RUNNING, attempt=kept.attempt)
    now = timezone.now()
    if isinstance(error, InvalidInput) and kept.kept_as is not None:
        mine.filter(imported=0).update(status=Status.REFUSED, error=text, heartbeat_at=now)
    mine.update(status=Status.STOPPED, error=text, heartbeat_at=now)


def stop(*, actor: Person, kept: DecisionImport) -> None:
    """Stop an import that waits or runs; a chunk that is being written is undone."""
    require(Verb.OPERATE, actor, kept.workspace)
    text = STOPPED_BY_A_PERSON.format(name=actor.get_username())
    _move(kept, [Status.PENDING, Status.RUNNING], Status.STOPPED, error=text)


def discard(*, actor: Person, kept: DecisionImport) -> None:
    """Remove the upload and the rejects of an import that is not under way; what was imported stays."""
    require(Verb.OPERATE, actor, kept.workspace)
    name = kept.kept_as
    if name is None or not kept.can_be_discarded:
        raise WrongState("The import is under way, or has no file any more.")
    _move(kept, [kept.status], _after_removal(kept), kept_as=None)
    spool.drop(name)


def prune() -> int:
    """Remove what was kept longer than `CONFIDENCE_IMPORT_KEEP_DAYS`; return of how many imports."""
    moment = timezone.now() - timedelta(days=settings.CONFIDENCE_IMPORT_KEEP_DAYS)
    pruned = 0
    old = DecisionImport.objects.filter(kept_as__isnull=False).filter(
        Q(heartbeat_at__lt=moment) | Q(heartbeat_at__isnull=True)
    )
    for kept in old:
        DecisionImport.objects.filter(pk=kept.pk).update(status=_after_removal(kept), kept_as=None)
        if kept.kept_as:
            spool.drop(kept.kept_as)
        pruned += 1
    for name in set(spool.names_older_than(moment)):
        if not DecisionImport.objects.filter(kept_as=name).exists():
            spool.drop(name)
    return pruned


def _after_removal(kept: DecisionImport) -> str:
    return Status.COMPLETE if kept.status == Status.COMPLETE else Status.DISCARDED


def _held(kept: DecisionImport, **changes: Any) -> None:
    mine = DecisionImport.objects.filter(pk=kept.pk, status=Status.RUNNING, attempt=kept.attempt)
    if mine.update(heartbeat_at=timezone.now(), **changes) != 1:
        raise Conflict(_ELSEWHERE)


def _move(kept: DecisionImport, sources: Sequence[str], target: str, **changes: Any) -> None:
    unmoved = DecisionImport.objects.filter(pk=kept.pk, status__in=sources, attempt=kept.attempt)
    if unmoved.update(status=target, heartbeat_at=timezone.now(), **changes) != 1:
        raise WrongState("The import is in another state by now: look at its page.")
    kept.refresh_from_db()


def _without_blanks(file_name: str) -> str:
    """A file's name as a name: no white space, so that no sentence fits."""
    return re.sub(r"[^\w.\-]+", "_", file_name)[-100:]
