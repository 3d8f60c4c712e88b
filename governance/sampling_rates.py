"""Which share of the decisions is drawn for people to label: by side, band of confidence and segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from confidence_project.foundation.formatting import percent
from governance.definitions import LATTICE, SEGMENT_KEYS, to_lattice

Side = Literal["allowed", "blocked"]
"""Of the thresholds: what they let through; what they blocked or left to people to decide (`ask`)."""

SIDES: tuple[Side, ...] = ("allowed", "blocked")

_LONGEST_NAME = 200
MOST_RULES = 50
"""Each decision may be compared with all of them."""

_FIELDS = {"side", "from", "below", "match", "rate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRule:
    """A rate for the decisions that it covers; what it leaves out, covers everything.

    Parameters
    ----------
    rate : Decimal
        Probability with which such a decision is drawn, 0 to 1, at most 4 decimals.
    side : {"allowed", "blocked", ""}
        What the thresholds said; blank: either.
    confidence_from, confidence_below : int or None
        Band of confidence on the lattice, 0…10,000: from the first on, below the second.
    match : tuple of (segment key, value)
        What the decisions carry, all of it.
    """

    rate: Decimal
    side: Side | Literal[""] = ""
    confidence_from: int | None = None
    confidence_below: int | None = None
    match: tuple[tuple[str, str], ...] = ()

    def covers(self, side: Side, confidence: int | None, segment: Mapping[str, str]) -> bool:
        """True for a decision of this side, confidence (on the lattice; None: it states none) and segment."""
        if self.side and self.side != side:
            return False
        if self.confidence_from is not None and (confidence is None or confidence < self.confidence_from):
            return False
        if self.confidence_below is not None and (confidence is None or confidence >= self.confidence_below):
            return False
        for key, value in self.match:  # noqa: SIM110 - each decision waits for it, and a generator takes twice as long
            if segment.get(key) != value:
                return False
        return True

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form, without what is left out."""
        said: dict[str, Any] = {"side": self.side} if self.side else {}
        for name, bound in (("from", self.confidence_from), ("below", self.confidence_below)):
            if bound is not None:
                said[name] = bound / LATTICE
        if self.match:
            said["match"] = dict(self.match)
        return {**said, "rate": float(self.rate)}

    def __str__(self) -> str:
        of_what = {"": "decided", "allowed": "allowed", "blocked": "not allowed"}[self.side]
        bounds = (("from", self.confidence_from), ("below", self.confidence_below))
        band = [f"{word} {bound / LATTICE:g}" for word, bound in bounds if bound is not None]
        where = [f"{key.replace('_', ' ')} {value}" for key, value in self.match]
        named = [f"a confidence {' and '.join(band)}"] if band else []
        with_what = f" with {', '.join([*named, *where])}" if named or where else ""
        return f"Of what is {of_what}{with_what}: {percent(float(self.rate))}"


@dataclass(frozen=True, slots=True)
class SamplingRates:
    """The rates of a policy: the first rule that covers a decision gives its rate.

    Parameters
    ----------
    blocked : Decimal
        Rate of what is blocked and no rule covers. What is allowed and no rule covers is not drawn.
    rules : tuple of SamplingRule
        In the order in which they are looked at.

    Raises
    ------
    InvalidInput
        A rate, a band, a side or a segment is none; there are more than 50 rules.
    """

    blocked: Decimal = Decimal(0)
    rules: tuple[SamplingRule, ...] = field(default=())

    def __post_init__(self) -> None:
        problems = [] if _is_rate(self.blocked) else [FieldProblem("/rate", "value", _RATE)]
        if len(self.rules) > MOST_RULES:
            problems.append(FieldProblem("/rules", "value", f"there are at most {MOST_RULES} rules; leave some out"))
        for place, rule in enumerate(self.rules):
            problems += [FieldProblem(f"/rules/{place}{at}", "value", why) for at, why in _wrong_with(rule)]
        if problems:
            raise InvalidInput(f"The rates are not valid: {problems[0].detail}.", problems)

    def rate_of(self, side: Side, confidence: int | None, segment: Mapping[str, str]) -> Decimal | None:
        """Return the probability with which a decision is drawn, None where it is in no draw.

        Parameters
        ----------
        confidence
            On the lattice, 0…10,000; None: the decision states none, and no band covers it.
        """
        for rule in self.rules:
            if rule.covers(side, confidence, segment):
                return rule.rate
        return self.blocked if side == "blocked" else None

    def highest(self, side: Side) -> Decimal:
        """Return the highest rate that a decision of this side may be drawn at."""
        rates = [rule.rate for rule in self.rules if rule.side in ("", side)]
        return max([*rates, self.blocked] if side == "blocked" else rates, default=Decimal(0))

    def lowest(self, side: Side, band: tuple[int, int], segment: Mapping[str, str]) -> Decimal:
        """Return the lowest rate of a band of confidence, its ends included, in a segment; 0 where some is in no draw.

        What the segment leaves open may or may not be what a rule matches.
        """
        bounds = [bound for rule in self.rules for bound in (rule.confidence_from, rule.confidence_below)]
        places = {band[0], *(bound for bound in bounds if bound is not None and band[0] < bound <= band[1])}
        return min(self._lowest_at(side, place, segment) for place in places)

    def _lowest_at(self, side: Side, confidence: int, segment: Mapping[str, str]) -> Decimal:
        rates = []
        for rule in self.rules:
            known = {**dict(rule.match), **segment}
            if rule.covers(side, confidence, known):
                rates.append(rule.rate)
                if rule.covers(side, confidence, segment):
                    return min(rates)
        return min([*rates, self.blocked if side == "blocked" else Decimal(0)])

    @property
    def words(self) -> tuple[str, ...]:
        """What is drawn, a sentence for each rule."""
        last = f"Of what is {'not allowed otherwise' if self.rules else 'not allowed'}: {percent(float(self.blocked))}"
        return (*map(str, self.rules), *([last] if self.blocked or not self.rules else []))

    def rules_as_json(self) -> list[dict[str, Any]] | None:
        """Return the JSON form of the rules, None without any."""
        return [rule.as_json() for rule in self.rules] or None


def read_rates(blocked: Decimal, rules: object) -> SamplingRates:
    """Return the rates of a rate and the JSON form of rules, None for none.

    Raises
    ------
    InvalidInput
        What is wrong with which rule, with a pointer.
    """
    if rules is None:
        return SamplingRates(blocked)
    if not isinstance(rules, Sequence) or isinstance(rules, str):
        raise _invalid("/rules", "rules must be an array")
    return SamplingRates(blocked, tuple(read_rule(rule, f"/rules/{place}") for place, rule in enumerate(rules)))


def read_rule(raw: object, at: str) -> SamplingRule:
    """Return a rule from its JSON form; `at` is the pointer to it. Raises as `read_rates`."""
    if not isinstance(raw, Mapping) or not set(raw) <= _FIELDS or "rate" not in raw:
        raise _invalid(at, f"a rule has a rate, and beside it none but {', '.join(sorted(_FIELDS - {'rate'}))}")
    match = raw.get("match") or {}
    if not isinstance(match, Mapping):
        raise _invalid(f"{at}/match", "match must be an object of segment keys and values")
    return SamplingRule(
        rate=Decimal(_on_lattice(raw["rate"], f"{at}/rate")) / LATTICE,
        side=raw.get("side") or "",
        confidence_from=None if raw.get("from") is None else _on_lattice(raw["from"], f"{at}/from"),
        confidence_below=None if raw.get("below") is None else _on_lattice(raw["below"], f"{at}/below"),
        match=tuple(sorted(match.items())),
    )


def _on_lattice(value: object, at: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _invalid(at, _RATE)
    if abs(value * LATTICE - to_lattice(value)) > 1e-6:
        raise _invalid(at, _RATE)
    return to_lattice(value)


_RATE = "rates and confidences are numbers from 0 to 1 with at most 4 decimals"


def _invalid(pointer: str, detail: str) -> InvalidInput:
    return InvalidInput(f"The rates are not valid: {detail}.", [FieldProblem(pointer, "value", detail)])


def _is_rate(rate: object) -> bool:
    return isinstance(rate, Decimal) and rate.is_finite() and 0 <= rate <= 1 and rate * LATTICE == int(rate * LATTICE)


def _wrong_with(rule: SamplingRule) -> list[tuple[str, str]]:
    """Where in a rule something is wrong, and what."""
    low, high = rule.confidence_from, rule.confidence_below
    wrong = [] if _is_rate(rule.rate) else [("/rate", _RATE)]
    if rule.side not in ("", *SIDES):
        wrong.append(("/side", f"side is one of {', '.join(SIDES)}, or left out for both"))
    if any(bound is not None and not 0 <= bound <= LATTICE for bound in (low, high)):
        wrong.append(("/from", _RATE))
    elif (low or 0) >= (LATTICE + 1 if high is None else high):
        wrong.append(("/below", "a band of confidence begins below its end"))
    if len(dict(rule.match)) < len(rule.match) or not {key for key, _ in rule.match} <= set(SEGMENT_KEYS):
        wrong.append(("/match", f"match names each of {', '.join(SEGMENT_KEYS)} at most once, and nothing else"))
    if not all(_is_name(value) for _, value in rule.match):
        wrong.append(("/match", f"a value to match has 1 to {_LONGEST_NAME} characters that can be printed"))
    return wrong


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable()
