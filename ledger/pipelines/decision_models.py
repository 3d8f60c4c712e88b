"""Answers of decision models: from the reply on the wire to what the gate judges.

Two forms are read: a reply of the OpenAI Decisions API, and one of System One (TypeSafe and others). The policy's
`AnswerRule` names the question and says how a predicate's probability becomes a confidence. A confidence means a
different thing for each form and kind of answer, so each has a confidence kind of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, TypeAdapter, ValidationError, model_validator

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from governance.definitions import AnswerRule, PolicyDefinition, PredicateReading
from governance.vocabulary import Identifier, Probability, identifier_or_blank
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


class _TypedProbability(_Wire):
    # A string and a boolean of the same text are two values.
    value: StrictStr | StrictBool
    probability: Probability


class Choice(_Wire):
    """One value of several, in the OpenAI form."""

    type: Literal["choice"]
    choice: StrictStr | StrictBool
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


class _OpenAIReply(_Wire):
    model: Identifier
    answers: list[dict[str, Any]]

    def answers_to(self, question: str) -> list[dict[str, Any]]:
        return [answer for answer in self.answers if not question or answer.get("name") == question]

    def question_of(self, answer: Mapping[str, Any]) -> str:
        return identifier_or_blank(answer.get("name"))


class _SystemOneReply(_Wire):
    model: Identifier
    answers: dict[str, dict[str, Any]]

    def answers_to(self, question: str) -> list[dict[str, Any]]:
        return [answer for name, answer in self.answers.items() if not question or name == question]

    def question_of(self, answer: Mapping[str, Any]) -> str:
        return next((identifier_or_blank(name) for name, each in self.answers.items() if each is answer), "")


@dataclass(frozen=True, slots=True)
class _Dialect:
    reply: type[_OpenAIReply] | type[_SystemOneReply]
    answer: TypeAdapter[Any]
    kinds: Mapping[type[Answer], ConfidenceKind]


_DIALECTS: Mapping[str, _Dialect] = {
    "openai": _Dialect(
        _OpenAIReply,
        TypeAdapter(Annotated[Predicate | Choice | Score | Refusal, Field(discriminator="type")]),
        {Choice: ConfidenceKind.OPENAI_CHOICE, Score: ConfidenceKind.OPENAI_SCORE},
    ),
    "system_one": _Dialect(
        _SystemOneReply,
        TypeAdapter(Annotated[Noul | SystemOneChoice | Score | Refusal, Field(discriminator="type")]),
        {SystemOneChoice: ConfidenceKind.SYSTEM_ONE_CHOICE, Score: ConfidenceKind.SYSTEM_ONE_SCORE},
    ),
}

_PREDICATE_KINDS = {
    PredicateReading.YES: ConfidenceKind.PREDICATE_YES,
    PredicateReading.MAX: ConfidenceKind.PREDICATE_MAX,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAnswer:
    """What a reply says about the policy's question.

    `confidence` is None when there is no answer (`refused`, or the question is not among those answered) and when
    the reply is broken (`valid` False). `model` is the one that answered, whatever alias was asked for.
    """

    valid: bool = True
    refused: bool = False
    model: str = ""
    question: str = ""
    confidence: float | None = None
    kind: ConfidenceKind = ConfidenceKind.DECISION_MODEL


def read_answer(dialect: Literal["openai", "system_one"], response: object, rule: AnswerRule) -> ReadAnswer:
    """Return what `response` (JSON, or an `openai.types.Decision`) says about the question that `rule` names.

    Only that question's answer is looked at: the others may be of any type and refused or broken.
    """
    form = _DIALECTS[dialect]
    raw = response.model_dump() if isinstance(response, BaseModel) else response
    question = identifier_or_blank(rule.question)
    try:
        reply = form.reply.model_validate(raw)
    except ValidationError:
        model = raw.get("model") if isinstance(raw, Mapping) else None
        return ReadAnswer(valid=False, model=identifier_or_blank(model), question=question)
    answers = reply.answers_to(rule.question)
    if not answers:
        return ReadAnswer(model=reply.model, question=question)
    question = question or reply.question_of(answers[0])
    try:
        # Two answers to one question are none that anything may be done on.
        (answer,) = (form.answer.validate_python(each) for each in answers)
    except ValueError:
        return ReadAnswer(valid=False, model=reply.model, question=question)
    if isinstance(answer, Refusal):
        return ReadAnswer(refused=True, model=reply.model, question=question)
    confidence, kind = _confidence(answer, rule, form)
    return ReadAnswer(model=reply.model, question=question, confidence=confidence, kind=kind)


def _confidence(answer: Any, rule: AnswerRule, form: _Dialect) -> tuple[float, ConfidenceKind]:
    if isinstance(answer, Predicate | Noul):
        yes = answer.probability
        reading = rule.confidence
        return (yes if reading is PredicateReading.YES else max(yes, 1 - yes)), _PREDICATE_KINDS[reading]
    return answer.confidence, form.kinds[type(answer)]


def payload_from_answer(
    item: DecisionEnvelope, answer: AnswerEnvelope, definition: PolicyDefinition
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
    read = read_answer(answer.dialect, answer.response, definition.answer)
    return DecisionGatePayload(
        policy_key=item.policy_key,
        stated_confidence=read.confidence,
        ml_risk_score=item.ml_risk_score,
        schema_valid=read.valid,
        refused=read.refused,
        provider=answer.provider,
        model=read.model,
        prompt_hash=answer.prompt_hash or "",
        confidence_kind=read.kind.value,
        task=read.question or item.task or "",
        channel=item.channel or "",
    )
