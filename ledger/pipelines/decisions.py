"""The decision pipeline: read what governs, let the gate judge, commit the record, and only then answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.utils import timezone

from confidence_project.foundation.errors import DomainError, FieldProblem, InvalidInput, UnknownPolicyKey
from confidence_project.foundation.submissions import Stored, Submission, find_or_create
from governance.clock import check_time
from governance.definitions import PolicyDefinition, get_definition
from governance.models import Workspace
from governance.policies import read_context
from governance.vocabulary import DeclaredNames, NameKind, name_or_blank
from governance.workspaces.names import WorkspaceNames
from ledger.contracts import DecisionEnvelope, DecisionGatePayload, parse_llm_decision
from ledger.emission import emit_verdicts
from ledger.gate import DecisionGate
from ledger.models import DecisionRecord
from ledger.pipelines.decision_models import payload_from_answer
from ledger.questions.registry import register_questions
from ledger.services import (
    DecisionLedger,
    RecordedAlongside,
    decisions_by_external_id,
    insert_with_external_ids,
)
from telemetry.selectors import interactions_named


def gate_over(workspace: Workspace, policy_key: str) -> DecisionGate:
    """Return the gate under what governs now: one indexed statement.

    A stored policy that cannot be used blocks (`policy_unavailable`); a policy key that is unknown or has nothing
    to gate by is the caller's mistake: `InvalidInput`.
    """
    try:
        definition = get_definition(policy_key)
    except UnknownPolicyKey as error:
        raise InvalidInput(error.detail, [FieldProblem("/policy_key", error.code, error.detail)]) from error
    if not definition.gates_decisions:
        detail = "this policy key holds budgets; it has no confidence threshold to gate by"
        raise InvalidInput(detail, [FieldProblem("/policy_key", "not_a_gate", detail)])
    return DecisionGate(read_context(workspace, policy_key))


def decide(*, workspace: Workspace, submission: Submission[DecisionEnvelope]) -> Stored[DecisionRecord]:
    """Gate one decision; see `decide_many`. What cannot be kept is raised."""
    (result,) = decide_many(workspace=workspace, submissions=[submission])
    if isinstance(result, DomainError):
        raise result
    return result


def decide_many(
    *, workspace: Workspace, submissions: Sequence[Submission[DecisionEnvelope]]
) -> list[Stored[DecisionRecord] | DomainError]:
    """Gate decisions and commit their records in one transaction; one answer for each, in their order.

    A repeated submission is answered with its first record and not judged again. An error stands for an item
    that left no record: an unknown policy key, an impossible time, an id that was used for something else.

    Raises
    ------
    RuntimeError
        When called inside a transaction: no verdict leaves before its record is committed.
    """
    named = {submission.item.interaction for submission in submissions if submission.item.interaction}
    interactions = interactions_named(workspace, named) if named else {}
    declared = WorkspaceNames(workspace)

    def create(fresh: Sequence[Submission[DecisionEnvelope]]) -> list[DecisionRecord | DomainError]:
        # Read inside the transaction: a switch that was thrown while this one waited for its turn counts.
        gates = _gates_over(workspace, {submission.item.policy_key for submission in fresh})
        made = [_judge(workspace, submission.item, gates, interactions, declared) for submission in fresh]
        hashes = {submission.external_id: submission.body_sha256 for submission in fresh}
        insert_with_external_ids([record for record in made if isinstance(record, DecisionRecord)], hashes)
        return made

    started = time.perf_counter()
    results = find_or_create(submissions, find=lambda ids: decisions_by_external_id(workspace, ids), create=create)
    committed = [result.record for result in results if isinstance(result, Stored) and result.created]
    emit_verdicts(committed, seconds=time.perf_counter() - started)
    register_questions(committed)
    return results


def _gates_over(workspace: Workspace, policy_keys: set[str]) -> dict[str, DecisionGate | DomainError]:
    gates: dict[str, DecisionGate | DomainError] = {}
    for policy_key in policy_keys:
        try:
            gates[policy_key] = gate_over(workspace, policy_key)
        except InvalidInput as error:
            gates[policy_key] = error
    return gates


def _judge(
    workspace: Workspace,
    item: DecisionEnvelope,
    gates: Mapping[str, DecisionGate | DomainError],
    interactions: Mapping[str, int],
    declared: DeclaredNames,
) -> DecisionRecord | DomainError:
    gate = gates[item.policy_key]
    if isinstance(gate, DomainError):
        return gate
    occurred_at = item.occurred_at or timezone.now()
    try:
        check_time(occurred_at, workspace, "occurred_at")
    except InvalidInput as error:
        return error
    if item.interaction and item.interaction not in interactions:
        detail = "no interaction of this workspace has this id; send it first, or leave the field out"
        return InvalidInput(detail, [FieldProblem("/interaction", "unknown", detail)])
    try:
        payload = build_payload(item, get_definition(item.policy_key), declared)
    except InvalidInput as error:
        return error
    alongside = RecordedAlongside(
        occurred_at=occurred_at,
        external_id=item.external_id,
        case_key=item.case_key or "",
        interaction_id=interactions.get(item.interaction or ""),
        audit_rate=gate.context.audit_rate,
    )
    verdict = gate.evaluate(payload, case_key=alongside.case_key)
    return DecisionLedger(workspace).build(payload, verdict, alongside)


def build_payload(item: DecisionEnvelope, definition: PolicyDefinition, declared: DeclaredNames) -> DecisionGatePayload:
    """Return what the gate judges. Of a decision that breaks the contract, only a sound provider and model stay.

    Raises
    ------
    InvalidInput
        It is the answer of a decision model, and the policy states no rule for answers.
    """
    if item.answer is not None:
        return payload_from_answer(item, item.answer, definition, declared)
    asked = DecisionGatePayload(
        policy_key=item.policy_key,
        ml_risk_score=item.ml_risk_score,
        confidence_kind=item.confidence_kind,
        task=item.task or "",
        channel=item.channel or "",
    )
    if item.decision is None:
        return asked
    try:
        decision = parse_llm_decision(item.decision, definition, declared)
    except InvalidInput as error:
        raw = item.decision if isinstance(item.decision, dict) else {}
        return replace(
            asked,
            problems=error.problems,
            provider=name_or_blank(NameKind.PROVIDER, raw.get("provider"), declared),
            model=name_or_blank(NameKind.MODEL, raw.get("model"), declared),
        )
    return replace(
        asked,
        llm_decision=decision,
        provider=decision.provider,
        model=decision.model,
        prompt_hash=decision.prompt_hash,
    )
