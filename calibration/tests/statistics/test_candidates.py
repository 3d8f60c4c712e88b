import math
from uuid import UUID

import numpy as np
import pytest
from scipy import integrate, stats

from calibration.statistics.candidates import follow_candidate, thinned
from calibration.statistics.sequential import loosening_log_e_values


@pytest.mark.parametrize("k, m, alpha", [(0, 40, 0.05), (2, 150, 0.05), (7, 60, 0.2)])
def test_candidate__e_value__is_the_integral_over_the_truncated_prior(k, m, alpha):
    def integrand(p):
        return (p / alpha) ** k * ((1 - p) / (1 - alpha)) ** (m - k) * stats.beta.pdf(p, 0.5, 0.5)

    mean = integrate.quad(integrand, 0, alpha, epsabs=0, epsrel=1e-10)[0] / stats.beta.cdf(alpha, 0.5, 0.5)
    found = follow_candidate([0, k], [0, m], alpha=alpha, level=0.005)
    assert found.log_e_values[0] == pytest.approx(0.0, abs=1e-12)
    assert found.log_e_values[1] == pytest.approx(math.log(mean), abs=1e-6)
    assert (found.bar, found.labelled, found.failures) == (math.log(200), m, k)


def test_candidate__without_failures__needs_as_many_labels_as_a_search_one_by_one_finds():
    found = follow_candidate([0], [20], alpha=0.05, level=0.01)
    first = next(m for m in range(21, 1000) if loosening_log_e_values([0], [m], alpha=0.05)[0] >= found.bar)
    assert (found.passed, found.further) == (False, first - 20)
    assert follow_candidate([0], [first], alpha=0.05, level=0.01).further == 0


@pytest.mark.parametrize("k, m", [(0, 0), (5, 100), (20, 100)])
def test_candidate__no_labels_or_a_rate_at_alpha__has_no_estimate(k, m):
    assert follow_candidate([k], [m], alpha=0.05, level=0.01).further is None


def test_candidate__passed_once__stays_passed():
    found = follow_candidate([0, 30], [500, 560], alpha=0.05, level=0.01)
    assert (found.passed, found.first_look, found.further) == (True, 0, 0)


def test_candidate__rates_that_change_but_fail_too_often_on_the_mean__rarely_passes_while_they_do():
    # Good first and bad later, at a mean of alpha at every time that is looked at.
    rng, alpha, level = np.random.default_rng(5), 0.1, 0.1
    rate = np.tile([0.18, 0.02], 400)
    wrong = 0
    for _ in range(600):
        lost = np.cumsum(rng.random(rate.size) < rate)
        found = follow_candidate(lost, np.arange(1, rate.size + 1), alpha=alpha, level=level)
        wrong += found.passed
    assert stats.binom.sf(wrong - 1, 600, level) > 0.001


def test_thinning__labels_of_unequal_chances__count_with_one():
    ids = [str(UUID(int=number)) for number in range(20_000)]
    always = sum(thinned(each, propensity=1.0, common=0.2, salt="7") for each in ids)
    half = sum(thinned(each, propensity=0.5, common=0.2, salt="7") for each in ids)
    assert stats.binomtest(always, 20_000, 0.2).pvalue > 0.001
    assert stats.binomtest(half, 20_000, 0.4).pvalue > 0.001
    assert all(thinned(each, propensity=0.2, common=0.2, salt="7") for each in ids)


def test_thinning__the_same_decision__is_answered_alike_for_a_candidate_and_anew_for_another():
    ids = [str(UUID(int=number)) for number in range(4_000)]
    one, again, other = ([thinned(i, propensity=1.0, common=0.5, salt=s) for i in ids] for s in ("1", "1", "2"))
    assert one == again
    assert stats.binomtest(sum(a == b for a, b in zip(one, other, strict=True)), 4_000, 0.5).pvalue > 0.001


@pytest.mark.parametrize("propensity, common", [(0.1, 0.2), (1.1, 0.2), (0.5, 0.0)])
def test_thinning__impossible_propensities__are_refused(propensity, common):
    with pytest.raises(ValueError, match="propensities"):
        thinned("x", propensity=propensity, common=common, salt="1")
