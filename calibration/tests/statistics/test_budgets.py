import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration.statistics.budgets import smallest_budget


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 80)), max_size=10), st.sampled_from([0.05, 0.2]))
def test_smallest_budget__against_trying_every_budget__agrees(entries, target):
    tokens, counts = [t for t, _ in entries], [c for _, c in entries]
    answer = smallest_budget(tokens, counts, target=target, delta=0.1)
    total = sum(counts)
    passing = [
        b for b in sorted(set(tokens)) if stats.binom.cdf(sum(c for t, c in entries if t > b), total, target) <= 0.1
    ]
    if total and passing:
        assert (answer.reason, answer.budget) == ("OK", passing[0])
        assert answer.truncation_rate <= answer.truncation_rate_upper <= target + 1e-12
    else:
        assert (answer.reason, answer.budget) == ("INSUFFICIENT_DATA", None)


def test_smallest_budget__wilks_published_sample_sizes__are_reproduced():
    # 59 observations: the largest is a 95/95 limit; 93: the second largest is.
    assert smallest_budget(range(1, 60), [1] * 59, target=0.05, delta=0.05).budget == 59
    assert smallest_budget(range(1, 59), [1] * 58, target=0.05, delta=0.05).needed == 59
    assert smallest_budget(range(1, 93), [1] * 92, target=0.05, delta=0.05).budget == 92
    assert smallest_budget(range(1, 94), [1] * 93, target=0.05, delta=0.05).budget == 92


def test_smallest_budget__violations__stay_below_delta():
    rng = np.random.default_rng(6)
    wrong = 0
    for _ in range(1000):
        needed = rng.geometric(0.01, size=200)
        budget = smallest_budget(needed, np.ones(200), target=0.1, delta=0.1).budget
        wrong += 0.99**budget > 0.1
    assert stats.binom.sf(wrong - 1, 1000, 0.1) > 0.001


@pytest.mark.parametrize(
    "call",
    [
        lambda: smallest_budget([1, 2], [1], target=0.1, delta=0.1),
        lambda: smallest_budget([-1], [1], target=0.1, delta=0.1),
        lambda: smallest_budget([1], [1], target=0.0, delta=0.1),
        lambda: smallest_budget([1], [1], target=0.1, delta=1.0),
    ],
)
def test_budgets__impossible_input__is_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()
