import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from calibration.statistics.intervals import clopper_pearson, wilson

CASES = [
    (0, 1),
    (1, 1),
    (0, 17),
    (17, 17),
    (3, 10),
    (81, 263),
    (15, 148),
    (1, 1000),
    (999, 1000),
    (123_456, 5_000_000),
]


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_wilson__against_statsmodels__agrees(confidence):
    hits, trials = np.array(CASES).T
    low, high = wilson(hits, trials, confidence=confidence)
    reference = proportion_confint(hits, trials, alpha=1 - confidence, method="wilson")
    np.testing.assert_allclose([low, high], reference, rtol=0, atol=1e-12)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_clopper_pearson__against_scipy__agrees(confidence):
    hits, trials = np.array(CASES).T
    low, high = clopper_pearson(hits, trials, confidence=confidence)
    for i, (k, n) in enumerate(CASES):
        reference = stats.binomtest(k, n).proportion_ci(confidence, method="exact")
        assert (low[i], high[i]) == pytest.approx((reference.low, reference.high), abs=1e-11)


@pytest.mark.parametrize("side, alternative", [("upper", "less"), ("lower", "greater")])
@pytest.mark.parametrize("interval, method", [(wilson, "wilson"), (clopper_pearson, "exact")])
def test_intervals__one_sided__agree_with_scipy(interval, method, side, alternative):
    for k, n in CASES:
        low, high = interval([k], [n], confidence=0.95, sides=side)
        reference = stats.binomtest(k, n, alternative=alternative).proportion_ci(0.95, method=method)
        assert (low[0], high[0]) == pytest.approx((reference.low, reference.high), abs=1e-11)


def test_wilson__newcombes_published_examples__are_reproduced():
    low, high = wilson([81, 15, 0, 1], [263, 148, 20, 29])
    assert np.round(low, 4).tolist() == [0.2553, 0.0624, 0.0, 0.0061]
    assert np.round(high, 4).tolist() == [0.3662, 0.1605, 0.1611, 0.1718]


def test_clopper_pearson__newcombes_published_examples__are_reproduced():
    low, high = clopper_pearson([81, 15, 0, 1], [263, 148, 20, 29])
    assert np.round(low, 4).tolist() == [0.2527, 0.0578, 0.0, 0.0009]
    assert np.round(high, 4).tolist() == [0.3676, 0.1617, 0.1684, 0.1776]


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_intervals__without_trials__are_everything(interval):
    low, high = interval([0], [0])
    assert (low[0], high[0]) == (0.0, 1.0)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_intervals__any_counts__hold_the_rate_and_mirror(interval, data):
    n = data.draw(st.integers(1, 10_000))
    k = data.draw(st.integers(0, n))
    low, high = interval([k], [n])
    mirrored_low, mirrored_high = interval([n - k], [n])
    assert 0.0 <= low[0] <= k / n <= high[0] <= 1.0
    assert (1 - mirrored_high[0], 1 - mirrored_low[0]) == pytest.approx((low[0], high[0]), abs=1e-10)


@pytest.mark.parametrize(
    "arguments, options, message",
    [
        (([1], [1, 2]), {}, "equal lengths"),
        (([3], [2]), {}, "must not exceed"),
        (([-1], [2]), {}, "at least 0"),
        (([1], [2]), {"confidence": 1.0}, "strictly between"),
        (([1], [2]), {"confidence": float("nan")}, "strictly between"),
        (([1], [2]), {"sides": "left"}, "one of both, lower, upper"),
    ],
)
def test_intervals__bad_input__says_what_to_do(arguments, options, message):
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match=message):
            interval(*arguments, **options)
