import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration.statistics.fixed_sequence import further_decisions
from calibration.statistics.thresholds import recommend_threshold


def test_needed__one_group__is_the_first_number_that_certifies_the_present_rate():
    # 6 of 100 fail. A hundred decisions hold a single start (two would begin below their minimum), at level
    # .05. In steps of 50 decisions with 3 failures each, the whole-numbered test turns between two steps.
    answer = recommend_threshold([0.9], [100], [94], alpha=0.1, delta=0.05)
    turned = next(m for m in range(100, 5000, 50) if stats.binom.cdf(m * 6 // 100, m, 0.1) <= 0.05)
    assert answer.reason == "NOT_CERTIFIABLE"
    assert turned - 50 < 100 + answer.needed <= turned


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(30, 2000), st.integers(0, 3000), st.sampled_from([0.01, 0.025, 0.05]))
def test_further_decisions__any_start__is_the_first_number_that_suffices(failed, reached, rest, level):
    alpha, decisions = 0.1, reached + rest
    further = further_decisions(failed, reached, decisions, alpha, level)
    if failed >= alpha * reached:
        assert further is None
        return

    def p(more):
        growth = (decisions + more) / decisions
        # The beta distribution is the binomial tail at fractional counts.
        return stats.beta.sf(alpha, failed * growth + 1, (reached - failed) * growth)

    assert p(further) <= level * (1 + 1e-9)
    assert further == 1 or p(further - 1) > level * (1 - 1e-9)


def test_needed__only_some_decisions_reach_the_start__counts_the_whole_cohort():
    alone = further_decisions(2, 40, 40, 0.1, 0.025)
    shared = further_decisions(2, 40, 400, 0.1, 0.025)
    assert 10 * (alone - 1) < shared <= 10 * alone


@pytest.mark.parametrize("failed, reached", [(10, 100), (11, 100), (100, 100)])
def test_needed__rate_at_or_above_alpha__is_none(failed, reached):
    assert further_decisions(failed, reached, 100, 0.1, 0.05) is None


def test_needed__rate_a_hair_below_alpha__is_none_rather_than_a_wrong_number():
    assert further_decisions(99_999_999, 10**9, 10**9, 0.1, 0.05) is None
