"""A threshold from people's labels that are drawn by a judge's verdict."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from calibration.statistics.judges import JudgedGroups, judged_p_value, recommend_with_judge

LEVEL = 0.001
SPENT = LEVEL / 50
"""What goes for rates that the counts speak against."""


def groups(judged=(700, 800), caught=(3, 2), slipped=(1, 1), share=0.5, value=(9_000, 9_500)) -> JudgedGroups:
    return JudgedGroups(value=value, judged=judged, caught=caught, slipped=slipped, share=share)  # type: ignore[arg-type]


@pytest.mark.parametrize(("caught", "slipped", "judged"), [(0, 0, 60), (2, 1, 150), (10, 8, 500), (30, 9, 1_000)])
def test_p_value__everything_labelled__is_binomial(caught, slipped, judged):
    found = judged_p_value(caught, slipped, judged, share=1.0, alpha=0.05, level=LEVEL)
    exact = stats.binom.cdf(caught + slipped, judged, 0.05)
    # Cells and what is left out may only make it larger.
    assert exact <= found <= 1.05 * exact + SPENT


@pytest.mark.parametrize(
    ("caught", "slipped", "judged", "share"), [(1, 0, 80, 0.6), (0, 1, 100, 0.8), (3, 1, 120, 0.5), (5, 0, 150, 0.3)]
)
def test_p_value__a_judge_of_unknown_worth__is_at_least_that_of_any(caught, slipped, judged, share):
    """Against every outcome of a few decisions, counted out with scipy's multinomial, for judges of any worth."""
    alpha = 0.1
    found = judged_p_value(caught, slipped, judged, share=share, alpha=alpha, level=LEVEL)
    a, b = (each.ravel() for each in np.meshgrid(np.arange(30), np.arange(30)))
    roots = _signed_roots(a, b, judged, share, alpha)
    speaking = roots >= roots[(a == caught) & (b == slipped)] - 1e-6
    counts = np.stack([a, b, judged - a - b], axis=1)[speaking]
    low, high = stats.binomtest(caught, judged).proportion_ci(1 - SPENT, "exact")
    exact = max(
        stats.multinomial.pmf(
            counts, judged, [chance, share * (alpha - chance), 1 - chance - share * (alpha - chance)]
        ).sum()
        for chance in np.linspace(low, min(high, alpha), 41)
    )
    assert exact <= found <= 1.05 * exact + SPENT


def _signed_roots(a, b, n, share, alpha):
    def likely(caught, slips):
        return special.xlogy(a, caught) + special.xlogy(b, slips) + special.xlogy(n - a - b, 1 - caught - slips)

    at_alpha = np.max([likely(x, share * (alpha - x)) for x in np.linspace(0, alpha, 20_001)], axis=0)
    root = np.sqrt(np.maximum(2 * (likely(a / n, b / n) - at_alpha), 0))
    return np.sign(alpha - (a + b / share) / n) * root


def test_p_value__as_many_failures_as_wanted__speaks_for_nothing():
    assert judged_p_value(30, 10, 1_000, share=0.5, alpha=0.05, level=LEVEL) == 1.0


def test_recommendation__good_counts__certifies_and_weighs_what_slipped():
    found = recommend_with_judge(groups(), alpha=0.05, delta=0.05)
    assert (found.threshold, found.reason) == (0.9, "OK")
    assert (found.decisions, found.caught, found.slipped) == (1_500, 5, 2)
    assert found.failure_rate == pytest.approx((5 + 2 / 0.5) / 1_500)
    assert found.p_value is not None
    assert found.p_value <= found.level == 0.05


def test_recommendation__failures_below__stops_above_them():
    found = recommend_with_judge(groups(caught=(90, 2), slipped=(10, 1)), alpha=0.05, delta=0.05)
    assert (found.threshold, found.coverage) == (0.95, pytest.approx(800 / 1_500))


def test_recommendation__all_that_slips_past_a_blind_judge__is_seen_all_the_same():
    """A judge that never says wrong saves nothing: the drawn failures alone speak."""
    assert recommend_with_judge(groups(caught=(0, 0), slipped=(30, 30)), alpha=0.05, delta=0.05).threshold is None


def test_recommendation__fewer_than_a_thousand__is_not_offered():
    found = recommend_with_judge(groups(judged=(199, 800)), alpha=0.05, delta=0.05)
    assert (found.threshold, found.reason, found.needed) == (None, "INSUFFICIENT_DATA", 1_000)


def test_recommendation__so_few_people_that_nothing_can_be_shown__says_how_many_judged():
    found = recommend_with_judge(groups(share=0.01, slipped=(0, 0)), alpha=0.05, delta=0.05)
    assert (found.reason, found.needed) == ("INSUFFICIENT_DATA", 5_990)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"share": 0.0}, "share"),
        ({"share": 1.1}, "share"),
        ({"caught": (800, 0)}, "caught and slipped"),
        ({"value": (9_500, 9_000)}, "ascend"),
        ({"caught": (1,)}, "equal lengths"),
    ],
)
def test_groups__what_contradicts_itself__is_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        groups(**wrong)
