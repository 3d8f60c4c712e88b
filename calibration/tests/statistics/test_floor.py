import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.statistics.groups import Groups
from calibration.statistics.thresholds import is_same_cut, recommend_for_groups, recommend_threshold

from .strategies import groups


@settings(max_examples=60, deadline=None)
@given(groups(max_n=100), st.integers(0, 10_000))
def test_floor__recommendation__is_that_of_the_decisions_above_it(drawn, step):
    floored = recommend_for_groups(drawn, alpha=0.2, delta=0.05, floor=step / 10_000)
    alone = recommend_for_groups(drawn.at_or_above(step), alpha=0.2, delta=0.05)
    assert (floored.reason, floored.decisions, floored.level, floored.labelled) == (
        alone.reason, alone.decisions, alone.level, alone.labelled,
    )  # fmt: skip
    is_floor = floored.reason == "OK" and floored.decisions == floored.labelled
    assert floored.threshold == (step / 10_000 if is_floor else alone.threshold)


def test_floor__coverage__counts_what_it_dropped():
    drawn = Groups.from_arrays([0.9, 0.5], [300, 3], [300, 3], [300, 900])
    assert recommend_for_groups(drawn, alpha=0.1, delta=0.05, floor=0.8).coverage == 300 / 1200


def test_floor__selected_labels_below_it__cannot_lower_the_threshold():
    # Everything below .8 that has a label succeeded, because only good-looking cases got one.
    answer = recommend_threshold([0.9, 0.5], [300, 500], [298, 500], alpha=0.1, delta=0.05, floor=0.8)
    assert (answer.threshold, answer.decisions) == (0.8, 300)


@pytest.mark.parametrize("floor", [1.0001, 2.0])
def test_floor__a_kill_switch_above_one__leaves_too_few_decisions(floor):
    answer = recommend_threshold([1.0], [300], [300], alpha=0.1, delta=0.05, floor=floor)
    assert (answer.reason, answer.labelled) == ("INSUFFICIENT_DATA", 0)


@pytest.mark.parametrize(
    "first, kept, extra, threshold",
    [
        (0.9003, 72, (), 0.9),
        (0.9054, 72, (), 0.9),
        (0.9003, 58, (), None),
        (0.9003, 72, ((0.9001, 30, 0),), 0.9003),
    ],
)
def test_floor__nothing_labelled_between_it_and_what_is_certified__is_what_is_certified(first, kept, extra, threshold):
    values = [round(first + 0.0013 * i, 4) for i in range(kept)]
    rows = [(value, 1, 1) for value in values] + list(extra)
    answer = recommend_threshold(*zip(*rows, strict=True), alpha=0.05, delta=0.05, floor=0.9)
    assert answer.threshold == threshold


def test_same_cut__unlabelled_decisions_between__count_unless_they_are_few_and_the_certified_value_the_higher():
    drawn = Groups.from_arrays([0.95, 0.85], [50, 0], [50, 0], [100, 3])
    assert is_same_cut(drawn, 0.95, 0.8)
    assert not is_same_cut(drawn, 0.8, 0.9)
    assert is_same_cut(drawn, 0.86, 0.95)
    assert not is_same_cut(drawn, 0.96, 1.5)
    # Half of the others are labelled: ten without one are no chance.
    assert not is_same_cut(Groups.from_arrays([0.95, 0.85], [50, 0], [50, 0], [100, 10]), 0.95, 0.8)
