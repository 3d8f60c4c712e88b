import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration.statistics.bands import recommend_band
from calibration.statistics.groups import Groups
from calibration.statistics.thresholds import recommend_for_groups

from .strategies import groups

VALUES = np.round(np.arange(0.5, 1.0001, 0.005), 4)
N = np.full(VALUES.size, 20)


def failing(rates, seed=None):
    lost = np.round(N * rates) if seed is None else np.random.default_rng(seed).binomial(N, rates)
    return Groups.from_arrays(VALUES, N, N - lost)


def test_band__a_bad_top__is_left_out_and_what_lies_below_is_certified():
    drawn = failing(np.where(VALUES > 0.97, 0.4, np.where(VALUES > 0.6, 0.01, 0.3)))
    band = recommend_band(drawn, alpha=0.05, delta=0.05)
    assert recommend_for_groups(drawn, alpha=0.05, delta=0.05).threshold is None
    assert (band.reason, band.top_decisions, band.top_failures) == ("OK", 140, 48)
    assert band.threshold < 0.61
    assert 0.93 < band.ceiling < 0.97
    inside = (drawn.confidence >= band.threshold) & (drawn.confidence <= band.ceiling)
    assert (band.decisions, band.failures) == (drawn.n[inside].sum(), drawn.failures[inside].sum())
    assert stats.binom.cdf(band.failures, band.decisions, 0.05) <= 0.6 * 0.05
    assert band.coverage == band.decisions / drawn.decisions


@settings(max_examples=60, deadline=None)
@given(groups(max_n=100, unlabelled=True), st.sampled_from([None, 0.5]))
def test_band__none_is_claimed__it_is_the_threshold_at_its_share_of_delta(drawn, floor):
    band = recommend_band(drawn, alpha=0.2, delta=0.1, floor=floor)
    assert band.above == recommend_for_groups(drawn, alpha=0.2, delta=0.4 * 0.1, floor=floor)
    if band.ceiling is None:
        alone = band.above
        assert (band.threshold, band.reason, band.coverage) == (alone.threshold, alone.reason, alone.coverage)
        assert (band.decisions, band.failures) == (alone.decisions, alone.failures)
    else:
        assert band.coverage > (band.above.coverage or 0)
        assert band.threshold >= (floor or 0)


@settings(max_examples=60, deadline=None)
@given(groups(max_n=100))
def test_band__outcomes_below_the_upper_bound__have_no_say_in_it(drawn):
    band = recommend_band(drawn, alpha=0.2, delta=0.1)
    if band.ceiling is not None:
        inside = drawn.confidence <= band.ceiling
        changed = Groups(
            value=drawn.value, n=drawn.n, total=drawn.total, successes=np.where(inside, drawn.n, drawn.successes)
        )
        again = recommend_band(changed, alpha=0.2, delta=0.1)
        assert again.top_decisions == band.top_decisions
        assert again.ceiling in (band.ceiling, None)


def test_band__failing_just_too_often_below_a_bad_top__is_seldom_certified():
    rates = np.where(VALUES > 0.97, 0.3, 0.0505)
    wrong = sum(
        recommend_band(failing(rates, seed), alpha=0.05, delta=0.05).threshold is not None for seed in range(300)
    )
    assert stats.binom.sf(wrong - 1, 300, 0.05) > 0.001


@pytest.mark.parametrize(("floor", "expected"), [(0.7, 0.7), (0.85, 0.85), (None, 0.9)])
def test_band__nothing_lies_between_its_lowest_value_and_the_floor__the_floor_is_certified(floor, expected):
    drawn = Groups.from_arrays([0.99, 0.95, 0.93, 0.9], [150, 50, 200, 400], [90, 50, 200, 399])
    band = recommend_band(drawn, alpha=0.05, delta=0.05, floor=floor)
    assert (band.threshold, band.decisions, band.failures) == (expected, 600, 1)
    assert band.ceiling == 0.9499


@pytest.mark.parametrize("n", [60, 76])
def test_band__too_few_labels__is_refused(n):
    # (1 - .05)^m <= .4 x .05 takes 77 without a failure.
    assert recommend_band(Groups.from_arrays([0.9], [n], [n]), alpha=0.05, delta=0.05).reason == "INSUFFICIENT_DATA"
    assert recommend_band(Groups.from_arrays([0.9], [77], [77]), alpha=0.05, delta=0.05).reason == "OK"
    assert recommend_band(Groups.empty(), alpha=0.05, delta=0.05).reason == "INSUFFICIENT_DATA"


def test_band__alpha_of_a_half_or_more__is_the_threshold():
    drawn = failing(np.where(VALUES > 0.97, 0.9, 0.1))
    assert recommend_band(drawn, alpha=0.6, delta=0.05).top_decisions is None


@pytest.mark.parametrize("levels", [(1.0, 0.05), (0.0, 0.05), (0.05, 0.7)])
def test_band__impossible_levels__are_refused(levels):
    with pytest.raises(ValueError, match="must"):
        recommend_band(Groups.empty(), alpha=levels[0], delta=levels[1])
