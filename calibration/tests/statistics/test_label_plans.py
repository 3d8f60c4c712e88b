import numpy as np
import pytest
from hypothesis import given, settings

from calibration.statistics.groups import Groups
from calibration.statistics.label_plans import plan_labels

from .strategies import groups

VALUES = np.arange(50, 100) / 100
RATES = (1 - VALUES) / 4


def partly_labelled(each):
    n = np.full(VALUES.size, each)
    return Groups.from_arrays(VALUES, n, n - np.round(n * RATES).astype(int), np.full(VALUES.size, 200))


def test_plan__few_labels__asks_for_more_in_the_most_confident_half_and_says_the_gain():
    plan = plan_labels(partly_labelled(1), alpha=0.05, delta=0.05)
    assert (plan.low, plan.high, plan.unlabelled) == (0.75, 0.99, 25 * 199)
    assert plan.labels in (50, 100, 200, 400, 800, 1600)
    assert plan.gain == plan.coverage_expected - plan.coverage_now > 0


def test_plan__the_same_seed__is_the_same_and_more_labels_are_expected_to_certify_more():
    drawn = partly_labelled(1)
    few, many, again = (plan_labels(drawn, alpha=0.05, delta=0.05, labels=n) for n in (100, 1600, 100))
    assert few == again
    assert many.coverage_expected > few.coverage_expected


def test_plan__no_label_at_all__asks_for_the_least_that_can_certify_and_names_no_gain():
    unlabelled = Groups.from_arrays(VALUES, np.zeros(50), np.zeros(50), np.full(50, 200))
    plan = plan_labels(unlabelled, alpha=0.05, delta=0.05)
    assert (plan.labels, plan.gain, plan.reason) == (59, None, "no label yet tells a failure rate")


def test_plan__everything_labelled__asks_for_nothing():
    assert plan_labels(partly_labelled(200), alpha=0.05, delta=0.05).labels == 0
    assert plan_labels(Groups.empty(), alpha=0.05, delta=0.05).labels == 0


def test_plan__a_confident_half_without_gaps__looks_below_and_never_below_the_floor():
    n = np.where(VALUES >= 0.75, 200, 2)
    drawn = Groups.from_arrays(VALUES, n, n - np.round(n * RATES).astype(int), np.full(50, 200))
    assert plan_labels(drawn, alpha=0.05, delta=0.05, labels=100).low == 0.5
    assert plan_labels(drawn, alpha=0.05, delta=0.05, floor=0.75, labels=100).labels == 0
    assert plan_labels(drawn, alpha=0.05, delta=0.05, floor=0.7, labels=100).low == 0.7


@settings(max_examples=25, deadline=None)
@given(groups(unlabelled=True))
def test_plan__any_groups__asks_for_labels_that_are_missing(drawn):
    plan = plan_labels(drawn, alpha=0.2, delta=0.1, labels=20)
    assert 0 <= plan.labels <= plan.unlabelled <= drawn.decisions - drawn.labelled
    assert plan.coverage_expected is None or 0.0 <= plan.coverage_expected <= 1.0


@pytest.mark.parametrize("options", [{"labels": 0}, {"alpha": 0.0}, {"delta": 0.5}, {"seed": -1}])
def test_plan__impossible_numbers__are_refused(options):
    with pytest.raises(ValueError, match="must"):
        plan_labels(Groups.empty(), **({"alpha": 0.05, "delta": 0.05} | options))
