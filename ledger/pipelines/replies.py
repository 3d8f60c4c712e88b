"""Replies of decision models on the wire: of the OpenAI Decisions API, and of System One (TypeSafe and others)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import fsum, log
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictStr, model_validator
from pydantic_core import PydanticCustomError

from governance.vocabulary import ModelName, Probability, identifier_or_blank
from ledger.models import ConfidenceKind

_SUM_TOLERANCE = 0.05
"""By how much probabilities may miss 1."""

_FORMULA_TOLERANCE = 0.02
"""By how much a confidence may miss what its formula gives."""


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
        options = {(type(option.value), option.value): option.probability for option in self.probabilities}
        _check_choice(options.get((type(self.choice), self.choice)), options.values())
        return self


class SystemOneChoice(_Wire):
    """One value of several, in the System One form."""

    type: Literal["choice"]
    choice: StrictStr
    confidence: Probability
    probabilities: Annotated[dict[str, Probability], Field(min_length=1)]

    @model_validator(mode="after")
    def _choice_is_an_option(self) -> SystemOneChoice:
        chosen = _check_choice(self.probabilities.get(self.choice), self.probabilities.values())
        # Servers state one of three confidences; one that none of them gives says that the reply is made up.
        if min(abs(self.confidence - each) for each in _confidences(chosen, self.probabilities.values())) > (
            _FORMULA_TOLERANCE
        ):
            raise PydanticCustomError("confidence", "the confidence is none that the probabilities give")
        return self


def _check_choice(chosen: float | None, probabilities: Collection[float]) -> float:
    """Refuse a choice that contradicts its probabilities; return the probability of the chosen option."""
    if chosen is None:
        raise PydanticCustomError("option", "the choice is none of the options")
    if abs(fsum(probabilities) - 1) > _SUM_TOLERANCE + 1e-9:
        raise PydanticCustomError("sum", "the probabilities miss 1 by more than 0.05")
    if chosen < max(probabilities):
        raise PydanticCustomError("option", "the choice is not the most probable option")
    return chosen


def _confidences(chosen: float, probabilities: Collection[float]) -> list[float]:
    """The probability of the chosen option, how far it is above chance, and one minus the normalised entropy."""
    options = len(probabilities)
    if options == 1:
        return [chosen, 1.0]
    entropy = -fsum(each * log(each) for each in probabilities if each > 0)
    return [chosen, (options * chosen - 1) / (options - 1), 1 - entropy / log(options)]


class Score(_Wire):
    """A place on a scale of levels, in either form."""

    type: Literal["score"]
    score: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    confidence: Probability
    probabilities: Any = None

    @model_validator(mode="after")
    def _score_is_on_its_scale(self) -> Score:
        # The mean of the numbers of the levels, which begin at 0.
        if isinstance(self.probabilities, Mapping | list) and not 0 <= self.score <= len(self.probabilities) - 1:
            raise PydanticCustomError("score", "the score is off its scale, whose levels begin at 0")
        return self


class Refusal(_Wire):
    """The model declined to answer this question."""

    type: Literal["refusal"]


ABSTENTIONS = ("abstain", "unknown", "uncertain")
"""Fields by which servers say that the model abstains, whatever its confidence."""

SHAPES: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"choice", "probabilities"}), "choice"),
    (frozenset({"score", "confidence"}), "score"),
    (frozenset({"noul"}), "noul"),
)
"""What an answer without a type unmistakably is."""

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
