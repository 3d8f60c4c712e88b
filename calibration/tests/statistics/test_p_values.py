import numpy as np
from scipy import stats

from calibration.statistics.fixed_sequence import failure_p_values


def test_failure_p_values__against_scipy__agree():
    tried = np.repeat([1, 7, 59, 1000, 100_000, 5_000_000], 6)
    lost = np.floor(tried * np.tile([0, 0.01, 0.04, 0.05, 0.06, 1.0], 6))
    for alpha in (0.01, 0.05, 0.2):
        reference = stats.binom.cdf(lost, tried, alpha)
        np.testing.assert_allclose(failure_p_values(lost, tried, alpha), reference, rtol=1e-9, atol=1e-300)


def test_failure_p_values__by_hand__agree():
    assert abs(float(failure_p_values(1, 3, 0.5)) - 0.5) < 1e-15
    assert abs(float(failure_p_values(0, 2, 0.1)) - 0.81) < 1e-15


def test_failure_p_values__nothing_tried_or_everything_lost__cannot_reject():
    assert failure_p_values([0, 3], [0, 3], 0.05).tolist() == [1.0, 1.0]
