import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.statistics.directions import score_of, threshold_of, to_scores
from calibration.statistics.groups import Groups
from calibration.statistics.thresholds import recommend_for_groups, recommend_threshold

from .strategies import groups


@given(st.integers(0, 9999), st.integers(0, 10_000))
def test_scores__of_risks__are_allowed_exactly_as_the_gate_allows(risk, threshold):
    one = Groups.from_arrays([risk / 10_000], [1], [1])
    score = to_scores(one, "below").value[0]
    blocked_by_gate = risk / 10_000 >= threshold / 10_000
    assert (score >= score_of(threshold / 10_000, "below")) == (not blocked_by_gate)


@pytest.mark.parametrize("direction", ["at_least", "below"])
@given(step=st.integers(0, 10_000))
def test_threshold_of__and_back__is_the_same(direction, step):
    assert threshold_of(score_of(step / 10_000, direction), direction) == step / 10_000


def test_recommend__risk__allows_the_certified_decisions_and_no_more():
    answer = recommend_threshold(
        [0.1, 0.2, 0.9], [100, 100, 100], [100, 99, 20], alpha=0.1, delta=0.05, direction="below"
    )
    assert (answer.reason, answer.threshold, answer.decisions) == ("OK", 0.2001, 200)


def test_recommend__risk_of_one__can_never_be_allowed():
    answer = recommend_threshold([1.0], [1000], [1000], alpha=0.1, delta=0.05, direction="below")
    assert (answer.reason, answer.labelled) == ("INSUFFICIENT_DATA", 0)
    answer = recommend_threshold([0.9999, 1.0], [500, 500], [500, 500], alpha=0.1, delta=0.05, direction="below")
    assert (answer.threshold, answer.coverage) == (1.0, 0.5)


@settings(max_examples=60, deadline=None)
@given(groups(max_n=100))
def test_recommend__risk__mirrors_confidence(drawn):
    below_one = drawn.below(10_000)
    mirrored = Groups(
        value=(9999 - below_one.value)[::-1],
        n=below_one.n[::-1],
        successes=below_one.successes[::-1],
        total=below_one.total[::-1],
    )
    risk = recommend_for_groups(below_one, alpha=0.2, delta=0.05, direction="below")
    confidence = recommend_for_groups(mirrored, alpha=0.2, delta=0.05)
    assert (risk.reason, risk.decisions, risk.level, risk.needed) == (
        confidence.reason, confidence.decisions, confidence.level, confidence.needed,
    )  # fmt: skip
    if risk.threshold is not None:
        allowed = below_one.value / 10_000 < risk.threshold
        assert below_one.n[allowed].sum() == risk.decisions


def test_recommend__risk_with_a_threshold_in_force__drops_what_was_blocked():
    risks, n = np.array([0.1, 0.3, 0.7, 0.8]), [200, 200, 5, 200]
    answer = recommend_threshold(risks, n, n, alpha=0.1, delta=0.05, direction="below", floor=0.7)
    assert (answer.threshold, answer.decisions, answer.labelled) == (0.3001, 400, 400)
