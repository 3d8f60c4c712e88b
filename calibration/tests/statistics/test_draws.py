"""Thresholds from drawn decisions: with one rate the usual walk, with two the exact test of the weighted rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration.statistics.draws import recommend_from_draws
from calibration.statistics.groups import Groups
from calibration.statistics.stratified import Stratum, is_certified
from calibration.statistics.thresholds import recommend_for_groups

CELLS = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 40), st.floats(0, 0.15)),
    min_size=1,
    max_size=30,
    unique_by=lambda c: c[0],
)


def groups_of(cells: list[tuple[int, int, float]], *, undrawn: int = 0) -> Groups:
    value, n, share = (np.array(column) for column in zip(*sorted(cells), strict=True))
    return Groups(value=value, n=n, successes=n - np.floor(n * share).astype(int), total=n * (1 + undrawn))


@given(CELLS)
@settings(max_examples=60, deadline=None)
def test_one_rate__is_the_walk_over_the_drawn_ones(cells: list[tuple[int, int, float]]) -> None:
    groups = groups_of(cells, undrawn=9)
    walked = recommend_for_groups(groups, alpha=0.1, delta=0.1)
    drawn = recommend_from_draws([groups], alpha=0.1, delta=0.1)
    assert (drawn.threshold, drawn.reason, drawn.level) == pytest.approx(
        (walked.threshold, walked.reason, drawn.level if walked.level is None else walked.level)
    )


def at(value: int, *, total: int, n: int, failures: int) -> Groups:
    return Groups(value=np.array([value]), n=np.array([n]), successes=np.array([n - failures]), total=np.array([total]))


def test_two_rates__certified_where_the_supremum_over_both_is_below_the_level() -> None:
    strata = [Stratum(decisions=2_000, labelled=200, failures=5), Stratum(decisions=1_000, labelled=250, failures=9)]
    weights, seen = (2 / 3, 1 / 3), 2 / 3 * 5 / 200 + 1 / 3 * 9 / 250
    # By the definition, on a grid of all rates with the mean α, by scipy's binomial; Berger and Boos leave some out.
    worst = 0.0
    for first in np.linspace(0, 0.05 / weights[0], 200):
        second = (0.05 - weights[0] * first) / weights[1]
        failed = np.arange(201)
        rest = np.floor((seen - weights[0] * failed / 200) * 250 / weights[1] + 1e-9)
        worst = max(worst, float((stats.binom.pmf(failed, 200, first) * stats.binom.cdf(rest, 250, second)).sum()))
    assert not is_certified(strata, alpha=0.05, level=worst * 0.9)
    assert is_certified(strata, alpha=0.05, level=worst * 1.2)


def test_part_in_no_draw__may_fail_at_any_rate() -> None:
    drawn = at(9_000, total=1_000, n=300, failures=0)
    tiny, large = at(9_000, total=10, n=0, failures=0), at(9_000, total=60, n=0, failures=0)
    assert recommend_from_draws([drawn, tiny], alpha=0.05, delta=0.05).reason == "OK"
    refused = recommend_from_draws([drawn, large], alpha=0.05, delta=0.05)
    assert (refused.threshold, refused.reason) == (None, "INSUFFICIENT_DATA")


def test_few_labels_of_a_heavy_part__are_what_counts() -> None:
    heavy, light = at(9_000, total=9_000, n=40, failures=0), at(9_000, total=1_000, n=900, failures=0)
    assert recommend_from_draws([heavy, light], alpha=0.05, delta=0.05).reason == "INSUFFICIENT_DATA"


def test_nothing_certified__says_the_weighted_rate_and_how_many_more() -> None:
    parts = [at(9_000, total=1_000, n=100, failures=3), at(8_000, total=1_000, n=100, failures=4)]
    found = recommend_from_draws(parts, alpha=0.05, delta=0.05)
    assert found.reason == "NOT_CERTIFIABLE"
    assert found.needed is not None
    assert found.needed > 0
    assert found.failure_rate is not None


def test_no_draw_at_all__too_few() -> None:
    found = recommend_from_draws([at(9_000, total=100, n=0, failures=0)], alpha=0.05, delta=0.05)
    assert (found.reason, found.needed, found.labelled) == ("INSUFFICIENT_DATA", 59, 0)


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"delta": 0.3}])
def test_impossible_levels__refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        recommend_from_draws([], **{"alpha": 0.05, "delta": 0.05, **wrong})
