"""Rows of decisions with their leaves, and the one transaction in which they leave the tables."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from django.utils import timezone

from confidence_project.foundation.bulk import insert_mappings
from confidence_project.foundation.errors import Conflict, WrongState
from governance.access.permissions import Person
from governance.controls.retention import hold_on, retention_of
from governance.models import Workspace
from ledger.counts.following import Touched, rows_are_gone
from ledger.models import (
    DecisionOutcome,
    Judgement,
    JudgeVerdict,
    LabelRequest,
    LedgerAmendment,
    LedgerRemoval,
    LogLeaf,
    LogWatermark,
    OutcomeVoid,
    RemovedLeaf,
)
from ledger.transparency.archives import ArchivedLeaf
from ledger.transparency.kinds import Kind, codec_of
from ledger.transparency.leaves import AMENDMENTS, DECISIONS, JUDGE_VERDICTS, JUDGEMENTS, OUTCOMES, VOIDS
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.sequencing import rows_of
from ledger.transparency.services import append_leaves


class Meanwhile(Conflict):
    """Something about the decisions was recorded, or is to be logged, since they were read: read them again."""


CHUNK = 500
"""Keys of one statement."""

ATTEMPTS, PAUSE_SECONDS = 10, 0.2

Result = TypeVar("Result")

_IN_THEIR_ORDER = (JUDGEMENTS, JUDGE_VERDICTS, VOIDS, OUTCOMES, AMENDMENTS, DECISIONS)
"""What refers to a row goes before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What a removal states beside its rows: see `LedgerRemoval`."""

    kind: LedgerRemoval.Kind
    workspace: Workspace
    actor: Person | None
    actor_name: str
    reason: str = ""
    before: datetime | None = None
    archive: str = ""
    archive_sha256: str = ""


def until_settled(attempt: Callable[[], Result]) -> Result:
    """Run `attempt`, and again with the log brought up to date, while others write about the same decisions."""
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except Meanwhile:
            try:
                append_leaves()
            except Conflict:
                time.sleep(PAUSE_SECONDS)  # the worker appends at this moment
    return attempt()


def refuse_held(workspace: Workspace) -> None:
    """Raise `WrongState` while a legal hold is in force."""
    hold = hold_on(workspace)
    if hold is not None:
        raise WrongState(
            f"A legal hold on {workspace.slug} is in force since {hold.started_at:%Y-%m-%d %H:%M} UTC "
            f"(by {hold.started_by_name}): nothing is pruned or erased until it is lifted."
        )


def leaves_of(decision_ids: Sequence[UUID]) -> list[ArchivedLeaf]:
    """Return all that is on record about decisions, as the log has it, in the order of the log.

    Raises
    ------
    Meanwhile
        A row is not in the log yet.
    Conflict
        A row is not what was logged.
    """
    return sorted(
        (leaf for chunk in _chunks(decision_ids) for leaf in _leaves_of(chunk)), key=lambda leaf: leaf.position
    )


def _leaves_of(decision_ids: Sequence[UUID]) -> Iterator[ArchivedLeaf]:
    about: dict[Kind, dict[UUID | int, UUID]] = {
        DECISIONS: {key: key for key in decision_ids},
        OUTCOMES: _decision_of(DecisionOutcome, "decision_id", decision_ids),
        VOIDS: _decision_of(OutcomeVoid, "outcome__decision_id", decision_ids),
        AMENDMENTS: _decision_of(LedgerAmendment, "decision_id", decision_ids),
        JUDGEMENTS: _decision_of(Judgement, "decision_id", decision_ids),
        JUDGE_VERDICTS: _decision_of(JudgeVerdict, "decision_id", decision_ids),
    }
    for kind, decisions in about.items():
        for keys in _chunks(list(decisions)):
            yield from _logged(kind, {kind.entry_id_of(key): str(decisions[key]) for key in keys})


def _decision_of(model: Any, path: str, decision_ids: Sequence[UUID]) -> dict[UUID | int, UUID]:
    return dict(model.objects.filter(**{f"{path}__in": decision_ids}).values_list("pk", path))


def _logged(kind: Kind, decision_of: dict[str, str]) -> Iterator[ArchivedLeaf]:
    rows, codec = rows_of(kind, list(decision_of)), codec_of(kind, connections[DEFAULT_DB_ALIAS].vendor)
    leaves = LogLeaf.objects.filter(entry=kind.entry, entry_id__in=list(decision_of))
    found = {entry_id: (position, bytes(value)) for position, entry_id, value in
             leaves.values_list("position", "entry_id", "leaf_hash")}  # fmt: skip
    for entry_id, decision_id in decision_of.items():
        if entry_id not in rows or entry_id not in found:
            raise Meanwhile(f"{kind.entry} {entry_id} is not in the log yet; run this again.")
        position, recorded = found[entry_id]
        content = codec.encode(rows[entry_id])
        if leaf_hash(content) != recorded:
            raise Conflict(f"{kind.entry} {entry_id} is not what was logged; `manage.py verify_ledger` says more.")
        yield ArchivedLeaf(position, kind.entry, entry_id, decision_id, content)


def remove(removal: Removal, leaves: Sequence[ArchivedLeaf], *, rows_are_in_tables: bool = True) -> LedgerRemoval:
    """Put on record that the rows of `leaves` are removed, and delete them: all of it, or nothing.

    Parameters
    ----------
    rows_are_in_tables
        False: they were in an archive only, which was rewritten.

    Raises
    ------
    WrongState
        A legal hold is in force, or the retention period is not the one that the removal rests on any more.
    Meanwhile
        Something was recorded about the decisions since they were read.
    Conflict
        Somebody else removed some of them.
    """
    try:
        with transaction.atomic():
            removal.workspace.lock()
            refuse_held(removal.workspace)
            record = _record(removal, leaves)
            positions = [{"removal_id": record.pk, "position": leaf.position} for leaf in leaves]
            insert_mappings(RemovedLeaf, positions)
            if rows_are_in_tables:
                _delete(leaves, removal.workspace)
    except IntegrityError as error:
        raise Meanwhile("Something was recorded about these decisions meanwhile; run this again.") from error
    return record


def _record(removal: Removal, leaves: Sequence[ArchivedLeaf]) -> LedgerRemoval:
    decisions = [json.loads(leaf.content) for leaf in leaves if leaf.entry == DECISIONS.entry]
    occurred = sorted(datetime.fromisoformat(each["occurred_at"]) for each in decisions)
    hashes = b"".join(leaf_hash(leaf.content) for leaf in leaves)
    return LedgerRemoval.objects.create(
        workspace=removal.workspace,
        kind=removal.kind,
        before=removal.before,
        retention_days=_days_in_force(removal),
        decisions=len(decisions),
        rows=len(leaves),
        occurred_from=occurred[0],
        occurred_to=occurred[-1],
        recorded_to=datetime.fromisoformat(max(each["timestamp"] for each in decisions)),
        policy_keys=sorted({each["policy_key"] for each in decisions}),
        leaves_sha256=hashlib.sha256(hashes).hexdigest(),
        archive=removal.archive,
        archive_sha256=removal.archive_sha256,
        reason=removal.reason,
        actor_id=removal.actor.pk if removal.actor else None,
        actor_name=removal.actor_name,
        at=timezone.now(),
    )


def _days_in_force(removal: Removal) -> int | None:
    """Return the retention period that a prune rests on; it may have been made longer, or ended, a moment ago."""
    if removal.before is None:
        return None
    period = retention_of(removal.workspace)
    if period is None or removal.before > timezone.now() - timedelta(days=period.days):
        raise WrongState(f"The retention period of {removal.workspace.slug} does not let these decisions go any more.")
    return period.days


def _delete(leaves: Sequence[ArchivedLeaf], workspace: Workspace) -> None:
    database = connections[DEFAULT_DB_ALIAS]
    for kind in _IN_THEIR_ORDER:
        keys = [kind.key_of(leaf.entry_id) for leaf in leaves if leaf.entry == kind.entry]
        field, quote = kind.model._meta.pk, database.ops.quote_name
        for chunk in _chunks(keys):
            marks = ", ".join(["%s"] * len(chunk))
            statement = f"DELETE FROM {quote(kind.model._meta.db_table)} WHERE {quote(str(field.column))} IN ({marks})"  # noqa: S608
            with database.cursor() as cursor:
                cursor.execute(statement, [field.get_db_prep_value(key, database) for key in chunk])
                if cursor.rowcount != len(chunk):
                    raise Conflict("Somebody else removed some of these rows at the same moment; run this again.")
            if kind is DECISIONS:
                LabelRequest.objects.filter(decision__in=chunk).delete()
    rows_are_gone(_day_of(leaf, workspace) for leaf in leaves if leaf.entry == DECISIONS.entry)
    if database.vendor == "sqlite":
        # SQLite gives the number of a last row that is gone to the next one, which the log would take for seen.
        LogWatermark.objects.filter(entry=DECISIONS.entry).delete()


def _day_of(leaf: ArchivedLeaf, workspace: Workspace) -> Touched:
    decision = json.loads(leaf.content)
    day = datetime.fromisoformat(decision["occurred_at"]).astimezone(UTC).date()
    return workspace.pk, decision["policy_key"], day


def _chunks(keys: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
