import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration.statistics.costs import Costs, cheapest_threshold
from calibration.statistics.groups import Groups

from .strategies import labelled_groups, to_rows

PRICES = st.tuples(*[st.integers(0, 20)] * 3).filter(any)


def paid(rows, allowed_from, costs):
    total = 0
    for value, good in rows:
        if allowed_from is not None and value >= allowed_from:
            total += 0 if good else costs.false_allow
        else:
            total += costs.review + (costs.false_block if good else 0)
    return total


@settings(max_examples=80, deadline=None)
@given(labelled_groups(max_groups=6, max_n=20), PRICES)
def test_cheapest__against_trying_every_threshold__agrees(drawn, prices):
    costs, rows = Costs(false_allow=prices[0], false_block=prices[1], review=prices[2]), to_rows(drawn)
    candidates = [None, *sorted({v for v, _ in rows}, reverse=True)]
    spent = [paid(rows, candidate, costs) for candidate in candidates]
    answer = cheapest_threshold(drawn, costs)
    best = candidates[int(np.argmin(spent))]
    assert answer.threshold == (None if best is None else best / 10_000)
    assert answer.cost == pytest.approx(min(spent) / len(rows), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    labelled_groups(max_groups=6, max_n=200),
    st.tuples(st.integers(3, 20), st.integers(1, 5), st.integers(0, 2)),
)
def test_interval__against_the_binomial_test__holds_what_it_does_not_reject(drawn, prices):
    costs = Costs(false_allow=prices[0], false_block=prices[1], review=prices[2])
    answer = cheapest_threshold(drawn, costs)
    values = [None, *drawn.with_labels().value[::-1].tolist()]
    cut = {v: i for i, v in enumerate(values)}
    best = cut[None if answer.threshold is None else round(answer.threshold * 10_000)]
    n, won = drawn.with_labels().n[::-1], drawn.with_labels().successes[::-1]
    kept = []
    for i in range(len(values)):
        low, high = sorted((i, best))
        side = "less" if i > best else "greater"
        m, s = int(n[low:high].sum()), int(won[low:high].sum())
        p = stats.binomtest(s, m, costs.break_even, alternative=side).pvalue if m else 1.0
        if p * (len(values) - 1) > 0.05:
            kept.append(values[i])
    as_threshold = [None if v is None else v / 10_000 for v in (kept[-1], kept[0])]
    assert [answer.lenient, answer.strict] == as_threshold


def test_break_even__by_hand__weighs_the_three_costs():
    assert Costs(false_allow=10, false_block=2, review=1).break_even == pytest.approx(9 / 12)
    assert Costs(false_allow=1, false_block=2, review=1).break_even == 0.0
    assert Costs(false_allow=1, false_block=0, review=0).break_even == 1.0


def test_cheapest__a_large_calibrated_sample__finds_break_even():
    value = np.arange(5000, 10_001, 100)
    answer = cheapest_threshold(
        Groups.from_arrays(value / 10_000, np.full(value.size, 10_000), value),
        Costs(false_allow=10, false_block=2, review=1),
    )
    # What lies at .75 costs the same on either side; the stricter threshold wins a tie.
    assert answer.threshold == 0.76
    assert answer.lenient <= 0.75 <= answer.strict
    assert answer.strict - answer.lenient < 0.1


def test_interval__many_samples__hold_the_truly_cheapest_threshold():
    rng = np.random.default_rng(9)
    value, rate = np.array([9500, 9000, 8000, 7000, 6000, 5000]), np.array([0.97, 0.9, 0.82, 0.7, 0.65, 0.5])
    costs = Costs(false_allow=3, false_block=0, review=0.75)  # break-even .75: the best threshold is .8
    missed = 0
    for _ in range(500):
        answer = cheapest_threshold(Groups.from_arrays(value / 10_000, np.full(6, 60), rng.binomial(60, rate)), costs)
        lenient = -1.0 if answer.lenient is None else answer.lenient
        missed += not (lenient <= 0.8 <= (2.0 if answer.strict is None else answer.strict))
    assert stats.binom.sf(missed - 1, 500, 0.05) > 0.001


@settings(max_examples=80, deadline=None)
@given(labelled_groups(max_groups=5, max_n=20), PRICES.filter(lambda prices: prices[0] <= prices[2]))
def test_interval__review_no_cheaper_than_a_failure__holds_nothing_that_is_dearer_for_certain(drawn, prices):
    # The expected cost is linear in the success rates, so if a threshold is dearer than the best one where each group
    # succeeds always or never, it is whatever the rates.
    costs, groups = Costs(false_allow=prices[0], false_block=prices[1], review=prices[2]), drawn.with_labels()
    values = [None, *groups.value[::-1].tolist()]
    answer = cheapest_threshold(drawn, costs)
    ends = [values.index(None if end is None else round(end * 10_000)) for end in (answer.strict, answer.lenient)]

    def expected(place, rates):
        rows = [(v, bool(r)) for v, n, r in zip(groups.value, groups.n, rates, strict=True) for _ in range(n)]
        return paid(rows, values[place], costs)

    best = values.index(None if answer.threshold is None else round(answer.threshold * 10_000))
    corners = list(itertools.product([0, 1], repeat=groups.value.size))
    for end in ends:
        assert any(expected(end, rates) <= expected(best, rates) for rates in corners)


def test_interval__only_reviews_cost__blocking_is_dearer_whatever_failed():
    answer = cheapest_threshold(
        Groups.from_arrays([0.9, 0.3], [20, 10], [0, 0]), Costs(false_allow=0, false_block=0, review=3)
    )
    assert (answer.threshold, answer.lenient, answer.strict, answer.cost) == (0.3, 0.3, 0.3, 0.0)
    # A failure costs what its review would: with failures only, nobody knows.
    answer = cheapest_threshold(Groups.from_arrays([0.9], [20], [0]), Costs(false_allow=3, false_block=0, review=3))
    assert (answer.threshold, answer.lenient, answer.strict) == (None, 0.9, None)


def test_cheapest__failures_only__blocks_everything_and_says_so():
    answer = cheapest_threshold(Groups.from_arrays([0.9], [50], [0]), Costs(false_allow=5, false_block=1, review=1))
    assert (answer.threshold, answer.reason, answer.cost) == (None, "blocking everything costs least", 1.0)
    assert (answer.lenient, answer.strict) == (None, None)


def test_cheapest__no_labels__is_none_with_a_reason():
    answer = cheapest_threshold(Groups.empty(), Costs(false_allow=5, false_block=1, review=1))
    assert (answer.threshold, answer.cost, answer.reason) == (None, None, "no labelled decision")


def test_cheapest__floor__limits_what_is_considered():
    drawn = Groups.from_arrays([0.9, 0.5], [50, 50], [50, 50])
    costs = Costs(false_allow=5, false_block=1, review=1)
    assert cheapest_threshold(drawn, costs).threshold == 0.5
    assert cheapest_threshold(drawn, costs, floor=0.8).threshold == 0.9


@pytest.mark.parametrize("prices", [(0, 0, 0), (-1, 1, 1), (1, float("nan"), 1), (1, 1, float("inf"))])
def test_costs__that_decide_nothing__are_refused(prices):
    with pytest.raises(ValueError, match="cost"):
        Costs(false_allow=prices[0], false_block=prices[1], review=prices[2])
