"""The decision pipeline: let the gate judge, commit the record if that still governs, and only then answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from confidence_project.foundation.bulk import Values
from confidence_project.foundation.errors import DomainError, FieldProblem, InvalidInput, UnknownPolicyKey
from confidence_project.foundation.submissions import Stored, Submission, find_or_create
from governance.clock import check_time
from governance.definitions import PolicyDefinition, get_definition
from governance.models import Workspace
from governance.policies import hold, last_read, read_context, read_contexts
from governance.vocabulary import DeclaredNames, NameKind, name_or_blank
from governance.workspaces.names import WorkspaceNames
from ledger.contracts import DecisionEnvelope, DecisionGatePayload, parse_llm_decision
from ledger.emission import emit_verdicts
from ledger.gate import DecisionGate
from ledger.models import DecisionRecord
from ledger.pipelines.decision_models import payload_from_answer
from ledger.questions.registry import register_questions
from ledger.recording import RecordedAlongside, as_model, insert_if_governed, insert_records, record_of
from ledger.services import decisions_by_external_id
from telemetry.selectors import interactions_named


def gate_over(workspace: Workspace, policy_key: str) -> DecisionGate:
    """Return the gate under what governs now: one statement, two where that has changed.

    A stored policy that cannot be used blocks (`policy_unavailable`); a policy key that is unknown or has nothing
    to gate by is the caller's mistake: `InvalidInput`.
    """
    _require_gate(policy_key)
    return DecisionGate(read_context(workspace, policy_key))


def _require_gate(policy_key: str) -> None:
    try:
        definition = get_definition(policy_key)
    except UnknownPolicyKey as error:
        raise InvalidInput(error.detail, [FieldProblem("/policy_key", error.code, error.detail)]) from error
    if not definition.gates_decisions:
        detail = "this policy key holds budgets; it has no confidence threshold to gate by"
        raise InvalidInput(detail, [FieldProblem("/policy_key", "not_a_gate", detail)])


def decide(*, workspace: Workspace, submission: Submission[DecisionEnvelope]) -> Stored[DecisionRecord]:
    """Gate one decision; see `decide_many`. What cannot be kept is raised."""
    record = decide_at_once(workspace, submission)
    if record is not None:
        return Stored(as_model(record), created=True)
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
    return [
        Stored(as_model(result.record), result.created) if isinstance(result, Stored) else result
        for result in record_decisions(workspace=workspace, submissions=submissions)
    ]


def record_decisions(
    *, workspace: Workspace, submissions: Sequence[Submission[DecisionEnvelope]]
) -> list[Stored[Values] | DomainError]:
    """`decide_many`, with the records as plain values."""
    named = {submission.item.interaction for submission in submissions if submission.item.interaction}
    interactions = interactions_named(workspace, named) if named else {}
    declared = WorkspaceNames(workspace)

    def create(fresh: Sequence[Submission[DecisionEnvelope]]) -> list[Values | DomainError]:
        gates = _gates_over(workspace, {submission.item.policy_key for submission in fresh})
        made = [_judge(workspace, submission.item, gates, interactions, declared) for submission in fresh]
        records = [record for record in made if not isinstance(record, DomainError)]
        insert_records(records, {submission.external_id: submission.body_sha256 for submission in fresh})
        if records:
            # Last, so that what changes waits for no more than the commit.
            hold(workspace, next(gate.context.governed_by for gate in gates.values() if isinstance(gate, DecisionGate)))
        return made

    started = time.perf_counter()
    results = find_or_create(submissions, find=lambda ids: decisions_by_external_id(workspace, ids), create=create)
    committed = [result.record for result in results if isinstance(result, Stored) and result.created]
    emit_verdicts(workspace, committed, seconds=time.perf_counter() - started)
    register_questions(committed)
    return results


def decide_at_once(workspace: Workspace, submission: Submission[DecisionEnvelope]) -> Values | None:
    """Gate one decision under what was last read, and commit its record in one statement if that still governs.

    Returns
    -------
    Values or None
        The record; None: nothing was written, and `decide_many` says what becomes of it (something that governs has
        changed or was not read yet, the id is known, the item is not sound, it names an interaction).

    Raises
    ------
    RuntimeError
        As `decide_many`.
    """
    item, key = submission.item, workspace.asked_by
    context = last_read(workspace, item.policy_key)
    if context is None or context.governed_by is None or item.interaction is not None:
        return None
    if key is not None and key.governed_by != context.governed_by:
        # The version that the statement compares has to speak for the key, too.
        return None
    if not get_definition(item.policy_key).gates_decisions:
        return None
    started = time.perf_counter()
    record = _judge(workspace, item, {item.policy_key: DecisionGate(context)}, {}, WorkspaceNames(workspace))
    if isinstance(record, DomainError):
        return None
    if not insert_if_governed(record, submission.body_sha256, context.governed_by):
        return None
    emit_verdicts(workspace, [record], seconds=time.perf_counter() - started)
    register_questions([record])
    return record


def _gates_over(workspace: Workspace, policy_keys: set[str]) -> dict[str, DecisionGate | DomainError]:
    """Return the gate under what governs now for each policy key, all as of one moment."""
    gates: dict[str, DecisionGate | DomainError] = {}
    for policy_key in policy_keys:
        try:
            _require_gate(policy_key)
        except InvalidInput as error:
            gates[policy_key] = error
    contexts = read_contexts(workspace, policy_keys - gates.keys())
    return gates | {policy_key: DecisionGate(context) for policy_key, context in contexts.items()}


def _judge(
    workspace: Workspace,
    item: DecisionEnvelope,
    gates: Mapping[str, DecisionGate | DomainError],
    interactions: Mapping[str, int],
    declared: DeclaredNames,
) -> Values | DomainError:
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
        sampling=gate.context.sampling,
    )
    verdict = gate.evaluate(payload, case_key=alongside.case_key)
    return record_of(workspace, payload, verdict, alongside)


def build_payload(item: DecisionEnvelope, definition: PolicyDefinition, declared: DeclaredNames) -> DecisionGatePayload:
    """Return what the gate judges. Of a decision that breaks the contract, only a sound provider and model stay.

    Raises
    ------
    InvalidInput
        It is the answer of a decision model, and the policy states no rule for answers.
    """
    if item.answer is not None:
        return payload_from_answer(item, item.answer, definition, declared)
    asked: dict[str, Any] = {
        "policy_key": item.policy_key,
        "ml_risk_score": item.ml_risk_score,
        "confidence_kind": item.confidence_kind,
        "task": item.task or "",
        "channel": item.channel or "",
    }
    if item.decision is None:
        return DecisionGatePayload(**asked)
    try:
        decision = parse_llm_decision(item.decision, definition, declared)
    except InvalidInput as error:
        raw = item.decision if isinstance(item.decision, dict) else {}
        return DecisionGatePayload(
            **asked,
            problems=error.problems,
            provider=name_or_blank(NameKind.PROVIDER, raw.get("provider"), declared),
            model=name_or_blank(NameKind.MODEL, raw.get("model"), declared),
        )
    return DecisionGatePayload(
        **asked,
        llm_decision=decision,
        provider=decision.provider,
        model=decision.model,
        prompt_hash=decision.prompt_hash,
    )
