from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from calibration.statistics.audits import recommend_with_audits
from calibration.statistics.groups import Groups
from calibration.statistics.label_strata import label_strata

from .strategies import groups

VALUES, TOTAL = np.array([0.85, 0.9, 0.95]), np.array([1500, 500, 2000])


def test_strata__labels_missing_by_confidence__are_told_apart_and_what_is_missing_is_named():
    strata = label_strata(Groups.from_arrays(VALUES, [150, 450, 1800], [135, 440, 1770], TOTAL))
    assert [(s.low, s.high, s.decisions, s.labelled, s.failures, s.missing) for s in strata] == [
        (0.85, 0.85, 1500, 150, 15, 1200),
        (0.9, 0.95, 2500, 2250, 40, 0),
    ]


@pytest.mark.parametrize("labelled", [[1500, 500, 2000], [750, 250, 1000], [0, 0, 0], [760, 241, 1010]])
def test_strata__even_labels__are_one(labelled):
    assert len(label_strata(Groups.from_arrays(VALUES, labelled, labelled, TOTAL))) == 1


def test_strata__even_labels_at_random__are_seldom_divided():
    rng = np.random.default_rng(3)
    total = np.full(50, 20)
    value = np.arange(50) / 50
    divided = 0
    for _ in range(500):
        n = rng.binomial(total, 0.4)
        divided += len(label_strata(Groups.from_arrays(value, n, n, total))) > 1
    assert stats.binom.sf(divided - 1, 500, 0.02) > 0.001


@settings(max_examples=60, deadline=None)
@given(groups(unlabelled=True))
def test_strata__of_any_groups__add_up_and_do_not_look_at_outcomes(drawn):
    strata = label_strata(drawn)
    assert sum(s.decisions for s in strata) == drawn.decisions
    assert sum(s.labelled for s in strata) == drawn.labelled
    failed = Groups(value=drawn.value, n=drawn.n, successes=np.zeros_like(drawn.n), total=drawn.total)
    assert [(s.low, s.high) for s in label_strata(failed)] == [(s.low, s.high) for s in strata]
    assert all(one.high < two.low for one, two in pairwise(strata))


@pytest.mark.parametrize("shares", [(1, 1, 1), (0.5, 0.5, 0.5), (0.1, 0.9, 0.9)])
def test_audits__however_labels_are_missing_by_confidence__wrong_in_at_most_delta(shares):
    rng = np.random.default_rng(12)
    wrong = 0
    for _ in range(200):
        n = rng.binomial(TOTAL, shares)
        top = Groups.from_arrays(VALUES, n, n - rng.binomial(n, [0.1, 0.03, 0.02]), TOTAL)
        drawn = rng.binomial([300, 700], 0.5)
        audited = Groups.from_arrays([0.8, 0.82], drawn, drawn - rng.binomial(drawn, 0.06), [300, 700])
        answer = recommend_with_audits(top, [audited], in_force=0.85, alpha=0.05, delta=0.05)
        wrong += answer.threshold is not None and answer.threshold < 0.85
    assert stats.binom.sf(wrong - 1, 200, 0.05) > 0.001
