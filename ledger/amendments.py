"""Corrections of records: amendments beside them, never changes of them."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from confidence_project.foundation.bulk import insert_rows
from governance.models import Workspace
from ledger.contracts import compute_prompt_hash
from ledger.models import DecisionRecord, LedgerAmendment

BACKFILL = "backfill_prompt_hash"
BACKFILL_REASON = "The prompt was not recorded: fallback hash of policy key, provider, model, task and channel."


def fallback_prompt_hash(record: DecisionRecord) -> str:
    """Return the hash that stands for the unknown prompt of `record`.

    It is the prompt hash of an empty prompt whose template is named by what is known of the decision, so that it
    groups records of one kind and meets no hash of a real prompt.
    """
    known = (record.policy_key, record.provider, record.model, record.task, record.channel)
    return compute_prompt_hash("unrecorded:" + "|".join(known), "", None, record.schema_version)


def backfill_prompt_hashes(*, workspace: Workspace, batch_size: int = 2_000, write: bool = True) -> int:
    """Amend every record of `workspace` whose prompt hash is blank and was not amended; return how many those are.

    Each batch is a transaction that locks the workspace, so that two runs at once do not amend a record twice.

    Parameters
    ----------
    write
        False: only count.
    """
    if not write:
        return _without_prompt_hash(workspace).count()
    amended, cursor = 0, UUID(int=0)
    while batch := _amend_batch(workspace, cursor, batch_size):
        amended, cursor = amended + len(batch), batch[-1].decision_id
    return amended


def _amend_batch(workspace: Workspace, after: UUID, batch_size: int) -> list[DecisionRecord]:
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        batch = list(_without_prompt_hash(workspace).filter(decision_id__gt=after)[:batch_size])
        insert_rows(list(_amendments(batch)))
    return batch


def _without_prompt_hash(workspace: Workspace) -> QuerySet[DecisionRecord]:
    amendments = LedgerAmendment.objects.filter(
        decision=OuterRef("decision_id"), field=LedgerAmendment.Field.PROMPT_HASH
    )
    records = DecisionRecord.objects.in_workspace(workspace).filter(~Exists(amendments), prompt_hash="")
    return records.order_by("decision_id")


def _amendments(records: list[DecisionRecord]) -> Iterator[LedgerAmendment]:
    now = timezone.now()
    for record in records:
        yield LedgerAmendment(
            decision_id=record.decision_id,
            workspace_id=record.workspace_id,
            field=LedgerAmendment.Field.PROMPT_HASH,
            value_before="",
            value_after=fallback_prompt_hash(record),
            reason=BACKFILL_REASON,
            actor_name=BACKFILL,
            at=now,
        )
