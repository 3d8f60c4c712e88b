"""The rates of audit sampling as a value: what was written stays, the first rule counts, what is wrong is named."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confidence_project.foundation.errors import InvalidInput
from governance.definitions import LATTICE, SEGMENT_KEYS
from governance.sampling_rates import SIDES, SamplingRates, SamplingRule, read_rates

RATES = st.integers(0, LATTICE).map(lambda places: Decimal(places) / LATTICE)
NAMES = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20)


@st.composite
def rules(draw: st.DrawFn) -> SamplingRule:
    low, high = sorted(draw(st.lists(st.integers(0, LATTICE), min_size=2, max_size=2, unique=True)))
    return SamplingRule(
        rate=draw(RATES),
        side=draw(st.sampled_from(("", *SIDES))),
        confidence_from=draw(st.sampled_from((None, low))),
        confidence_below=draw(st.sampled_from((None, high))),
        match=tuple(sorted(draw(st.dictionaries(st.sampled_from(SEGMENT_KEYS), NAMES, max_size=2)).items())),
    )


MANY = st.builds(SamplingRates, RATES, st.lists(rules(), max_size=5).map(tuple))


@given(MANY)
def test_rates__written_and_read__are_the_same(rates: SamplingRates) -> None:
    assert read_rates(rates.blocked, rates.rules_as_json()) == rates


@given(MANY, st.sampled_from(SIDES), st.integers(0, LATTICE) | st.none(), st.sampled_from(SEGMENT_KEYS), NAMES)
def test_rate__of_a_decision__is_that_of_the_first_rule_that_covers_it(rates, side, confidence, key, value) -> None:
    covering = [rule.rate for rule in rates.rules if rule.covers(side, confidence, {key: value})]
    fallback = rates.blocked if side == "blocked" else None
    found = rates.rate_of(side, confidence, {key: value})
    assert found == (covering[0] if covering else fallback)
    assert found is None or found <= rates.highest(side)


SEGMENTS = st.dictionaries(st.sampled_from(SEGMENT_KEYS), NAMES, max_size=2)


@given(MANY, st.sampled_from(SIDES), st.integers(0, LATTICE), st.integers(0, LATTICE), SEGMENTS, SEGMENTS)
def test_lowest__of_a_band__is_undercut_by_no_decision_in_it(rates, side, one, other, segment, more) -> None:
    low, high = sorted((one, other))
    least = rates.lowest(side, (low, high), segment)
    for confidence in (low, (low + high) // 2, high):
        assert (rates.rate_of(side, confidence, {**more, **segment}) or 0) >= least


@given(MANY, st.sampled_from(SIDES), st.integers(0, LATTICE))
def test_rule__that_covers_everything__leaves_the_later_ones_nothing(rates, side, confidence) -> None:
    first = SamplingRates(rates.blocked, (SamplingRule(rate=Decimal("0.5")), *rates.rules))
    assert first.rate_of(side, confidence, {}) == Decimal("0.5")


def test_rate__at_the_ends_of_a_band__begins_with_it_and_ends_before() -> None:
    rates = SamplingRates(
        Decimal("0.1"), (SamplingRule(rate=Decimal(1), confidence_from=9_000, confidence_below=9_500),)
    )
    at = [rates.rate_of("blocked", confidence, {}) for confidence in (8_999, 9_000, 9_499, 9_500, None)]
    assert at == [Decimal("0.1"), 1, 1, Decimal("0.1"), Decimal("0.1")]
    assert [rates.rate_of("allowed", confidence, {}) for confidence in (8_999, 9_000)] == [None, 1]


@pytest.mark.parametrize(
    ("written", "pointer"),
    [
        ("all", "/rules"),
        ([{"side": "allowed"}], "/rules/0"),
        ([{"rate": 1, "share": 1}], "/rules/0"),
        ([{"rate": True}], "/rules/0/rate"),
        ([{"rate": 0.12345}], "/rules/0/rate"),
        ([{"rate": 1.5}], "/rules/0/rate"),
        ([{"rate": 1}, {"rate": "1"}], "/rules/1/rate"),
        ([{"rate": 1, "side": "north"}], "/rules/0/side"),
        ([{"rate": 1, "from": -0.1}], "/rules/0/from"),
        ([{"rate": 1, "from": 0.9, "below": 0.9}], "/rules/0/below"),
        ([{"rate": 1, "below": 0}], "/rules/0/below"),
        ([{"rate": 1, "match": ["model"]}], "/rules/0/match"),
        ([{"rate": 1, "match": {"mood": "good"}}], "/rules/0/match"),
        ([{"rate": 1, "match": {"model": "a\nb"}}], "/rules/0/match"),
        ([{"rate": 1, "match": {"model": 1}}], "/rules/0/match"),
        ([{"rate": 1}] * 51, "/rules"),
    ],
)
def test_rules__that_are_none__refused_with_the_place_and_without_the_value(written, pointer) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_rates(Decimal(0), written)
    assert [problem.pointer for problem in refused.value.problems] == [pointer]
    assert "north" not in refused.value.detail
    assert "mood" not in refused.value.detail
