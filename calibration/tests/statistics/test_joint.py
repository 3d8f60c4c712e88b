import numpy as np
import pytest

from calibration.statistics.groups import Groups
from calibration.statistics.joint import recommend_pair, risk_grid
from calibration.statistics.thresholds import recommend_for_groups


def sample(seed=2, n=4000):
    rng = np.random.default_rng(seed)
    risk, confidence = np.round(rng.random(n), 4), np.round(rng.beta(6, 2, n), 4)
    success = rng.random(n) > 0.5 * risk * (1.1 - confidence)
    return risk, confidence, np.ones(n, dtype=int), success.astype(int)


def test_risk_grid__current_first__holds_each_threshold_once():
    assert risk_grid(0.7) == (0.7, 0.9, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    assert risk_grid(0.75) == (0.75, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)


def test_risk_grid__threshold_in_force__leaves_out_what_it_blocked():
    assert risk_grid(0.7, 0.7) == (0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    assert risk_grid(0.7, 0.65) == (0.65, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    assert risk_grid(0.7, 0.05) == (0.05,)


def test_pair__each_risk_threshold__is_tested_on_what_passes_it_at_its_share():
    risk, confidence, n, successes = sample()
    answer = recommend_pair(risk, confidence, n, successes, alpha=0.1, delta=0.05, current_risk=0.7)
    assert answer.grid_delta == 0.05 / 9
    covered = {}
    for threshold, ours in answer.grid:
        passing = risk < threshold
        groups = Groups.from_arrays(confidence[passing], n[passing], successes[passing])
        assert ours == recommend_for_groups(groups, alpha=0.1, delta=0.05 / 9)
        if ours.threshold is not None:
            covered[threshold] = np.mean((risk < threshold) & (confidence >= ours.threshold))
    best = max(covered, key=covered.get)
    assert (answer.reason, answer.risk_threshold) == ("OK", best)
    assert answer.coverage == pytest.approx(covered[best], abs=1e-12)
    assert answer.confidence_threshold == dict(answer.grid)[best].threshold


def test_pair__equal_coverage__keeps_the_current_risk_threshold():
    answer = recommend_pair([0.05], [0.9], [300], [300], alpha=0.1, delta=0.05, current_risk=0.35)
    assert (answer.risk_threshold, answer.confidence_threshold, answer.coverage) == (0.35, 0.9, 1.0)


def test_pair__coverage__counts_decisions_without_labels():
    answer = recommend_pair(
        [0.05, 0.95],
        [0.9, 0.9],
        [300, 0],
        [300, 0],
        [400, 600],
        alpha=0.1,
        delta=0.05,
        current_risk=0.7,
        risk_floor=0.7,
    )
    assert answer.coverage == 0.4


def test_pair__floors__drop_what_was_blocked():
    answer = recommend_pair(
        [0.05, 0.05],
        [0.9, 0.5],
        [300, 300],
        [300, 300],
        alpha=0.1,
        delta=0.05,
        current_risk=0.7,
        confidence_floor=0.8,
    )
    assert (answer.confidence_threshold, answer.grid[0][1].decisions) == (0.8, 300)


def test_pair__nothing_certifiable__refuses_with_the_reason():
    few = recommend_pair([0.05], [0.9], [3], [3], alpha=0.1, delta=0.05, current_risk=0.7)
    assert (few.reason, few.risk_threshold, few.needed) == ("INSUFFICIENT_DATA", None, 50)
    bad = recommend_pair([0.05], [0.9], [300], [100], alpha=0.1, delta=0.05, current_risk=0.7)
    assert (bad.reason, bad.needed) == ("NOT_CERTIFIABLE", None)
    none = recommend_pair([], [], [], [], alpha=0.1, delta=0.05, current_risk=0.7)
    assert none.reason == "INSUFFICIENT_DATA"


@pytest.mark.parametrize("columns", [([1.2], [0.9], [1], [1]), ([0.1], [0.9], [1, 2], [1]), ([0.1], [0.9], [1], [2])])
def test_pair__impossible_input__is_refused(columns):
    with pytest.raises(ValueError, match=r"must|needs"):
        recommend_pair(*columns, alpha=0.1, delta=0.05, current_risk=0.7)
