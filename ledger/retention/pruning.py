"""Pruning: decisions older than the retention period, and all that is on record about them, move into archives.

Each batch is written, read back and put into place before one transaction takes its rows out of the tables. So a
process that is killed leaves every row in a table or in a whole archive, or both, and the next run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from django.utils import timezone

from confidence_project.foundation.errors import Conflict, WrongState
from governance.access.permissions import Person, Verb, require
from governance.controls.retention import retention_of
from governance.models import Workspace
from ledger.models import LedgerRemoval
from ledger.models.decisions import least_decision_id, moment_of
from ledger.months.partitions import first_of_next_month
from ledger.retention.folder import archive_name, kept_alone
from ledger.retention.removing import Removal, leaves_of, refuse_held, remove, until_settled
from ledger.selectors import decisions_of, recorded_between
from ledger.transparency.archives import publish, write_part
from ledger.transparency.removed import archive_on_record

BATCH = 5_000
BY = "prune_ledger"


def prunable_before(workspace: Workspace, before: datetime) -> datetime:
    """Return the time before which decisions of the workspace may be pruned: `before`, or what its period allows.

    Raises
    ------
    WrongState
        It has no retention period, or a legal hold is in force.
    """
    refuse_held(workspace)
    period = retention_of(workspace)
    if period is None:
        raise WrongState(f"{workspace.slug} has no retention period, so it keeps everything: set_retention sets one.")
    return min(before, timezone.now() - timedelta(days=period.days))


def count_prunable(workspace: Workspace, before: datetime) -> int:
    """Return how many decisions `prune` would move. Raises as `prunable_before`."""
    return recorded_between(decisions_of(workspace), None, prunable_before(workspace, before)).count()


def prune(
    *, workspace: Workspace, before: datetime, folder: Path, actor: Person | None = None, batch: int = BATCH
) -> Iterator[LedgerRemoval]:
    """Move decisions into archives, a batch at a time, and yield what each batch was.

    Parameters
    ----------
    before
        Decisions recorded before this go, if the retention period lets them.
    folder
        Where the archives are kept.
    actor
        Who asks; None: the operator's recurring command.
    batch
        Decisions of one archive.

    Raises
    ------
    PermissionRefused, NotFound
        The actor may not; the workspace is not theirs.
    WrongState
        As `prunable_before`: also between two batches, when a hold is placed meanwhile.
    Conflict
        A row is not what was logged, or another removal is under way.
    Unavailable
        pyarrow is missing, or the folder cannot be written.
    """
    if actor is not None:
        require(Verb.OPERATE, actor, workspace)
    until = prunable_before(workspace, before)
    with kept_alone(folder):
        while ids := _next(workspace, until, batch):
            yield until_settled(partial(_prune, workspace, ids, until, folder, actor))


def _next(workspace: Workspace, until: datetime, batch: int) -> list[UUID]:
    rows = recorded_between(decisions_of(workspace), None, until).order_by("decision_id")
    ids = list(rows.values_list("decision_id", flat=True)[:batch])
    # An archive holds decisions of one month, as a partition does.
    return [each for each in ids if each < least_decision_id(first_of_next_month(moment_of(ids[0])))]


def _prune(workspace: Workspace, ids: list[UUID], until: datetime, folder: Path, actor: Person | None) -> LedgerRemoval:
    leaves = leaves_of(ids)
    path = folder / archive_name(workspace, str(ids[0]))
    if archive_on_record(path.name) is not None:
        raise Conflict(f"An archive {path.name} is on record already, and is not written over.")
    sha256 = write_part(path, leaves)
    publish(path)
    removal = Removal(
        kind=LedgerRemoval.Kind.RETENTION,
        workspace=workspace,
        actor=actor,
        actor_name=actor.get_username() if actor else BY,
        before=until,
        archive=path.name,
        archive_sha256=sha256,
    )
    return remove(removal, leaves)
