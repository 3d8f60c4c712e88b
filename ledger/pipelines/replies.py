"""Replies of decision models on the wire: of the OpenAI Decisions API, and of System One (TypeSafe and others)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictStr, model_validator
from pydantic_core import PydanticCustomError

from governance.vocabulary import ModelName, Probability, identifier_or_blank
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


Placed = tuple[int | str, dict[str, Any]]
"""An answer, and what it stands under in the reply: a place in the list, or the name of its question."""


class OpenAIReply(_Wire):
    """A reply of the OpenAI Decisions API: a list of answers, which may have the names of their questions."""

    model: ModelName
    answers: list[dict[str, Any]]

    def answers_to(self, question: str) -> list[Placed]:
        return [
            (place, answer)
            for place, answer in enumerate(self.answers)
            if not question or answer.get("name") == question
        ]

    @staticmethod
    def question_of(place: int | str, answer: Mapping[str, Any]) -> str:
        return identifier_or_blank(answer.get("name"))


class SystemOneReply(_Wire):
    """A reply of System One: answers under the names of their questions."""

    model: ModelName
    answers: dict[str, dict[str, Any]]

    def answers_to(self, question: str) -> list[Placed]:
        return [(name, answer) for name, answer in self.answers.items() if not question or name == question]

    @staticmethod
    def question_of(place: int | str, answer: Mapping[str, Any]) -> str:
        return identifier_or_blank(place)


@dataclass(frozen=True, slots=True)
class Dialect:
    """A form of replies: its answers by type, and the confidence kinds of those that state a confidence."""

    reply: type[OpenAIReply] | type[SystemOneReply]
    answers: Mapping[str, type[Answer]]
    kinds: Mapping[type[Answer], ConfidenceKind]


DIALECTS: Mapping[str, Dialect] = {
    "openai": Dialect(
        OpenAIReply,
        {"predicate": Predicate, "choice": Choice, "score": Score, "refusal": Refusal},
        {Choice: ConfidenceKind.OPENAI_CHOICE, Score: ConfidenceKind.OPENAI_SCORE},
    ),
    "system_one": Dialect(
        SystemOneReply,
        {"noul": Noul, "choice": SystemOneChoice, "score": Score, "refusal": Refusal},
        {SystemOneChoice: ConfidenceKind.SYSTEM_ONE_CHOICE, Score: ConfidenceKind.SYSTEM_ONE_SCORE},
    ),
}
