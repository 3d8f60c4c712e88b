"""Attaching one outcome in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection, models

from confidence_project.foundation.bulk import Values, adapted
from confidence_project.foundation.prepared import fetch
from confidence_project.foundation.submissions import Submission
from governance.clock import CLOCK_SKEW
from governance.models import GoverningVersion, Workspace
from ledger.contracts import OutcomeEnvelope
from ledger.models import DecisionExternalId, DecisionOutcome, DecisionRecord
from ledger.services import outcome_of

_FOUND = ("id", "decision_id", "sequence")
"""What the database finds out; all else is told."""


def attach_at_once(
    workspace: Workspace, submission: Submission[OutcomeEnvelope], reporter: str, admitted_under: UUID | None
) -> Values | None:
    """Commit one outcome behind those that its decision has, if the version stands under which the caller was let in.

    Returns
    -------
    Values or None
        The outcome; None: nothing was written, and `record_outcomes` says why (no such decision, the id is known, …).
    """
    if connection.vendor != "postgresql" or admitted_under is None:
        # SQLite has one writer at a time, and no statement that inserts what another one found and says what it was.
        return None
    item, outcome = submission.item, outcome_of(submission, workspace, reporter)
    (told,) = adapted(_told(), [outcome])
    owner = str(workspace.pk)
    earliest = (outcome["observed_at"] + CLOCK_SKEW).isoformat()
    decision = [None if item.decision_id is None else str(item.decision_id), owner, item.decision_external_id]
    rows = fetch(_statement(), [owner, *decision, earliest, owner, str(admitted_under), *told])
    if not rows:
        return None
    ((decision_id, sequence),) = rows
    return {**outcome, "decision_id": decision_id, "sequence": int(str(sequence))}


def _told() -> Sequence[models.Field[Any, Any]]:
    return [field for field in DecisionOutcome._meta.concrete_fields if field.attname not in _FOUND]


@cache
def _statement() -> str:
    table, told = DecisionOutcome._meta.db_table, _told()
    return f"""
      WITH judged AS (
             SELECT decision_id
               FROM {DecisionRecord._meta.db_table}
              WHERE workspace_id = %s
                AND decision_id = COALESCE(%s::uuid, (
                    SELECT decision_id FROM {DecisionExternalId._meta.db_table}
                     WHERE workspace_id = %s AND external_id = %s))
                AND occurred_at <= %s::timestamptz
                AND EXISTS (
                    SELECT 1 FROM {GoverningVersion._meta.db_table} WHERE workspace_id = %s AND version = %s::uuid))
    INSERT INTO {table} (decision_id, sequence, {", ".join(str(field.column) for field in told)})
    SELECT decision_id,
           1 + COALESCE((SELECT max(sequence) FROM {table} WHERE decision_id = judged.decision_id), 0),
           {", ".join(["%s"] * len(told))}
      FROM judged
        ON CONFLICT (workspace_id, external_id) DO NOTHING
    RETURNING decision_id, sequence
    """  # noqa: S608
