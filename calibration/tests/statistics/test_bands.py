import numpy as np
import pytest
from hypothesis import given, settings
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
    assert band.lower < 0.61
    assert 0.93 < band.upper <= 0.97
    inside = (drawn.confidence >= band.lower) & (drawn.confidence < band.upper)
    assert (band.decisions, band.failures) == (drawn.n[inside].sum(), drawn.failures[inside].sum())
    assert stats.binom.cdf(band.failures, band.decisions, 0.05) <= band.level == pytest.approx(0.035)
    assert band.coverage == band.decisions / drawn.decisions


@settings(max_examples=60, deadline=None)
@given(groups(max_n=100, unlabelled=True))
def test_band__no_bad_top__is_the_threshold_at_its_share_of_delta(drawn):
    band = recommend_band(drawn, alpha=0.2, delta=0.1)
    if band.top_decisions is None:
        alone = recommend_for_groups(drawn, alpha=0.2, delta=0.07)
        assert (band.lower, band.reason, band.upper) == (alone.threshold, alone.reason, None)
        assert band.decisions == alone.decisions
        assert band.coverage == alone.coverage


@settings(max_examples=60, deadline=None)
@given(groups(max_n=100))
def test_band__outcomes_below_the_upper_bound__have_no_say_in_it(drawn):
    band = recommend_band(drawn, alpha=0.2, delta=0.1)
    if band.upper is not None:
        inside = drawn.confidence < band.upper
        changed = Groups(
            value=drawn.value, n=drawn.n, total=drawn.total, successes=np.where(inside, drawn.n, drawn.successes)
        )
        again = recommend_band(changed, alpha=0.2, delta=0.1)
        assert (again.upper, again.top_decisions) == (band.upper, band.top_decisions)


def test_band__failing_just_too_often_below_a_bad_top__is_seldom_certified():
    rates = np.where(VALUES > 0.97, 0.3, 0.0505)
    wrong = sum(recommend_band(failing(rates, seed), alpha=0.05, delta=0.05).lower is not None for seed in range(300))
    assert stats.binom.sf(wrong - 1, 300, 0.05) > 0.001


def test_band__too_few_labels_or_none__is_refused():
    few = Groups.from_arrays([0.9], [66], [66])
    assert recommend_band(few, alpha=0.05, delta=0.05).reason == "OK"
    assert recommend_band(Groups.from_arrays([0.9], [65], [65]), alpha=0.05, delta=0.05).reason == "INSUFFICIENT_DATA"
    assert recommend_band(Groups.empty(), alpha=0.05, delta=0.05).reason == "INSUFFICIENT_DATA"


@pytest.mark.parametrize("levels", [(0.5, 0.05), (0.0, 0.05), (0.05, 0.3)])
def test_band__impossible_levels__are_refused(levels):
    with pytest.raises(ValueError, match="must"):
        recommend_band(Groups.empty(), alpha=levels[0], delta=levels[1])
