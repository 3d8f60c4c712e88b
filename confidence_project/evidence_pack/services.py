"""Packs that are asked for in the desk: a worker makes each into the folder that `CONFIDENCE_PACK_FOLDER` names."""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from traceback import format_tb

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from calibration.runs.heartbeat import Pulse, heartbeat
from confidence_project.evidence_pack.building import build_pack
from confidence_project.evidence_pack.frame import asked
from confidence_project.evidence_pack.models import EvidencePack
from confidence_project.foundation.errors import DomainError, Unavailable
from governance.access.permissions import Person, Verb, require
from governance.models import Workspace

log = logging.getLogger(__name__)

Status = EvidencePack.Status


def path_of(pack: EvidencePack) -> Path:
    """Return where the archive stands, or would stand."""
    folder: Path = settings.CONFIDENCE_PACK_FOLDER
    return folder / f"{pack.pk}.zip"


def request_pack(
    *,
    actor: Person,
    workspace: Workspace,
    policy_key: str,
    since: datetime,
    until: datetime,
    seed: str,
    decisions: int,
) -> EvidencePack:
    """Ask a worker for a pack.

    Raises
    ------
    NotFound, PermissionRefused
        The actor may not operate the workspace.
    InvalidInput, UnknownPolicyKey
        See `frame.asked`.
    """
    require(Verb.OPERATE, actor, workspace)
    question = asked(
        workspace=workspace, policy_key=policy_key, since=since, until=until, seed=seed, decisions=decisions
    )
    with transaction.atomic():
        pack = EvidencePack.objects.create(
            workspace=workspace,
            policy_key=policy_key,
            since=question.since,
            until=question.until,
            seed=seed,
            decisions=decisions,
            asked_at=timezone.now(),
            asked_by_id=actor.pk,
            asked_by_name=actor.get_username(),
        )
        # The queue is in the same database: both are committed, or neither is.
        make_pack.enqueue(pack.pk)
    return pack


@task()
def make_pack(pack_id: int) -> None:
    """Make a pack that waits; do nothing for one that does not any more.

    The pack says how it ended. Nothing is raised: the queue keeps tracebacks, and one could hold data.
    """
    pack = EvidencePack.objects.select_related("workspace").filter(pk=pack_id).first()
    if pack is None or not _move(pack, Status.PENDING, Status.RUNNING):
        return
    try:
        with heartbeat(lambda share: _report(pack, share), f"evidence pack {pack.pk}") as pulse:
            _make(pack, pulse)
    except Exception as error:
        text = getattr(error, "detail", "") or f"{type(error).__name__}: the log of the worker says more."
        _move(pack, Status.RUNNING, Status.FAILED, error=text, finished_at=timezone.now())
        if not isinstance(error, DomainError):
            # Where, and not what: the message of an error may hold a value.
            log.error(
                "evidence pack %s failed: %s\n%s",
                pack.pk,
                type(error).__name__,
                "".join(format_tb(error.__traceback__)),
            )


def prune_packs() -> int:
    """Remove archives older than `CONFIDENCE_PACK_KEEP_DAYS`, and return how many; the rows stay."""
    oldest = (timezone.now() - timedelta(days=settings.CONFIDENCE_PACK_KEEP_DAYS)).timestamp()
    old = [each for each in settings.CONFIDENCE_PACK_FOLDER.glob("*.zip*") if each.stat().st_mtime < oldest]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _make(pack: EvidencePack, pulse: Pulse) -> None:
    question = asked(
        workspace=pack.workspace,
        policy_key=pack.policy_key,
        since=pack.since,
        until=pack.until,
        seed=pack.seed,
        decisions=pack.decisions,
    )

    def tell(share: float) -> None:
        pulse.share = share

    path = path_of(pack)
    unfinished = path.with_suffix(".zip.unfinished")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            built = build_pack(question, file, tell)
        with unfinished.open("rb") as written:
            sha256 = hashlib.file_digest(written, "sha256").hexdigest()
        unfinished.rename(path)
    except OSError as error:
        raise Unavailable(f"The archive cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    _move(
        pack,
        Status.RUNNING,
        Status.COMPLETE,
        progress=1.0,
        as_of=built.as_of,
        is_signed=built.is_signed,
        unproved=built.unproved,
        file_bytes=path.stat().st_size,
        file_sha256=sha256,
        finished_at=timezone.now(),
    )


def _report(pack: EvidencePack, share: float) -> None:
    EvidencePack.objects.filter(pk=pack.pk, status=Status.RUNNING).update(progress=share, heartbeat_at=timezone.now())


def _move(pack: EvidencePack, source: str, target: str, **changes: object) -> bool:
    waiting = EvidencePack.objects.filter(pk=pack.pk, status=source)
    return waiting.update(status=target, heartbeat_at=timezone.now(), **changes) == 1
