"""Answers of decision models: from the reply on the wire to what the gate judges.

The forms that are read stand in `replies`. The policy's `AnswerRule` names the question and says how a predicate's
probability becomes a confidence. A confidence means a different thing for each form and kind of answer, so each has a
confidence kind of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from pydantic import BaseModel, ValidationError

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from confidence_project.foundation.validation import fields_of, pointer_to, problems_in
from governance.definitions import AnswerRule, PolicyDefinition, PredicateReading
from governance.vocabulary import DeclaredNames, NameKind, identifier_or_blank, name_or_blank
from ledger.contracts import AnswerEnvelope, DecisionEnvelope, DecisionGatePayload
from ledger.models import ConfidenceKind
from ledger.pipelines.replies import (
    ABSTENTIONS,
    DIALECTS,
    SHAPES,
    Answer,
    Dialect,
    Noul,
    Predicate,
    Refusal,
)

RESPONSE = "/answer/response"
"""Where a reply stands in the `DecisionEnvelope`."""

_BROKEN = "The reply breaks its contract."

_PREDICATE_KINDS = {
    PredicateReading.YES: ConfidenceKind.PREDICATE_YES,
    PredicateReading.MAX: ConfidenceKind.PREDICATE_MAX,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAnswer:
    """What a reply says about the policy's question.

    `confidence` is None when there is no answer (`refused`, or the question is not among those answered) and when
    the reply is broken (`problems`). `model` is the one that answered, whatever alias was asked for.
    """

    problems: Sequence[FieldProblem] = ()
    refused: bool = False
    model: str = ""
    question: str = ""
    confidence: float | None = None
    kind: ConfidenceKind = ConfidenceKind.DECISION_MODEL


def read_answer(
    dialect: Literal["openai", "system_one"],
    response: object,
    rule: AnswerRule,
    declared: DeclaredNames | None = None,
) -> ReadAnswer:
    """Return what `response` (JSON, or an `openai.types.Decision`) says about the question that `rule` names.

    Only that question's answer is looked at: the others may be of any type and refused or broken.
    """
    form = DIALECTS[dialect]
    raw = response.model_dump() if isinstance(response, BaseModel) else response
    question = identifier_or_blank(rule.question)
    try:
        reply = form.reply.model_validate(raw, context=declared)
    except ValidationError as error:
        model = name_or_blank(NameKind.MODEL, raw.get("model") if isinstance(raw, Mapping) else None, declared)
        return ReadAnswer(problems=_problems_in(error, form.reply, RESPONSE), model=model, question=question)
    answers = reply.answers_to(rule.question)
    if not answers:
        return ReadAnswer(model=reply.model, question=question)
    place, first = answers[0]
    question = question or reply.question_of(place, first)
    try:
        if len(answers) > 1:
            # Two answers to one question are none that anything may be done on.
            _refuse("/answers", "repeated", "holds several answers to the question of the policy")
        answer = _parse_answer(first, form, f"/answers{pointer_to([place])}")
    except InvalidInput as error:
        return ReadAnswer(problems=error.problems, model=reply.model, question=question)
    if isinstance(answer, Refusal):
        return ReadAnswer(refused=True, model=reply.model, question=question)
    confidence, kind = _confidence(answer, rule, form)
    return ReadAnswer(model=reply.model, question=question, confidence=confidence, kind=kind)


def _parse_answer(raw: dict[str, Any], form: Dialect, at: str) -> Answer:
    if any(raw.get(name) is True for name in ABSTENTIONS):
        return Refusal(type="refusal")
    kind = raw.get("type", next((shape for fields, shape in SHAPES if fields <= raw.keys()), None))
    if kind is None:
        _refuse(f"{at}/type", "missing", "Field required")
    if not isinstance(kind, str) or kind not in form.answers:
        _refuse(f"{at}/type", "type", f"Input should be one of {', '.join(form.answers)}")
    contract = form.answers[kind]
    try:
        return contract.model_validate({**raw, "type": kind})
    except ValidationError as error:
        raise InvalidInput(_BROKEN, _problems_in(error, contract, RESPONSE + at)) from None


def _problems_in(error: ValidationError, contract: type[BaseModel], at: str) -> list[FieldProblem]:
    return problems_in(error, under=at, fields=fields_of(contract))


def _refuse(at: str, code: str, detail: str) -> NoReturn:
    raise InvalidInput(_BROKEN, [FieldProblem(RESPONSE + at, code, detail)])


def _confidence(answer: Any, rule: AnswerRule, form: Dialect) -> tuple[float, ConfidenceKind]:
    if isinstance(answer, Predicate | Noul):
        yes = answer.probability
        reading = rule.confidence
        return (yes if reading is PredicateReading.YES else max(yes, 1 - yes)), _PREDICATE_KINDS[reading]
    return answer.confidence, form.kinds[type(answer)]


def payload_from_answer(
    item: DecisionEnvelope, answer: AnswerEnvelope, definition: PolicyDefinition, declared: DeclaredNames
) -> DecisionGatePayload:
    """Return what the gate judges of a decision model's answer.

    Raises
    ------
    InvalidInput
        The policy states no rule for answers.
    """
    if definition.answer is None:
        detail = "this policy key states no rule for answers of decision models"
        raise InvalidInput(detail, [FieldProblem("/answer", "no_answer_rule", detail)])
    read = read_answer(answer.dialect, answer.response, definition.answer, declared)
    return DecisionGatePayload(
        policy_key=item.policy_key,
        stated_confidence=read.confidence,
        ml_risk_score=item.ml_risk_score,
        problems=read.problems,
        refused=read.refused,
        provider=answer.provider,
        model=read.model,
        prompt_hash=answer.prompt_hash or "",
        confidence_kind=read.kind.value,
        task=read.question or item.task or "",
        channel=item.channel or "",
    )
