"""Answers of decision models: from the reply on the wire to what the gate judges.

Two forms are read: a reply of the OpenAI Decisions API, and one of System One (TypeSafe and others). The policy's
`AnswerRule` names the question and says how a predicate's probability becomes a confidence. A confidence means a
different thing for each form and kind of answer, so each has a confidence kind of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictStr, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from confidence_project.foundation.validation import fields_of, pointer_to, problems_in
from governance.definitions import AnswerRule, PolicyDefinition, PredicateReading
from governance.vocabulary import (
    DeclaredNames,
    ModelName,
    NameKind,
    Probability,
    identifier_or_blank,
    name_or_blank,
)
from ledger.contracts import AnswerEnvelope, DecisionEnvelope, DecisionGatePayload
from ledger.models import ConfidenceKind


class _Wire(BaseModel):
    """A part of a reply. Vendors add fields; those are let pass and not read."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Predicate(_Wire):
    """A yes/no question: `probability` is P(yes)."""

    type: Literal["predicate"]
    probability: Probability


class Noul(_Wire):
    """System One's predicate: `noul` is P(yes)."""

    type: Literal["noul"]
    noul: Probability

    @property
    def probability(self) -> float:
        return self.noul


def _text_or_truth(value: object) -> str | bool:
    if isinstance(value, str | bool):
        return value
    raise PydanticCustomError("option", "Input should be text, true or false")


# A string and a boolean of the same text are two values.
_Option = Annotated[str | bool, PlainValidator(_text_or_truth)]


class _TypedProbability(_Wire):
    value: _Option
    probability: Probability


class Choice(_Wire):
    """One value of several, in the OpenAI form."""

    type: Literal["choice"]
    choice: _Option
    confidence: Probability
    probabilities: Annotated[list[_TypedProbability], Field(min_length=1)]

    @model_validator(mode="after")
    def _choice_is_an_option(self) -> Choice:
        options = [(type(option.value), option.value) for option in self.probabilities]
        if (type(self.choice), self.choice) not in options:
            raise ValueError("the choice is none of the options")
        return self


class SystemOneChoice(_Wire):
    """One value of several, in the System One form."""

    type: Literal["choice"]
    choice: StrictStr
    confidence: Probability
    probabilities: Annotated[dict[str, Probability], Field(min_length=1)]

    @model_validator(mode="after")
    def _choice_is_an_option(self) -> SystemOneChoice:
        if self.choice not in self.probabilities:
            raise ValueError("the choice is none of the options")
        return self


class Score(_Wire):
    """A place on a scale of levels, in either form."""

    type: Literal["score"]
    score: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    confidence: Probability


class Refusal(_Wire):
    """The model declined to answer this question."""

    type: Literal["refusal"]


Answer = Predicate | Noul | Choice | SystemOneChoice | Score | Refusal


_Placed = tuple[int | str, dict[str, Any]]
"""An answer, and what it stands under in the reply: a place in the list, or the name of its question."""


class _OpenAIReply(_Wire):
    model: ModelName
    answers: list[dict[str, Any]]

    def answers_to(self, question: str) -> list[_Placed]:
        return [
            (place, answer)
            for place, answer in enumerate(self.answers)
            if not question or answer.get("name") == question
        ]

    @staticmethod
    def question_of(place: int | str, answer: Mapping[str, Any]) -> str:
        return identifier_or_blank(answer.get("name"))


class _SystemOneReply(_Wire):
    model: ModelName
    answers: dict[str, dict[str, Any]]

    def answers_to(self, question: str) -> list[_Placed]:
        return [(name, answer) for name, answer in self.answers.items() if not question or name == question]

    @staticmethod
    def question_of(place: int | str, answer: Mapping[str, Any]) -> str:
        return identifier_or_blank(place)


@dataclass(frozen=True, slots=True)
class _Dialect:
    reply: type[_OpenAIReply] | type[_SystemOneReply]
    answers: Mapping[str, type[Answer]]
    kinds: Mapping[type[Answer], ConfidenceKind]


_DIALECTS: Mapping[str, _Dialect] = {
    "openai": _Dialect(
        _OpenAIReply,
        {"predicate": Predicate, "choice": Choice, "score": Score, "refusal": Refusal},
        {Choice: ConfidenceKind.OPENAI_CHOICE, Score: ConfidenceKind.OPENAI_SCORE},
    ),
    "system_one": _Dialect(
        _SystemOneReply,
        {"noul": Noul, "choice": SystemOneChoice, "score": Score, "refusal": Refusal},
        {SystemOneChoice: ConfidenceKind.SYSTEM_ONE_CHOICE, Score: ConfidenceKind.SYSTEM_ONE_SCORE},
    ),
}

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
    form = _DIALECTS[dialect]
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


def _parse_answer(raw: dict[str, Any], form: _Dialect, at: str) -> Answer:
    kind = raw.get("type")
    if kind is None:
        _refuse(f"{at}/type", "missing", "Field required")
    if not isinstance(kind, str) or kind not in form.answers:
        _refuse(f"{at}/type", "type", f"Input should be one of {', '.join(form.answers)}")
    contract = form.answers[kind]
    try:
        return contract.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput(_BROKEN, _problems_in(error, contract, RESPONSE + at)) from None


def _problems_in(error: ValidationError, contract: type[BaseModel], at: str) -> list[FieldProblem]:
    return problems_in(error, under=at, fields=fields_of(contract))


def _refuse(at: str, code: str, detail: str) -> NoReturn:
    raise InvalidInput(_BROKEN, [FieldProblem(RESPONSE + at, code, detail)])


def _confidence(answer: Any, rule: AnswerRule, form: _Dialect) -> tuple[float, ConfidenceKind]:
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
