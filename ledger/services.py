"""Writes of the ledger: verdicts, and the outcomes that are attached to them later."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connection
from django.db.models import Max
from django.utils import timezone

from confidence_project.foundation.bulk import Values, insert_rows
from confidence_project.foundation.errors import Conflict, DomainError, FieldProblem, InvalidInput, NotFound
from confidence_project.foundation.prepared import fetch
from confidence_project.foundation.submissions import Stored, Submission, commit_with_retry, find_or_create
from governance.clock import CLOCK_SKEW, check_time
from governance.models import Workspace
from governance.policies import hold, read_context
from ledger.contracts import DecisionGatePayload, OutcomeEnvelope
from ledger.emission import emit_verdicts
from ledger.gate import GateVerdict
from ledger.models import DecisionExternalId, DecisionOutcome, DecisionRecord, LabelRequest, Purpose
from ledger.recording import RecordedAlongside, as_model, insert_decisions, record_of
from ledger.transparency.removed import gone, removals_of


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
            insert_decisions([record])
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


def decisions_by_external_id(
    workspace: Workspace, external_ids: Sequence[str]
) -> dict[str, tuple[Values | DomainError, str]]:
    """Return the records under the host's ids, each with the hash of the body that made it: two queries.

    A removed decision keeps its id, with `Gone` in place of the record: a repetition is not judged anew.
    """
    known = fetch(_known_among(), [str(workspace.pk), json.dumps(external_ids)])
    by_decision = {UUID(decision_id): (str(external_id), str(body)) for external_id, decision_id, body in known}
    found: dict[UUID, Values | DomainError] = (
        {record["decision_id"]: record for record in DecisionRecord.objects.filter(pk__in=by_decision).values()}
        if by_decision
        else {}
    )
    if missing := by_decision.keys() - found.keys():
        found |= {key: gone(removal) for key, removal in removals_of(missing).items()}
    named = ((*by_decision[key], record) for key, record in found.items())
    return {external_id: (record, body_sha256) for external_id, body_sha256, record in named}


def _known_among() -> str:
    """One parameter for all ids: to put a thousand into a statement takes longer than to look for them."""
    each = "json_array_elements_text(%s::json)" if connection.vendor == "postgresql" else "value FROM json_each(%s)"
    return f"""
    SELECT external_id, decision_id, body_sha256
      FROM {DecisionExternalId._meta.db_table}
     WHERE workspace_id = %s AND external_id IN (SELECT {each})
    """  # noqa: S608


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
        decisions = decisions_named(workspace, [submission.item for submission in fresh])
        made: list[DecisionOutcome | DomainError] = []
        for submission, decision in zip(fresh, decisions, strict=True):
            try:
                made.append(build_outcome(submission, decision, workspace, reporter))
            except DomainError as error:
                made.append(error)
        append_outcomes([outcome for outcome in made if isinstance(outcome, DecisionOutcome)])
        return made

    return find_or_create(submissions, find=find, create=create)


def append_outcomes(outcomes: Sequence[DecisionOutcome]) -> None:
    """Insert outcomes behind those that their decisions have, within the caller's transaction.

    What became known of a decision that was removed has no place in the ledger any more, and is left out.

    Two that append to one decision at once meet at the unique sequence: the transaction of one of them is tried again.
    """
    if not outcomes:
        return
    sequences = _last_sequences({outcome.decision_id for outcome in outcomes})
    kept = [outcome for outcome in outcomes if outcome.decision_id in sequences]
    for outcome in kept:
        sequences[outcome.decision_id] += 1
        outcome.sequence = sequences[outcome.decision_id]
    insert_rows(kept)
    labelled = [each.decision_id for each in kept if each.source == DecisionOutcome.Source.HUMAN_REVIEW]
    if labelled:
        LabelRequest.objects.filter(decision__in=labelled).exclude(purpose=Purpose.SECOND).delete()


class NamesDecision(Protocol):
    """What names a decision by one of its two ids."""

    @property
    def decision_id(self) -> UUID | None: ...

    @property
    def decision_external_id(self) -> str | None: ...


def decisions_named(
    workspace: Workspace, items: Sequence[NamesDecision], *, fields: Sequence[str] = ("decision_id", "occurred_at")
) -> list[DecisionRecord | DomainError | None]:
    """Return the decisions that `items` name, with these fields; `Gone` for one that was removed, None for none."""
    host_ids = [item.decision_external_id for item in items if item.decision_external_id]
    by_host_id: dict[str, UUID] = dict(
        DecisionExternalId.objects.filter(workspace=workspace, external_id__in=host_ids).values_list(
            "external_id", "decision_id"
        )
    )
    wanted = [item.decision_id or by_host_id.get(item.decision_external_id or "") for item in items]
    named = set(filter(None, wanted))
    rows: dict[Any, DecisionRecord | DomainError] = dict(
        DecisionRecord.objects.in_workspace(workspace).only(*fields).in_bulk(named)
    )
    if missing := named - rows.keys():
        removals = removals_of(missing)
        rows |= {key: gone(each) for key, each in removals.items() if each.workspace_id == workspace.pk}
    return [rows.get(decision_id) for decision_id in wanted]


def _last_sequences(decision_ids: set[UUID]) -> dict[UUID, int]:
    rows = DecisionRecord.objects.filter(pk__in=decision_ids).order_by().annotate(last=Max("outcomes__sequence"))
    return {decision_id: last or 0 for decision_id, last in rows.values_list("pk", "last")}


def build_outcome(
    submission: Submission[OutcomeEnvelope],
    decision: DecisionRecord | DomainError | None,
    workspace: Workspace,
    reporter: str,
) -> DecisionOutcome:
    """Return an outcome that is not stored yet; raise `NotFound`, `Gone` or `InvalidInput` where it cannot be."""
    if decision is None:
        raise NotFound("No decision of this workspace has this id.")
    if isinstance(decision, DomainError):
        raise decision
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
