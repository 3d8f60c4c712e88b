import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from calibration.statistics.sequential import (
    alarm_log_e_values,
    follow,
    loosening_log_e_values,
    restarted_alarm_log_e_values,
)


def literal_log_e(k, m, alpha, prior):
    """The integral of statistics.md by quadrature."""
    mass = stats.beta.cdf(alpha, *prior)

    def integrand(p):
        return (p / alpha) ** k * ((1 - p) / (1 - alpha)) ** (m - k) * stats.beta.pdf(p, *prior) / mass

    return math.log(integrate.quad(integrand, 0, alpha, epsabs=0, epsrel=1e-12, limit=400)[0])


@pytest.mark.parametrize("k, m", [(0, 0), (0, 10), (1, 30), (3, 100), (12, 100), (30, 100)])
@pytest.mark.parametrize("alpha, prior", [(0.05, (1.0, 1.0)), (0.2, (1.0, 3.0)), (0.1, (2.0, 5.0))])
def test_e_value__against_quadrature__agrees(k, m, alpha, prior):
    ours = loosening_log_e_values([k], [m], alpha=alpha, prior=prior)[0]
    assert ours == pytest.approx(literal_log_e(k, m, alpha, prior), abs=1e-9)


@pytest.mark.parametrize("k, m", [(0, 20), (3, 30), (15, 30), (30, 30)])
@pytest.mark.parametrize("prior", [(1.0, 1.0), (1.0, 4.0), (3.0, 2.0)])
def test_alarm__against_quadrature_above_alpha__agrees(k, m, prior):
    alpha = 0.1

    def integrand(p):
        return (p / alpha) ** k * ((1 - p) / (1 - alpha)) ** (m - k) * stats.beta.pdf(p, *prior)

    integral = integrate.quad(integrand, alpha, 1, epsabs=0, epsrel=1e-12)[0]
    ours = alarm_log_e_values([k], [m], alpha=alpha, prior=prior)[0]
    assert ours == pytest.approx(math.log(integral / stats.beta.sf(alpha, *prior)), abs=1e-9)


@pytest.mark.parametrize("k, m", [(5000, 10_000), (900, 6000), (40_000, 41_000)])
def test_e_value__where_the_beta_share_underflows__agrees_with_quadrature(k, m):
    alpha = 0.05

    # The integrand falls off from alpha downwards within a few parts in k; below .7 alpha nothing is left.
    def integrand(p):
        log_ratio = k * math.log(p / alpha) + (m - k) * math.log((1 - p) / (1 - alpha))
        return math.exp(log_ratio) * stats.beta.pdf(p, 0.5, 0.5)

    edges = alpha * (1 - np.array([0.0, 0.0005, 0.005, 0.05, 0.3]))
    parts = [integrate.quad(integrand, b, a, epsabs=0, epsrel=1e-12)[0] for a, b in pairwise(edges)]
    reference = math.log(sum(parts) / stats.beta.cdf(alpha, 0.5, 0.5))
    assert loosening_log_e_values([k], [m], alpha=alpha)[0] == pytest.approx(reference, abs=1e-8)


def test_e_value__by_hand__uniform_prior_without_failures():
    # E = (1/a) * integral_0^a ((1-p)/(1-a))^m dp = (1 - (1-a)^(m+1)) / (a (m+1) (1-a)^m)
    alpha, m = 0.05, 100
    exact = (1 - 0.95**101) / (0.05 * 101 * 0.95**100)
    assert loosening_log_e_values([0], [m], alpha=alpha, prior=(1.0, 1.0))[0] == pytest.approx(
        math.log(exact), abs=1e-10
    )


def test_e_value__far_in_the_tail__joins_smoothly_and_stays_finite():
    k = np.arange(0, 60_000, 50)
    series = loosening_log_e_values(k, k + 60_000, alpha=0.05)
    assert np.all(np.isfinite(series))
    # Second differences show a jump where the two ways of computing meet; the curve itself is smooth.
    assert np.max(np.abs(np.diff(series, 2))[80:]) < 0.02
    assert np.isfinite(loosening_log_e_values([10**8], [10**8], alpha=0.05)[0])
    assert np.isfinite(alarm_log_e_values([0], [10**8], alpha=0.05)[0])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.01, 0.9), st.floats(0.0, 1.0))
def test_e_value__one_more_decision_under_a_rate_on_the_null__does_not_grow_on_average(k, won, alpha, place):
    m = k + won
    rate = alpha + place * (1 - alpha)
    now = loosening_log_e_values([k], [m], alpha=alpha)[0]
    next_two = [loosening_log_e_values([k + lost], [m + 1], alpha=alpha)[0] for lost in (0, 1)]
    mean = (1 - rate) * math.exp(next_two[0] - now) + rate * math.exp(next_two[1] - now)
    assert mean <= 1.0 + 1e-9
    if place == 0.0:
        assert mean == pytest.approx(1.0, abs=1e-9)


def test_alarm__looked_at_every_day_at_alpha_itself__rarely_sounds():
    rng = np.random.default_rng(3)
    false_alarms = 0
    for _ in range(400):
        lost = np.cumsum(rng.binomial(20, 0.1, size=200))
        series = alarm_log_e_values(lost, 20 * np.arange(1, 201), alpha=0.1)
        false_alarms += follow(series, delta=0.1).reached
    assert stats.binom.sf(false_alarms - 1, 400, 0.1) > 0.001


def test_alarm__a_rate_well_above_alpha__sounds_and_stays():
    lost = np.concatenate([np.full(30, 1), np.full(30, 8)]).cumsum()
    evidence = follow(alarm_log_e_values(lost, 20 * np.arange(1, 61), alpha=0.1), delta=0.05)
    assert evidence.reached
    assert 30 < evidence.first_look < 60
    assert evidence.p_value <= 0.05


def test_follow__an_e_value_that_falls_again__stays_reached():
    evidence = follow([0.0, 4.0, -2.0], delta=0.05)
    assert (evidence.reached, evidence.first_look, evidence.log_e_value) == (True, 1, -2.0)
    assert evidence.p_value == pytest.approx(math.exp(-4.0), abs=1e-15)


def test_follow__no_looks_or_no_evidence__is_an_e_value_of_one_at_most():
    assert follow([], delta=0.05).p_value == 1.0
    assert follow([], delta=0.05).log_e_value == 0.0
    evidence = follow([-3.0], delta=0.05)
    assert (evidence.p_value, evidence.largest_log_e_value, evidence.reached) == (1.0, -3.0, False)


@pytest.mark.parametrize(
    "call",
    [
        lambda: loosening_log_e_values([1], [1, 2], alpha=0.1),
        lambda: loosening_log_e_values([3], [2], alpha=0.1),
        lambda: loosening_log_e_values([2, 1], [4, 5], alpha=0.1),
        lambda: loosening_log_e_values([0, 1], [4, 4], alpha=0.1),
        lambda: loosening_log_e_values([0], [4], alpha=0.0),
        lambda: loosening_log_e_values([0], [4], alpha=0.1, prior=(0.0, 1.0)),
        lambda: alarm_log_e_values([0], [4], alpha=1.0),
        lambda: follow([0.0], delta=0.0),
        lambda: follow([float("nan")], delta=0.1),
    ],
)
def test_sequential__impossible_input__is_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()


def test_restarts__one_week__have_half_of_the_evidence():
    lost, tried = np.array([1, 4, 3]), np.array([20, 20, 20])
    found = restarted_alarm_log_e_values(lost, tried, [0, 0, 0], alpha=0.05)
    whole = alarm_log_e_values(np.cumsum(lost), np.cumsum(tried), alpha=0.05)
    assert found == pytest.approx(whole - math.log(2), abs=1e-12)


def test_restarts__three_weeks__are_the_weighted_sum_of_three_e_values():
    lost, tried = [0, 1, 9], [50, 50, 50]
    found = restarted_alarm_log_e_values(lost, tried, [0, 1, 2], alpha=0.05)
    each = [alarm_log_e_values([sum(lost[j:])], [sum(tried[j:])], alpha=0.05)[0] for j in range(3)]
    expected = sum(math.exp(e) / ((j + 1) * (j + 2)) for j, e in enumerate(each))
    assert found[-1] == pytest.approx(math.log(expected), abs=1e-12)


def test_restarts__weeks_without_decisions__begin_all_the_same():
    found = restarted_alarm_log_e_values([0, 9], [50, 50], [0, 3], alpha=0.05)
    first, last = (alarm_log_e_values([k], [m], alpha=0.05)[0] for k, m in ((9, 100), (9, 50)))
    expected = math.exp(first) / 2 + math.exp(last) * (1 / 6 + 1 / 12 + 1 / 20)
    assert found[-1] == pytest.approx(math.log(expected), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=25))
def test_restarts__days_or_weeks_at_once__end_the_same(days):
    week = np.cumsum([step for step, _, _ in days])
    lost = np.array([k for _, k, _ in days])
    tried = lost + np.array([won for _, _, won in days])
    by_day = restarted_alarm_log_e_values(lost, tried, week, alpha=0.1)[-1]
    weeks = np.unique(week)
    sums = [[column[week == one].sum() for one in weeks] for column in (lost, tried)]
    assert restarted_alarm_log_e_values(*sums, weeks, alpha=0.1)[-1] == pytest.approx(by_day, abs=1e-9)


def test_restarts__a_hundred_thousand_decisions_that_all_fail__stay_finite():
    found = restarted_alarm_log_e_values([0, 100_000], [100_000, 100_000], [0, 40], alpha=0.05)
    assert np.all(np.isfinite(found))


def test_restarts__after_ninety_good_days__find_a_doubling_long_before_one_e_value():
    lost, tried = np.array([0, 1, 0, 0, 1] * 18 + [2] * 60), np.full(150, 20)
    restarted = follow(restarted_alarm_log_e_values(lost, tried, np.arange(150) // 7, alpha=0.05), delta=0.05)
    once = follow(alarm_log_e_values(np.cumsum(lost), np.cumsum(tried), alpha=0.05), delta=0.05)
    assert 90 < restarted.first_look < 130
    assert not once.reached


@pytest.mark.parametrize("columns", [([1], [2], [0, 1]), ([3], [2], [0]), ([1, 1], [2, 2], [1, 0])])
def test_restarts__impossible_input__is_refused(columns):
    with pytest.raises(ValueError, match="must"):
        restarted_alarm_log_e_values(*columns, alpha=0.1)
