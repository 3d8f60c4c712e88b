import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.calibration import calibration_curve

from calibration.statistics.binning import equal_width_index
from calibration.statistics.groups import Groups
from calibration.statistics.reliability import equal_mass_curve, equal_width_curve

from .strategies import groups, split


def sample(seed=1, n=4000):
    rng = np.random.default_rng(seed)
    value = np.rint(rng.beta(5, 2, n) * 10_000).astype(int)
    return value, rng.random(n) < value / 10_000


@pytest.mark.parametrize(
    "confidence, expected",
    [(0.0, 0), (0.0999, 0), (0.1, 1), (0.3, 3), (0.6, 6), (0.7, 7), (0.9999, 9), (1.0, 9)],
)
def test_equal_width__edges__are_left_closed_and_the_last_closed(confidence, expected):
    assert equal_width_index(Groups.from_arrays([confidence], [1], [1])).tolist() == [expected]


def test_equal_width__ten_bins__are_whole_thousands_of_the_lattice():
    everything = Groups.from_arrays(np.arange(10_001) / 10_000, np.ones(10_001), np.ones(10_001))
    assert equal_width_index(everything).tolist() == [min(v // 1000, 9) for v in range(10_001)]


def test_equal_width__against_scikit_learn__agrees():
    value, success = sample()
    # scikit-learn closes its bins on the other side; values on an edge are left out of this comparison.
    inside = value % 1000 != 0
    curve = equal_width_curve(Groups.from_outcomes(value[inside] / 10_000, success[inside]))
    rate, mean = calibration_curve(success[inside], value[inside] / 10_000, n_bins=10, strategy="uniform")
    filled = [b for b in curve.bins if b.n]
    np.testing.assert_allclose([b.success_rate for b in filled], rate, rtol=0, atol=1e-12)
    np.testing.assert_allclose([b.mean_confidence for b in filled], mean, rtol=0, atol=1e-12)


def test_equal_mass__distinct_confidences__against_scikit_learn_agree():
    rng = np.random.default_rng(3)
    value = rng.choice(10_001, size=1000, replace=False)
    success = rng.random(1000) < value / 10_000
    curve = equal_mass_curve(Groups.from_outcomes(value / 10_000, success))
    rate, mean = calibration_curve(success, value / 10_000, n_bins=10, strategy="quantile")
    assert [b.n for b in curve.bins] == [100] * 10
    np.testing.assert_allclose([b.success_rate for b in curve.bins], rate, rtol=0, atol=1e-12)
    np.testing.assert_allclose([b.mean_confidence for b in curve.bins], mean, rtol=0, atol=1e-12)


def test_bins__their_intervals__are_those_of_scipy():
    value, success = sample()
    for b in equal_width_curve(Groups.from_outcomes(value / 10_000, success)).bins:
        if b.n:
            test = stats.binomtest(b.successes, b.n)
            for ours, method in ((b.wilson, "wilson"), (b.clopper_pearson, "exact")):
                reference = test.proportion_ci(0.95, method=method)
                assert ours == pytest.approx((reference.low, reference.high), abs=1e-11)


def test_bins__by_hand__hold_means_counts_and_label_coverage():
    drawn = Groups.from_arrays([0.91, 0.95, 0.2], [3, 1, 0], [2, 1, 0], [6, 2, 7])
    curve = equal_width_curve(drawn)
    last, third = curve.bins[9], curve.bins[2]
    assert (last.low, last.high, last.n, last.successes, last.total) == (0.9, 1.0, 4, 3, 8)
    assert last.mean_confidence == pytest.approx((3 * 0.91 + 0.95) / 4, abs=1e-15)
    assert (last.success_rate, last.label_coverage, last.reason) == (0.75, 0.5, None)
    assert (third.n, third.total, third.label_coverage, third.success_rate) == (0, 7, 0.0, None)
    assert third.reason == "no labelled decision in this bin"
    assert (curve.n, curve.label_coverage) == (4, 4 / 15)


@pytest.mark.parametrize("curve", [equal_width_curve, equal_mass_curve])
def test_bins__without_any_decision__all_stay_and_are_undefined(curve):
    empty = curve(Groups.empty())
    assert len(empty.bins) == 10
    assert empty.label_coverage is None
    for b in empty.bins:
        assert (b.n, b.total) == (0, 0)
        assert (b.mean_confidence, b.success_rate, b.label_coverage) == (None, None, None)
        assert (b.wilson, b.clopper_pearson) == (None, None)
        assert b.reason


def test_equal_mass__one_large_tie__stays_whole_and_leaves_empty_bins():
    curve = equal_mass_curve(Groups.from_arrays([1.0, 0.5], [900, 100], [800, 50]))
    assert [b.n for b in curve.bins] == [100, 0, 0, 0, 0, 900, 0, 0, 0, 0]
    assert curve.bins[1].low is None
    assert (curve.bins[5].low, curve.bins[5].high) == (1.0, 1.0)


@pytest.mark.parametrize("curve", [equal_width_curve, equal_mass_curve])
@settings(max_examples=40, deadline=None)
@given(drawn=groups(unlabelled=True), bins=st.integers(1, 25), share=st.integers(0, 100))
def test_bins__any_groups__hold_every_decision_once_and_do_not_depend_on_splits(curve, drawn, bins, share):
    whole = curve(drawn, bins=bins)
    assert len(whole.bins) == bins
    assert sum(b.n for b in whole.bins) == drawn.labelled
    assert sum(b.successes for b in whole.bins) == drawn.succeeded
    assert sum(b.total for b in whole.bins) == drawn.decisions
    assert whole == curve(Groups.merge(split(drawn, share)), bins=bins)


@pytest.mark.parametrize("bins", [0, -1, 2.5, True])
def test_bins__impossible_number__is_refused(bins):
    for curve in (equal_width_curve, equal_mass_curve):
        with pytest.raises(ValueError, match="whole number of at least 1"):
            curve(Groups.empty(), bins=bins)
