"""Answers of decision models: from the reply on the wire to what the gate judges.

The forms that are read stand in `replies` and `answers`. The policy's `AnswerRule` names the question and says how a
predicate's probability becomes a confidence. A choice is as sure as its chosen option is probable; only without
probabilities, and for scores, the vendor's own number counts. Each of these has a confidence kind of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from confidence_project.foundation.validation import fields_of, pointer_to, problems_in
from governance.answer_rules import AnswerRule, PredicateReading
from governance.definitions import PolicyDefinition
from governance.vocabulary import DeclaredNames, NameKind, name_or_blank
from ledger.contracts import AnswerEnvelope, DecisionEnvelope, DecisionGatePayload
from ledger.models import ConfidenceKind
from ledger.pipelines.answers import Answer, Noul, Predicate, Refusal, Score
from ledger.pipelines.readings import ReadAnswer, read_together
from ledger.pipelines.replies import (
    ABSTENTIONS,
    DIALECTS,
    REFUSALS,
    SHAPES,
    UNJUDGED,
    Dialect,
    DialectName,
    Placed,
)
from ledger.questions.asked import asked_of
from ledger.questions.identity import is_same_text, task_of
from ledger.reasons import PipelineReason

RESPONSE = "/answer/response"
"""Where a reply stands in the `DecisionEnvelope`."""

_TRUE = (True, "true")
"""A 1 is equal to the first."""


def read_answer(
    dialect: DialectName,
    response: object,
    rule: AnswerRule,
    declared: DeclaredNames | None = None,
    *,
    model: str = "",
    questions: Mapping[str, Any] | Sequence[Any] | None = None,
) -> ReadAnswer:
    """Return what `response` (JSON, or what an SDK made of it) says about the question that `rule` names, or about
    its several questions together.

    Only their answers are looked at: the others may be of any type and refused or broken.

    Parameters
    ----------
    model
        The one that was asked: it counts where the reply names none.
    questions
        Those of the request, in the dialect's form; their words are hashed and not kept.
    """
    if rule.questions:
        alone = [replace(rule, question=name, questions=()) for name in rule.questions]
        reads = [read_answer(dialect, response, one, declared, model=model, questions=questions) for one in alone]
        return read_together(rule, reads)
    form = DIALECTS[dialect]
    raw = response.model_dump() if isinstance(response, BaseModel) else response
    read = ReadAnswer(question=task_of(rule.question) if rule.question else "")
    try:
        reply = form.reply.model_validate(raw, context=declared)
    except ValidationError as error:
        named = name_or_blank(NameKind.MODEL, raw.get("model") if isinstance(raw, Mapping) else None, declared)
        return replace(read, problems=_problems_in(error, form.reply, RESPONSE), model=named)
    read = replace(read, model=reply.model or model)
    if not read.model:
        detail = "the reply names no model: say which one was asked, in /answer/model"
        return replace(read, problems=[FieldProblem(f"{RESPONSE}/model", "missing", detail)])
    if reply.is_blocked:
        return replace(read, refused=True)
    answers = [each for each in reply.placed if not rule.question or is_same_text(each.question, rule.question)]
    if not answers:
        return read
    if len(answers) > 1:
        return _several(read, answers)
    (placed,) = answers
    asked = asked_of(questions, placed.question, placed.place)
    question = task_of(placed.question) if placed.question else ""
    read = replace(read, question=question, options=asked.options, wording=asked.wording)
    return _read_one(read, placed, rule, form)


def _several(read: ReadAnswer, answers: Sequence[Placed]) -> ReadAnswer:
    first = answers[0].question
    if first and all(is_same_text(each.question, first) for each in answers):
        # Two answers to one question are none that anything may be done on.
        problem = FieldProblem(f"{RESPONSE}/answers", "repeated", "holds several answers to the question of the policy")
        return replace(read, problems=[problem])
    detail = (
        f"the policy names no question and the reply holds {len(answers)} answers: name the question in the answer "
        "rule of the policy's definition; the reply is sound"
    )
    return _unjudged(read, PipelineReason.QUESTION_NOT_NAMED, "/policy_key", detail)


def _read_one(read: ReadAnswer, placed: Placed, rule: AnswerRule, form: Dialect) -> ReadAnswer:
    at = f"{RESPONSE}/answers{pointer_to([placed.place])}"
    raw = placed.answer
    if not isinstance(raw, Mapping):
        return replace(read, problems=[FieldProblem(at, "dict_type", "Input should be an object")])
    kind = raw.get("type")
    if kind is None:
        kind = next((shape for fields, shape in SHAPES if fields <= raw.keys()), None)
    if _says(raw, kind, REFUSALS):
        return replace(read, refused=True)
    if _says(raw, kind, ABSTENTIONS):
        return replace(read, unjudged=PipelineReason.LLM_ABSTENTION)
    if not isinstance(kind, str):
        code = "missing" if kind is None else "type"
        return replace(read, problems=[FieldProblem(f"{at}/type", code, "Field required, as text")])
    if kind not in form.answers:
        detail = f"is none of the types that are read: {', '.join(form.answers)}; name another question in the policy"
        reason, words = UNJUDGED.get(kind, (PipelineReason.UNKNOWN_ANSWER_TYPE, detail))
        return _unjudged(read, reason, f"{at}/type", words)
    contract = form.answers[kind]
    try:
        answer = contract.model_validate({**raw, "type": kind})
    except ValidationError as error:
        return replace(read, problems=_problems_in(error, contract, at))
    return _with_confidence(read, answer, rule, form, at)


def _says(raw: Mapping[str, Any], kind: object, words: Collection[str]) -> bool:
    """Whether an answer's type, action or abstention is one of `words`, or a field of such a name is true."""
    said = (kind, raw.get("action"), raw.get("abstention"))
    return any(each in words for each in said) or any(raw.get(word) in _TRUE for word in words)


def _unjudged(read: ReadAnswer, reason: PipelineReason, at: str, words: str) -> ReadAnswer:
    return replace(read, unjudged=reason, problems=[FieldProblem(at, reason.value, words)])


def _with_confidence(read: ReadAnswer, answer: Answer, rule: AnswerRule, form: Dialect, at: str) -> ReadAnswer:
    if isinstance(answer, Refusal):
        return replace(read, refused=True)
    if isinstance(answer, Predicate | Noul):
        confidence, kind = _of_predicate(answer.probability, rule.confidence)
        return replace(read, options="", confidence=confidence, kind=kind)
    read = replace(read, options=answer.options or read.options)
    if not isinstance(answer, Score) and answer.chance is not None:
        return replace(read, confidence=answer.chance, kind=ConfidenceKind.CHOICE_PROBABILITY)
    if answer.confidence is None:
        words = "the answer has no confidence and no probabilities: ask the server for them, or for a yes/no answer"
        return _unjudged(read, PipelineReason.NO_CONFIDENCE, f"{at}/confidence", words)
    return replace(read, confidence=answer.confidence, kind=form.score if isinstance(answer, Score) else form.choice)


def _of_predicate(yes: float, reading: PredicateReading) -> tuple[float, ConfidenceKind]:
    if reading is PredicateReading.MAX:
        return max(yes, 1 - yes), ConfidenceKind.PREDICATE_MAX
    # The likelier side is the answer, as a host reads it; a tie is a yes.
    if reading is PredicateReading.SIDES and yes < 0.5:
        return 1 - yes, ConfidenceKind.PREDICATE_NO
    return yes, ConfidenceKind.PREDICATE_YES


def _problems_in(error: ValidationError, contract: type[BaseModel], at: str) -> list[FieldProblem]:
    return problems_in(error, under=at, fields=fields_of(contract))


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
    read = read_answer(
        answer.dialect,
        answer.response,
        definition.answer,
        declared,
        model=answer.model or "",
        questions=answer.questions,
    )
    # An answered question has a task in any case: what has none would be pooled with everything else that has none.
    unnamed = task_of("") if read.confidence is not None else ""
    return DecisionGatePayload(
        policy_key=item.policy_key,
        stated_confidence=read.confidence,
        ml_risk_score=item.ml_risk_score,
        problems=read.problems,
        refused=read.refused,
        precheck=read.unjudged,
        provider=answer.provider,
        model=read.model,
        prompt_hash=answer.prompt_hash or read.wording,
        confidence_kind=read.kind.value,
        task=read.question or item.task or unnamed,
        options=read.options,
        together={name: asdict(each) for name, each in read.together.items()},
        channel=item.channel or "",
    )
