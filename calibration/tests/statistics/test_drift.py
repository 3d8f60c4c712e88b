import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from calibration.statistics.drift import compare_recent, distribution_drift, period_rates
from calibration.statistics.groups import Groups

from .strategies import groups, to_rows


def period(n, failures, confidence=0.9):
    return Groups.from_arrays([confidence], [n], [n - failures])


@settings(max_examples=60, deadline=None)
@given(groups().filter(lambda g: g.decisions), groups().filter(lambda g: g.decisions))
def test_ks__against_scipy__agrees(before, after):
    drift = distribution_drift(before, after)
    one, two = ([v for v, _ in to_rows(side)] for side in (before, after))
    steps = sorted({*one, *two})
    distance = np.abs(stats.ecdf(one).cdf.evaluate(steps) - stats.ecdf(two).cdf.evaluate(steps)).max()
    assert drift.ks == pytest.approx(distance, abs=1e-12)
    scale = np.sqrt(len(one) * len(two) / (len(one) + len(two)))
    assert drift.ks_p_value == pytest.approx(stats.kstwobign.sf(drift.ks * scale), abs=1e-9)


def test_psi__by_hand__adds_half_a_decision_to_each_bin():
    before = Groups.from_arrays([0.95, 0.55], [70, 30], [70, 30])
    after = Groups.from_arrays([0.95, 0.55], [40, 60], [40, 60])
    p, q = np.full(10, 0.5), np.full(10, 0.5)
    p[[9, 5]], q[[9, 5]] = [70.5, 30.5], [40.5, 60.5]
    p, q = p / 105, q / 105
    assert distribution_drift(before, after).psi == pytest.approx(np.sum((p - q) * np.log(p / q)), abs=1e-12)
    assert distribution_drift(before, after).psi == pytest.approx(distribution_drift(after, before).psi, abs=1e-12)


def test_drift__the_same_distribution__is_zero():
    drift = distribution_drift(period(100, 3), period(100, 40))
    assert (drift.psi, drift.ks, drift.ks_p_value) == (0.0, 0.0, 1.0)


def test_drift__confidences_without_labels__count():
    unlabelled = Groups.from_arrays([0.1], [0], [0], [100])
    assert distribution_drift(period(100, 0), unlabelled).ks == 1.0


def test_drift__an_empty_side__is_none_with_a_reason():
    drift = distribution_drift(Groups.empty(), period(5, 1))
    assert (drift.psi, drift.ks, drift.ks_p_value, drift.reason) == (
        None,
        None,
        None,
        "one side holds no decision",
    )


def test_period_rates__empty_periods__stay_and_are_undefined():
    rates = period_rates([period(40, 10), Groups.empty()])
    reference = stats.binomtest(30, 40).proportion_ci(0.95, method="wilson")
    assert rates[0].success_rate == 0.75
    assert rates[0].interval == pytest.approx((reference.low, reference.high), abs=1e-12)
    assert (rates[1].n, rates[1].success_rate, rates[1].interval) == (0, None, None)
    assert rates[1].reason == "no labelled decision in this period"
    assert period_rates([]) == ()


def test_recent_third__against_fishers_test__agrees():
    comparison = compare_recent([period(100, 5), period(100, 6), period(100, 20)])
    assert (comparison.first_recent, comparison.recent_n, comparison.earlier_n) == (2, 100, 200)
    assert comparison.p_value == pytest.approx(stats.fisher_exact([[20, 80], [11, 189]]).pvalue, rel=1e-12)
    assert comparison.flagged
    assert (comparison.recent_failure_rate, comparison.earlier_failure_rate) == (0.2, 0.055)


def test_recent_third__fishers_tea_tasting__is_reproduced():
    comparison = compare_recent([period(4, 1), period(4, 3)], share=1 / 2)
    assert comparison.p_value == pytest.approx(34 / 70, abs=1e-12)
    assert not comparison.flagged


def test_halves__that_disagree__are_flagged():
    steady = [period(100, 5)] * 4
    assert not compare_recent(steady, share=1 / 2).flagged
    moved = compare_recent([*steady[:2], period(100, 30), period(100, 25)], share=1 / 2)
    assert (moved.first_recent, moved.flagged) == (2, True)


def test_recent_third__with_a_threshold__looks_at_what_it_allows():
    periods = [Groups.merge([period(100, 5), period(100, lost, 0.3)]) for lost in (10, 10, 90)]
    assert compare_recent(periods).flagged
    above = compare_recent(periods, threshold=0.8)
    assert (above.recent_n, above.recent_failures, above.flagged) == (100, 5, False)


@pytest.mark.parametrize("periods", [[], [period(50, 5)], [Groups.empty(), period(50, 5)], [Groups.empty()]])
def test_recent_third__that_cannot_be_divided__is_none_with_a_reason(periods):
    comparison = compare_recent(periods)
    assert (comparison.first_recent, comparison.p_value, comparison.flagged) == (None, None, False)
    assert comparison.reason == "the labelled decisions lie in one part of the window only"


def test_recent_third__empty_periods_at_the_end__do_not_count_as_recent():
    comparison = compare_recent([period(200, 5), period(100, 20), Groups.empty()])
    assert (comparison.first_recent, comparison.recent_n) == (1, 100)


@pytest.mark.parametrize("share", [0.0, 1.0, float("nan")])
def test_recent__impossible_share__is_refused(share):
    with pytest.raises(ValueError, match="share must lie strictly"):
        compare_recent([], share=share)
