import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.statistics.calibration_error import calibration_error
from calibration.statistics.groups import Groups

from .strategies import labelled_groups, split, to_rows


def literal_errors(rows, bins=10):
    ece, mce, mce_n = 0.0, -1.0, None
    for b in range(bins):
        inside = [(v, good) for v, good in rows if min(v * bins // 10_000, bins - 1) == b]
        if inside:
            gap = abs(np.mean([good for _, good in inside]) - np.mean([v / 10_000 for v, _ in inside]))
            ece += len(inside) / len(rows) * gap
            if gap > mce:
                mce, mce_n = gap, len(inside)
    return ece, mce, mce_n


@settings(max_examples=60, deadline=None)
@given(labelled_groups(), st.integers(1, 20))
def test_errors__against_the_definition_row_by_row__agree(drawn, bins):
    error = calibration_error(drawn, bins=bins)
    ece, mce, mce_n = literal_errors(to_rows(drawn), bins)
    assert error.ece == pytest.approx(ece, abs=1e-12)
    assert error.mce == pytest.approx(mce, abs=1e-12)
    assert error.n == drawn.labelled
    assert error.mce_n == mce_n


def test_errors__by_hand__agree():
    # Bin .9: 8 rows at .95, 6 successes: gap .2. Bin .5: 2 rows at .55, 2 successes: gap .45.
    error = calibration_error(Groups.from_arrays([0.95, 0.55], [8, 2], [6, 2]))
    assert error.ece == pytest.approx(0.8 * 0.2 + 0.2 * 0.45, abs=1e-15)
    assert (error.mce, error.mce_n) == (pytest.approx(0.45, abs=1e-15), 2)


def test_errors__perfectly_matching_rates__are_exactly_zero():
    error = calibration_error(Groups.from_arrays([0.3, 0.6, 0.7], [10, 10, 10], [3, 6, 7]))
    assert (error.ece, error.mce) == (0.0, 0.0)
    assert error.ece_debiased < 0.0


def test_debiased__against_its_definition_by_simulation__agrees():
    # Kumar, Liang and Ma: subtract the mean excess under a normal error of each bin's success rate.
    drawn = Groups.from_arrays([0.95, 0.85, 0.55], [80, 40, 20], [74, 31, 12])
    error = calibration_error(drawn)
    n, rate = np.array([80, 40, 20]), np.array([74 / 80, 31 / 40, 12 / 20])
    spread = np.sqrt(rate * (1 - rate) / n)
    noisy = rate + spread * np.random.default_rng(5).standard_normal((400_000, 3))
    excess = (np.abs(noisy - drawn.confidence[::-1]) * n / n.sum()).sum(axis=1)
    standard_error = excess.std() / np.sqrt(len(excess))
    assert abs((2 * error.ece - error.ece_debiased) - excess.mean()) < 4 * standard_error


def test_debiased__by_hand_at_zero_gap__is_minus_the_mean_absolute_noise():
    # One bin, rate = confidence = .5, n = 100: spread .05, mean |normal| = .05 * sqrt(2 / pi).
    error = calibration_error(Groups.from_arrays([0.5], [100], [50]))
    assert error.ece_debiased == pytest.approx(-0.05 * np.sqrt(2 / np.pi), abs=1e-15)


@settings(max_examples=40, deadline=None)
@given(labelled_groups(), st.integers(0, 100))
def test_errors__window_split_and_added_up__are_the_same(drawn, share):
    assert calibration_error(Groups.merge(split(drawn, share))) == calibration_error(drawn)


@settings(max_examples=40, deadline=None)
@given(labelled_groups())
def test_errors__any_groups__keep_their_order(drawn):
    error = calibration_error(drawn)
    assert 0.0 <= error.ece <= error.mce + 1e-15 <= 1.0 + 1e-15
    assert error.ece_debiased <= error.ece + 1e-15


@pytest.mark.parametrize("drawn", [Groups.empty(), Groups.from_arrays([0.5], [0], [0], [4])])
def test_errors__no_labels__are_none_with_a_reason(drawn):
    error = calibration_error(drawn)
    assert (error.ece, error.mce, error.mce_n, error.ece_debiased, error.n) == (None, None, None, None, 0)
    assert error.reason == "no labelled decision"


def test_errors__one_row__is_its_own_bin():
    error = calibration_error(Groups.from_outcomes([0.8], [0]))
    assert (error.ece, error.mce, error.mce_n, error.ece_debiased) == (0.8, 0.8, 1, 0.8)
