"""Writes of the ledger: verdicts, and the outcomes that are attached to them later."""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from confidence_project.foundation.bulk import insert_rows
from confidence_project.foundation.errors import DomainError, FieldProblem, InvalidInput, NotFound
from confidence_project.foundation.submissions import Stored, Submission, find_or_create
from governance.clock import CLOCK_SKEW, check_time
from governance.definitions import LATTICE, get_definition, to_lattice
from governance.models import Workspace
from ledger.contracts import CONTRACT_VERSION, DecisionGatePayload, OutcomeEnvelope, kept_parameters
from ledger.emission import emit_verdicts
from ledger.gate import THRESHOLD_REASONS, GateVerdict, RolloutVerdict
from ledger.models import DecisionExternalId, DecisionOutcome, DecisionRecord

# Which blocked decisions are audited must not be foreseeable, and not repeat after a fork.
_LOTTERY = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAlongside:
    """What a host says about a decision beside its payload."""

    occurred_at: datetime
    external_id: str = ""
    case_key: str = ""
    interaction_id: int | None = None
    audit_rate: Decimal | None = None


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
        RuntimeError
            When called inside a transaction: a verdict counts only once its record is committed.
        """
        record = self.build(payload, verdict, alongside or RecordedAlongside(occurred_at=timezone.now()))
        started = time.perf_counter()
        with transaction.atomic(durable=True):
            record.save(force_insert=True)
        emit_verdicts([record], seconds=time.perf_counter() - started)
        return record

    async def arecord_event(
        self, payload: DecisionGatePayload, verdict: GateVerdict, *, alongside: RecordedAlongside | None = None
    ) -> DecisionRecord:
        """`record_event` for async hosts."""
        return await sync_to_async(self.record_event)(payload, verdict, alongside=alongside)

    def build(self, payload: DecisionGatePayload, verdict: GateVerdict, alongside: RecordedAlongside) -> DecisionRecord:
        """Return the unsaved record of a verdict, with the draw of the audit lottery."""
        decision, rollout = payload.llm_decision, verdict.rollout
        audited = verdict.reason in THRESHOLD_REASONS and alongside.audit_rate is not None
        return DecisionRecord(
            workspace=self.workspace,
            timestamp=timezone.now(),
            occurred_at=alongside.occurred_at,
            policy_key=payload.policy_key,
            policy_version=verdict.policy_version,
            thresholds=dict(verdict.thresholds),
            provider=payload.provider,
            model=payload.model,
            prompt_hash=payload.prompt_hash,
            schema_version=CONTRACT_VERSION,
            schema_valid=payload.schema_valid,
            schema_problems=[_as_stored(problem) for problem in payload.problems] or None,
            ml_risk_score=four_decimals(payload.ml_risk_score),
            llm_confidence=four_decimals(payload.confidence),
            confidence_kind=payload.confidence_kind,
            task=payload.task,
            options=payload.options or None,
            channel=payload.channel,
            gate_verdict=verdict.verdict,
            gate_reason=verdict.reason.value,
            action_type=decision.recommended_action.type if decision else payload.action_type,
            action_params=json.dumps(kept_parameters(decision, get_definition(payload.policy_key)), sort_keys=True)
            if decision
            else None,
            interaction_id=alongside.interaction_id,
            external_id=alongside.external_id,
            case_key=alongside.case_key,
            audit_selected=audited and _LOTTERY.random() < float(alongside.audit_rate or 0),
            label_propensity=alongside.audit_rate if audited else None,
            **(_rollout_columns(rollout) if rollout else {}),
        )


def _as_stored(problem: FieldProblem) -> dict[str, str]:
    return {"pointer": problem.pointer, "code": problem.code, "detail": problem.detail}


def _rollout_columns(rollout: RolloutVerdict) -> dict[str, Any]:
    return {
        "rollout_id": rollout.rollout_id,
        "rollout_arm": DecisionRecord.Arm.CANARY if rollout.is_canary else DecisionRecord.Arm.CONTROL,
        "candidate_verdict": DecisionRecord.Verdict.ALLOW if rollout.allowed else DecisionRecord.Verdict.BLOCK,
        "candidate_reason": rollout.reason.value,
    }


def four_decimals(value: float | None) -> Decimal | None:
    """Return a probability as it is stored, None for None; the gate compares the same lattice."""
    return None if value is None else Decimal(to_lattice(value)) / LATTICE


def insert_with_external_ids(records: Sequence[DecisionRecord], hashes: Mapping[str, str]) -> None:
    """Insert records and their hosts' ids, within the caller's transaction. `hashes`: external id to body hash."""
    insert_rows(
        [
            DecisionExternalId(
                workspace_id=record.workspace_id,
                external_id=record.external_id,
                decision_id=record.decision_id,
                body_sha256=hashes[record.external_id],
            )
            for record in records
            if record.external_id
        ]
    )
    insert_rows(records)


def decisions_by_external_id(
    workspace: Workspace, external_ids: Sequence[str]
) -> dict[str, tuple[DecisionRecord, str]]:
    """Return the records under the host's ids, each with the hash of the body that made it: two queries."""
    known = DecisionExternalId.objects.filter(workspace=workspace, external_id__in=external_ids)
    by_decision = {row.decision_id: row for row in known}
    records: Iterable[DecisionRecord] = DecisionRecord.objects.filter(pk__in=by_decision) if by_decision else []
    return {by_decision[record.pk].external_id: (record, by_decision[record.pk].body_sha256) for record in records}


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
    item = submission.item
    if decision is None:
        raise NotFound("No decision of this workspace has this id.")
    observed_at = item.observed_at or timezone.now()
    check_time(observed_at, workspace, "observed_at")
    if observed_at < decision.occurred_at - CLOCK_SKEW:
        detail = "observed_at lies before the decision was made"
        raise InvalidInput(detail, [FieldProblem("/observed_at", "time", detail)])
    return DecisionOutcome(
        decision_id=decision.pk,
        workspace=workspace,
        success=item.success,
        source=item.source,
        automation_executed=item.automation_executed,
        downstream_failure=item.downstream_failure,
        observed_at=observed_at,
        recorded_at=timezone.now(),
        reporter=reporter,
        external_id=submission.external_id,
        body_sha256=submission.body_sha256,
    )
