"""Answers of decision models, by type. One that contradicts itself is none, whatever its confidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import fsum, log
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, StrictStr, model_validator
from pydantic_core import PydanticCustomError

from governance.vocabulary import Probability
from ledger.questions.identity import options_of_choice, options_of_score

_SUM_TOLERANCE = 0.05
"""By how much probabilities may miss 1, and a score its levels' mean by each level."""

_FORMULA_TOLERANCE = 0.02
"""By how much a confidence may miss what its formula gives."""


class Wire(BaseModel):
    """A part of a reply. Vendors add fields; those are let pass and not read."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Predicate(Wire):
    """A yes/no question: `probability` is P(yes)."""

    type: Literal["predicate"]
    probability: Probability


class Noul(Wire):
    """System One's predicate: `noul` is P(yes). Some servers add a confidence, of whatever meaning."""

    type: Literal["noul"]
    noul: Probability

    @property
    def probability(self) -> float:
        return self.noul


class GoogleNoul(Noul):
    """The same, with the probability of the likelier side as its confidence."""

    confidence: Probability | None = None

    @model_validator(mode="after")
    def _confidence_is_of_the_likelier_side(self) -> GoogleNoul:
        _check_confidence(self.confidence, [max(self.noul, 1 - self.noul)])
        return self


def _text_or_truth(value: object) -> str | bool:
    if isinstance(value, str | bool):
        return value
    raise PydanticCustomError("option", "Input should be text, true or false")


# A string and a boolean of the same text are two values.
_Option = Annotated[str | bool, PlainValidator(_text_or_truth)]


class _OptionProbability(Wire):
    value: _Option
    probability: Probability


class _Choice(Wire):
    """One value of several. The confidence is the vendor's own number; `chance` is that of the chosen option."""

    type: Literal["choice"]
    confidence: Probability | None = None

    @property
    def chosen(self) -> str | bool:
        raise NotImplementedError

    @property
    def distribution(self) -> Sequence[tuple[str | bool, float]]:
        """Options with their probabilities; none where the server left them out."""
        raise NotImplementedError

    def formulas(self, chosen: float) -> Sequence[float]:
        """What the confidence may be; nothing where nobody knows how it comes about."""
        return ()

    @property
    def chance(self) -> float | None:
        return next((chance for label, chance in self.distribution if _is(label, self.chosen)), None)

    @property
    def options(self) -> str:
        return options_of_choice([label for label, _ in self.distribution]) if self.distribution else ""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> _Choice:
        probabilities = [chance for _, chance in self.distribution]
        if not probabilities:
            return self
        if len({(type(label), label) for label, _ in self.distribution}) < len(probabilities):
            raise PydanticCustomError("option", "an option stands there twice")
        chosen = self.chance
        if chosen is None:
            raise PydanticCustomError("option", "the choice is none of the options")
        _check_sum(probabilities)
        if chosen < max(probabilities):
            raise PydanticCustomError("option", "the choice is not the most probable option")
        _check_confidence(self.confidence, self.formulas(chosen))
        return self


def _is(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _check_sum(probabilities: Collection[float]) -> None:
    if abs(fsum(probabilities) - 1) > _SUM_TOLERANCE + 1e-9:
        raise PydanticCustomError("sum", "the probabilities miss 1 by more than 0.05")


def _check_confidence(stated: float | None, formulas: Collection[float]) -> None:
    """Refuse a confidence that none of the formulas gives: it says that the reply is made up."""
    if stated is not None and formulas and min(abs(stated - each) for each in formulas) > _FORMULA_TOLERANCE:
        raise PydanticCustomError("confidence", "the confidence is none that the probabilities give")


class Choice(_Choice):
    """In the OpenAI form; how its confidence comes about is not published."""

    choice: _Option
    probabilities: Annotated[list[_OptionProbability], Field(min_length=1)] | None = None

    @property
    def chosen(self) -> str | bool:
        return self.choice

    @property
    def distribution(self) -> Sequence[tuple[str | bool, float]]:
        return [(each.value, each.probability) for each in self.probabilities or ()]


class SystemOneChoice(_Choice):
    """In the System One form, whose servers state one of three confidences."""

    choice: StrictStr
    probabilities: Annotated[dict[str, Probability], Field(min_length=1)] | None = None

    def formulas(self, chosen: float) -> Sequence[float]:
        """The probability of the chosen option, how far it is above chance, and one minus the normalised entropy."""
        probabilities = [chance for _, chance in self.distribution]
        options = len(probabilities)
        if options == 1:
            return [chosen, 1.0]
        entropy = -fsum(each * log(each) for each in probabilities if each > 0)
        return [chosen, (options * chosen - 1) / (options - 1), 1 - entropy / log(options)]

    @property
    def chosen(self) -> str | bool:
        return self.choice

    @property
    def distribution(self) -> Sequence[tuple[str | bool, float]]:
        return list((self.probabilities or {}).items())


class GoogleChoice(SystemOneChoice):
    """In Google's form, whose confidence is the probability of the chosen option."""

    def formulas(self, chosen: float) -> Sequence[float]:
        return [chosen]


class _Level(Wire):
    value: Annotated[int, Field(strict=True)]
    probability: Probability
    label: Any = None


def _levels(given: object) -> object:
    """Bring the forms of a scale into one: a list of numbered levels; a list or an object of probabilities."""
    if isinstance(given, list) and all(isinstance(each, Mapping) for each in given):
        return given
    if isinstance(given, list):
        return [{"value": place, "probability": each} for place, each in enumerate(given)]
    if isinstance(given, Mapping):
        # Whatever has no number counts by its place.
        return [
            {"value": int(name) if _is_number(name) else place, "probability": each}
            for place, (name, each) in enumerate(given.items())
        ]
    return given


def _is_number(name: object) -> bool:
    return isinstance(name, str) and name.isdecimal() and name.isascii() and len(name) < 4


class Score(Wire):
    """A place on a scale of levels, in any form: the mean of their numbers. Formulas of its confidence differ."""

    type: Literal["score"]
    score: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    confidence: Probability | None = None
    legend: Any = None
    probabilities: Annotated[list[_Level] | None, BeforeValidator(_levels)] = None

    @model_validator(mode="after")
    def _is_the_mean_of_its_levels(self) -> Score:
        levels = self.probabilities or ()
        if not levels:
            return self
        numbers = sorted(level.value for level in levels)
        if numbers != list(range(len(numbers))):
            raise PydanticCustomError("score", "the levels are not numbered from 0 on")
        _check_sum([level.probability for level in levels])
        mean = fsum(level.value * level.probability for level in levels)
        # At most half a level: a scale that is counted from 1 lies one beside it.
        if abs(self.score - mean) > min(_SUM_TOLERANCE * (len(numbers) - 1), 0.5) + 1e-9:
            raise PydanticCustomError("score", "the score is not the mean of the numbers of its levels, from 0 on")
        return self

    @property
    def options(self) -> str:
        """Number and digest of the levels; blank where the server left them out."""
        levels = sorted(self.probabilities or (), key=lambda level: level.value)
        legend = list(self.legend) if isinstance(self.legend, list) else _in_order(self.legend)
        labels = [level.label for level in levels if level.label is not None] or legend
        number = len(levels) or len(labels)
        return options_of_score(number, labels) if number else ""


def _in_order(legend: object) -> list[Any]:
    if not isinstance(legend, Mapping):
        return []
    return [legend[name] for name in sorted(legend, key=lambda name: (len(str(name)), str(name)))]


class GoogleScore(Score):
    """The same, with the probability of the likeliest level as its confidence."""

    @model_validator(mode="after")
    def _confidence_is_of_the_likeliest_level(self) -> GoogleScore:
        if self.probabilities:
            _check_confidence(self.confidence, [max(level.probability for level in self.probabilities)])
        return self


class Refusal(Wire):
    """The model declined to answer this question."""

    type: Literal["refusal"]


Answer = Predicate | Noul | Choice | SystemOneChoice | Score | Refusal
