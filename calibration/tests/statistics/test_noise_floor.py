import math

import numpy as np
import pytest
from scipy import stats

from calibration.statistics.calibration_error import calibration_error, noise_floor
from calibration.statistics.groups import Groups


def test_noise_floor__one_group__has_the_exact_mean_within_its_error():
    n, c = 40, 0.8
    k = np.arange(n + 1)
    exact = float(np.sum(stats.binom.pmf(k, n, c) * np.abs(k / n - c)))
    spread = math.sqrt(float(np.sum(stats.binom.pmf(k, n, c) * (k / n - c) ** 2)) - exact**2)
    floor = noise_floor(Groups.from_arrays([c], [n], [32]), draws=20_000)
    assert abs(floor.mean - exact) < 4 * spread / math.sqrt(20_000)


def test_noise_floor__one_group__has_the_exact_p_value_within_its_error():
    n, c = 40, 0.8
    k = np.arange(n + 1)
    exact = float(stats.binom.pmf(k, n, c)[np.abs(k - 32) >= 5].sum())
    floor = noise_floor(Groups.from_arrays([c], [n], [27]), draws=20_000)
    assert abs(floor.p_value - exact) < 4 * math.sqrt(exact * (1 - exact) / 20_000)


def test_noise_floor__same_seed__repeats_and_another_differs():
    drawn = Groups.from_arrays([0.9, 0.6], [300, 200], [260, 130])
    assert noise_floor(drawn, seed=7) == noise_floor(drawn, seed=7)
    assert noise_floor(drawn, seed=7).mean != noise_floor(drawn, seed=8).mean


def test_noise_floor__calibrated_outcomes__rarely_give_small_p_values():
    rng = np.random.default_rng(11)
    value = np.array([9500, 9000, 8200, 7100, 5500])
    n = np.array([200, 150, 100, 80, 60])

    def p_value(trial):
        drawn = Groups.from_arrays(value / 10_000, n, rng.binomial(n, value / 10_000))
        # A seed of its own: trials that share their draws share the error of those draws.
        return noise_floor(drawn, draws=199, seed=trial).p_value

    p_values = [p_value(trial) for trial in range(300)]
    # Ties count against the model, so p-values may lie above the uniform distribution but not below it.
    assert stats.kstest(p_values, "uniform", alternative="greater").pvalue > 0.01
    assert np.mean(p_values) < 0.56


def test_noise_floor__gross_miscalibration__has_the_smallest_p_value():
    drawn = Groups.from_arrays([1.0, 0.9], [500, 500], [300, 250])
    floor = noise_floor(drawn, draws=999)
    assert floor.p_value == 1 / 1000
    assert calibration_error(drawn).ece > floor.q95 > floor.mean > 0.0


def test_noise_floor__confidences_of_zero_and_one__leave_no_noise():
    floor = noise_floor(Groups.from_arrays([0.0, 1.0], [10, 10], [0, 10]))
    assert (floor.mean, floor.q95, floor.p_value) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("drawn", [Groups.empty(), Groups.from_arrays([0.5], [0], [0], [4])])
def test_noise_floor__no_labels__is_none_with_a_reason(drawn):
    floor = noise_floor(drawn)
    assert (floor.mean, floor.q95, floor.p_value, floor.reason) == (None, None, None, "no labelled decision")


@pytest.mark.parametrize("options", [{"draws": 0}, {"seed": -1}, {"bins": 0}, {"seed": 1.5}])
def test_noise_floor__bad_options__are_refused(options):
    with pytest.raises(ValueError, match="whole number of at least"):
        noise_floor(Groups.from_arrays([0.5], [4], [2]), **options)
