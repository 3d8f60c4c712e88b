"""Writes of the ledger: verdicts, and the outcomes that are attached to them later."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import Max
from django.utils import timezone

from confidence_project.foundation.bulk import Values, insert_mappings, insert_rows
from confidence_project.foundation.errors import Conflict, DomainError, FieldProblem, InvalidInput, NotFound
from confidence_project.foundation.submissions import Stored, Submission, commit_with_retry, find_or_create
from governance.clock import CLOCK_SKEW, check_time
from governance.models import Workspace
from governance.policies import hold, read_context
from ledger.contracts import DecisionGatePayload, OutcomeEnvelope
from ledger.emission import emit_verdicts
from ledger.gate import GateVerdict
from ledger.models import DecisionExternalId, DecisionOutcome, DecisionRecord
from ledger.recording import RecordedAlongside, as_model, record_of


class DecisionLedger:
    """The append-only ledger of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def record_event(
        self, payload: DecisionGatePayload, verdict: GateVerdict, *, alongside: RecordedAlongside | None = None
    ) -> DecisionRecord:
        """Commit one verdict and return its record.

        Raises
        ------
        Conflict
            It allows, and since it was given a control came to block it, or another policy to be in force.
        RuntimeError
            When called inside a transaction: a verdict counts only once its record is committed.
        """
        record = record_of(self.workspace, payload, verdict, alongside or RecordedAlongside(occurred_at=timezone.now()))

        def write() -> None:
            insert_mappings(DecisionRecord, [record])
            if verdict.allowed:
                hold(self.workspace, self._still_allowed(payload, verdict))

        started = time.perf_counter()
        commit_with_retry(write)
        emit_verdicts(self.workspace, [record], seconds=time.perf_counter() - started)
        return as_model(record)

    def _still_allowed(self, payload: DecisionGatePayload, verdict: GateVerdict) -> UUID | None:
        context = read_context(self.workspace, payload.policy_key)
        blocked = context.block(provider=payload.provider, model=payload.model)
        if blocked or verdict.policy_version not in (None, context.policy_version):
            raise Conflict("What governs has changed since this was allowed; nothing was recorded. Ask the gate again.")
        return context.governed_by

    async def arecord_event(
        self, payload: DecisionGatePayload, verdict: GateVerdict, *, alongside: RecordedAlongside | None = None
    ) -> DecisionRecord:
        """`record_event` for async hosts."""
        return await sync_to_async(self.record_event)(payload, verdict, alongside=alongside)


def decisions_by_external_id(workspace: Workspace, external_ids: Sequence[str]) -> dict[str, tuple[Values, str]]:
    """Return the records under the host's ids, each with the hash of the body that made it: two queries."""
    known = DecisionExternalId.objects.filter(workspace=workspace, external_id__in=external_ids)
    by_decision = {row.decision_id: row for row in known}
    records = DecisionRecord.objects.filter(pk__in=by_decision).values() if by_decision else []
    return {
        by_decision[record["decision_id"]].external_id: (record, by_decision[record["decision_id"]].body_sha256)
        for record in records
    }


def record_outcomes(
    *, workspace: Workspace, submissions: Sequence[Submission[OutcomeEnvelope]], reporter: str
) -> list[Stored[DecisionOutcome] | DomainError]:
    """Attach outcomes to decisions of `workspace`; one answer for each submission, in their order.

    An outcome is a record of its own: nothing about the decision changes, and a later outcome does not erase an
    earlier one. An error stands for an item that was not kept: an unknown decision, an impossible time, an
    external id that was used for something else.
    """

    def find(external_ids: Sequence[str]) -> dict[str, tuple[DecisionOutcome, str]]:
        rows = DecisionOutcome.objects.filter(workspace=workspace, external_id__in=external_ids)
        return {str(row.external_id): (row, row.body_sha256) for row in rows}

    def create(fresh: Sequence[Submission[OutcomeEnvelope]]) -> list[DecisionOutcome | DomainError]:
        decisions = _decisions_named(workspace, [submission.item for submission in fresh])
        made: list[DecisionOutcome | DomainError] = []
        for submission, decision in zip(fresh, decisions, strict=True):
            try:
                made.append(_build_outcome(submission, decision, workspace, reporter))
            except DomainError as error:
                made.append(error)
        append_outcomes([outcome for outcome in made if isinstance(outcome, DecisionOutcome)])
        return made

    return find_or_create(submissions, find=find, create=create)


def append_outcomes(outcomes: Sequence[DecisionOutcome]) -> None:
    """Insert outcomes behind those that their decisions have, within the caller's transaction.

    Two that append to one decision at once meet at the unique sequence: the transaction of one of them is tried again.
    """
    if not outcomes:
        return
    sequences = _last_sequences({outcome.decision_id for outcome in outcomes})
    for outcome in outcomes:
        sequences[outcome.decision_id] += 1
        outcome.sequence = sequences[outcome.decision_id]
    insert_rows(list(outcomes))


def _decisions_named(workspace: Workspace, items: Sequence[OutcomeEnvelope]) -> list[DecisionRecord | None]:
    host_ids = [item.decision_external_id for item in items if item.decision_external_id]
    by_host_id: dict[str, UUID] = dict(
        DecisionExternalId.objects.filter(workspace=workspace, external_id__in=host_ids).values_list(
            "external_id", "decision_id"
        )
    )
    wanted = [item.decision_id or by_host_id.get(item.decision_external_id or "") for item in items]
    rows: Mapping[Any, DecisionRecord] = (
        DecisionRecord.objects.in_workspace(workspace).only("decision_id", "occurred_at").in_bulk(set(wanted) - {None})
    )
    return [rows.get(decision_id) for decision_id in wanted]


def _last_sequences(decision_ids: set[UUID]) -> dict[UUID, int]:
    rows = DecisionOutcome.objects.filter(decision__in=decision_ids).values("decision").annotate(last=Max("sequence"))
    return defaultdict(int, {row["decision"]: row["last"] for row in rows})


def _build_outcome(
    submission: Submission[OutcomeEnvelope], decision: DecisionRecord | None, workspace: Workspace, reporter: str
) -> DecisionOutcome:
    if decision is None:
        raise NotFound("No decision of this workspace has this id.")
    told = outcome_of(submission, workspace, reporter)
    if told["observed_at"] < decision.occurred_at - CLOCK_SKEW:
        detail = "observed_at lies before the decision was made"
        raise InvalidInput(detail, [FieldProblem("/observed_at", "time", detail)])
    return DecisionOutcome(decision_id=decision.pk, **told)


def outcome_of(submission: Submission[OutcomeEnvelope], workspace: Workspace, reporter: str) -> dict[str, Any]:
    """Return what is told of an outcome; the decision that it is about and its place there have to be found.

    Raises
    ------
    InvalidInput
        An impossible time.
    """
    item = submission.item
    observed_at = item.observed_at or timezone.now()
    check_time(observed_at, workspace, "observed_at")
    return {
        "workspace_id": workspace.pk,
        "success": item.success,
        "source": item.source,
        "automation_executed": item.automation_executed,
        "downstream_failure": item.downstream_failure,
        "observed_at": observed_at,
        "recorded_at": timezone.now(),
        "reporter": reporter,
        "external_id": submission.external_id,
        "body_sha256": submission.body_sha256,
    }
