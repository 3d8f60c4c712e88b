"""Erasing the decisions of one case for good: from the tables, and from the archives that hold any of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from confidence_project.foundation.errors import InvalidInput, NotFound
from governance.access.permissions import Person, require_superuser
from governance.models import Workspace
from governance.models.controls import REASON_LENGTH
from governance.texts import clean_text
from ledger.models import LedgerRemoval
from ledger.retention.folder import archives_of, kept_alone
from ledger.retention.removing import Removal, leaves_of, refuse_held, remove, until_settled
from ledger.selectors import decision_ids_named, decisions_of
from ledger.transparency.archives import ArchivedLeaf, publish, read_archive, write_part
from ledger.transparency.leaves import DECISIONS
from ledger.transparency.removed import archive_on_record

WHO_MAY = "A superuser may erase."


@dataclass(frozen=True, slots=True)
class Case:
    """What is erased: all decisions of a case key, or the one that a host's id or an id of ours names."""

    case_key: str = ""
    external_id: str = ""
    decision_id: UUID | None = None

    def __post_init__(self) -> None:
        if sum(map(bool, (self.case_key, self.external_id, self.decision_id))) != 1:
            raise InvalidInput("Name just one of a case key, a host's id and the id of a decision.")


def erase(*, actor: Person, workspace: Workspace, case: Case, reason: str, folder: Path) -> list[LedgerRemoval]:
    """Erase what is on record about a case, and return the removals: one for each archive, one for the tables.

    The leaves stay in the log, and so does the host's id, so that a repetition is not judged anew. A run that is killed
    is finished by the next one.

    Raises
    ------
    PermissionRefused
        The actor is no superuser.
    InvalidInput
        The reason is empty.
    WrongState
        A legal hold is in force.
    NotFound
        The workspace has no such decision, in its tables or in the archives of the folder.
    Conflict, Unavailable
        As `prune`.
    """
    require_superuser(actor, WHO_MAY)
    reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True)
    refuse_held(workspace)
    erasure = Removal(
        kind=LedgerRemoval.Kind.ERASURE,
        workspace=workspace,
        actor=actor,
        actor_name=actor.get_username(),
        reason=reason,
    )
    with kept_alone(folder) as finished:
        removals = [
            removal
            for path in archives_of(folder, workspace)
            if (removal := _erase_from(path, case, erasure)) is not None
        ]
        if ids := _in_tables(workspace, case):
            removals.append(until_settled(lambda: remove(erasure, leaves_of(ids))))
    if not removals and not finished:
        raise NotFound("Nothing of this case is in the ledger of the workspace, or in the archives of this folder.")
    return removals


def _in_tables(workspace: Workspace, case: Case) -> list[UUID]:
    rows = decisions_of(workspace)
    if case.case_key:
        rows = rows.filter(case_key=case.case_key)
    elif case.external_id:
        rows = rows.filter(pk__in=decision_ids_named(workspace, case.external_id))
    elif case.decision_id:
        rows = rows.filter(pk=case.decision_id)
    return list(rows.values_list("pk", flat=True))


def _erase_from(path: Path, case: Case, erasure: Removal) -> LedgerRemoval | None:
    held = list(read_archive(path))
    ids = set(_in_archive(held, erasure.workspace, case))
    erased = [leaf for leaf in held if leaf.decision_id in ids]
    if not erased:
        return None
    sha256, removal = write_part(path, [leaf for leaf in held if leaf.decision_id not in ids]), None
    # A file that no removal names was left by a broken run: its rows are in the tables still, and go from there.
    if archive_on_record(path.name) is not None:
        rewritten = replace(erasure, archive=path.name, archive_sha256=sha256)
        removal = remove(rewritten, erased, rows_are_in_tables=False)
    publish(path)
    return removal


def _in_archive(held: Sequence[ArchivedLeaf], workspace: Workspace, case: Case) -> Iterator[str]:
    for leaf in held:
        if leaf.entry != DECISIONS.entry:
            continue
        row = json.loads(leaf.content)
        named = (case.case_key and row["case_key"] == case.case_key) or (
            case.external_id and row["external_id"] == case.external_id
        )
        if row["workspace_id"] == workspace.pk and (named or leaf.decision_id == str(case.decision_id)):
            yield leaf.decision_id
