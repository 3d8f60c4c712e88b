"""What arrives by OpenTelemetry for the ledger: calls of decision models to gate, evaluations that are outcomes."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from pydantic import ValidationError

from confidence_project.foundation.errors import Conflict, DomainError, InvalidInput, NotFound
from confidence_project.foundation.submissions import Stored, Submission
from governance.models import Workspace
from governance.vocabulary import DeclaredNames
from governance.workspaces.names import WorkspaceNames
from ledger.contracts import DecisionEnvelope, OutcomeEnvelope
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.pipelines.decision_models import RESPONSE
from ledger.pipelines.decisions import decide_many
from ledger.services import record_outcomes
from telemetry.evaluators import evaluators_of, is_success
from telemetry.models import AIInteraction, Evaluator
from telemetry.otlp.handlers import DecisionSpan, Evaluation
from telemetry.selectors import interactions_named

REPORTER = "otlp"

_OF_GOOGLE = ("google", "gcp.", "gemini")
"""How names of providers begin whose replies have Google's form."""

EnvelopeT = TypeVar("EnvelopeT", DecisionEnvelope, OutcomeEnvelope)
RecordT = TypeVar("RecordT", DecisionRecord, DecisionOutcome)


def gate_decision_spans(*, workspace: Workspace, spans: Sequence[DecisionSpan]) -> list[DomainError | str]:
    """Gate the answers of decision models that a host observed, and record the verdicts.

    Answers each span with why it left no record, or with what broke the contract of its reply, "" when nothing did.
    The span's id makes it idempotent.
    """
    declared = WorkspaceNames(workspace)
    answers = _write(
        [_decision(span, declared) for span in spans],
        lambda submissions: decide_many(workspace=workspace, submissions=submissions),
    )
    return [answer if isinstance(answer, DomainError) else _what_broke(answer.record) for answer in answers]


def _what_broke(record: DecisionRecord) -> str:
    """What is wrong with the reply, or is to be mended; blank where nothing is."""
    wrong = [
        f"{problem['pointer'].removeprefix(RESPONSE).lstrip('/') or 'the reply'}: {problem['detail']}"
        for problem in record.schema_problems or []
    ]
    return f"A decision was recorded, blocked as {record.gate_reason}. {'; '.join(wrong)}." if wrong else ""


def record_evaluations(*, workspace: Workspace, evaluations: Sequence[Evaluation]) -> list[DomainError | None]:
    """Record evaluations as outcomes of the decisions that rest on the answers which they judge.

    Answers each evaluation with None or with why it is no outcome.
    """
    judged, evaluators = _decisions_judged(workspace, evaluations), evaluators_of(workspace)
    answers = _write(
        [_outcome(evaluation, judged, evaluators) for evaluation in evaluations],
        lambda submissions: record_outcomes(workspace=workspace, submissions=submissions, reporter=REPORTER),
    )
    return [answer if isinstance(answer, DomainError) else None for answer in answers]


def _write(
    prepared: Sequence[Submission[EnvelopeT] | DomainError],
    write: Callable[[Sequence[Submission[EnvelopeT]]], Sequence[Stored[RecordT] | DomainError]],
) -> list[Stored[RecordT] | DomainError]:
    """Write what is sound; answer for each in their order."""
    submissions = [item for item in prepared if isinstance(item, Submission)]
    results = iter(write(submissions) if submissions else [])
    return [item if isinstance(item, DomainError) else next(results) for item in prepared]


def _decision(span: DecisionSpan, declared: DeclaredNames) -> Submission[DecisionEnvelope] | DomainError:
    asked = {
        "external_id": span.interaction,
        "policy_key": span.policy_key,
        "interaction": span.interaction,
        "occurred_at": span.occurred_at,
        # Without one that can be judged, the gate is told that the decision is missing.
        "answer": _answer(span) if span.answered else None,
    }
    try:
        envelope = DecisionEnvelope.model_validate(asked, context=declared)
    except ValidationError:
        return InvalidInput("The span of a decision model needs gen_ai.provider.name, decision.provider or its system.")
    # By its text: a reply may hold what cannot be written out again, such as half a character.
    said = {**asked, "answer": None, "reply": span.reply_sha256, "provider": span.provider, "model": span.model}
    body = json.dumps({name: str(value) for name, value in said.items()}, sort_keys=True)
    return Submission(envelope.external_id, hashlib.sha256(body.encode()).hexdigest(), envelope)


def _answer(span: DecisionSpan) -> dict[str, object]:
    reply = span.reply or {}
    dialect = "system_one"
    if isinstance(reply.get("answers"), list):
        dialect = "openai"
    elif "prompt_feedback" in reply or span.provider.startswith(_OF_GOOGLE):
        dialect = "google"
    return {"dialect": dialect, "provider": span.provider, "model": span.model or None, "response": span.reply}


@dataclass(frozen=True, slots=True)
class _Judged:
    decision_id: UUID
    policy_key: str
    task: str
    response_id: str

    def may_rest_on(self, response_id: str) -> bool:
        return not response_id or self.response_id in ("", response_id)


_ByCall = Mapping[tuple[str, str], Sequence[_Judged]]
"""Decisions by what names the call that they rest on: ("span", external id) or ("response", the provider's id)."""


def _decisions_judged(workspace: Workspace, evaluations: Sequence[Evaluation]) -> _ByCall:
    # Unordered, and with the condition of the partial index spelt out: so SQLite uses the indexes.
    interactions = AIInteraction.objects.in_workspace(workspace).order_by()
    spans = {evaluation.interaction for evaluation in evaluations if evaluation.interaction}
    responses = {evaluation.response_id for evaluation in evaluations if evaluation.response_id}
    names: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for external_id, pk in interactions_named(workspace, spans).items():
        names[pk].append(("span", external_id))
    answered = interactions.filter(response_id__in=responses).exclude(response_id="")
    for pk, response_id in answered.values_list("pk", "response_id"):
        names[pk].append(("response", response_id))
    columns = ("interaction_id", "decision_id", "policy_key", "task", "interaction__response_id")
    rows = DecisionRecord.objects.in_workspace(workspace).order_by()
    decisions = rows.filter(interaction__in=list(names))
    found: dict[tuple[str, str], list[_Judged]] = defaultdict(list)
    for interaction_id, *values in decisions.values_list(*columns):
        for name in names[interaction_id]:
            found[name].append(_Judged(*values))
    return found


def _outcome(
    evaluation: Evaluation, judged: _ByCall, evaluators: Mapping[str, Evaluator]
) -> Submission[OutcomeEnvelope] | DomainError:
    try:
        success = is_success(
            evaluators, name=evaluation.name, label=evaluation.score_label, score=evaluation.score_value
        )
    except InvalidInput as error:
        return error
    candidates = _candidates(evaluation, judged)
    if len(candidates) > 1:
        named = {key: each for key, each in candidates.items() if evaluation.name in (each.policy_key, each.task)}
        candidates = named or candidates
    if not candidates:
        return NotFound(
            "No decision rests on the call that is evaluated; send the decision with its interaction first."
        )
    if len(candidates) > 1:
        return Conflict("Several decisions rest on this call: name the policy key as gen_ai.evaluation.name.")
    outcome = OutcomeEnvelope(
        external_id=evaluation.external_id,
        decision_id=next(iter(candidates)),
        success=success,
        source="downstream_event",
        observed_at=evaluation.observed_at,
    )
    return Submission.of(outcome)


def _candidates(evaluation: Evaluation, judged: _ByCall) -> dict[UUID, _Judged]:
    """Return the decisions on the call. The span may be that of whoever evaluates, so the answer's id comes first."""
    in_span = judged.get(("span", evaluation.interaction), ())
    by_span = {each.decision_id: each for each in in_span if each.may_rest_on(evaluation.response_id)}
    by_response = {each.decision_id: each for each in judged.get(("response", evaluation.response_id), ())}
    return {key: each for key, each in by_response.items() if key in by_span} or by_response or by_span
