import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.statistics.groups import Groups
from calibration.statistics.thresholds import recommend_for_groups, recommend_threshold

from .strategies import groups


@settings(max_examples=60, deadline=None)
@given(groups(max_n=100), st.integers(0, 10_000))
def test_floor__recommendation__is_that_of_the_decisions_above_it(drawn, step):
    floored = recommend_for_groups(drawn, alpha=0.2, delta=0.05, floor=step / 10_000)
    alone = recommend_for_groups(drawn.at_or_above(step), alpha=0.2, delta=0.05)
    assert (floored.reason, floored.threshold, floored.level, floored.labelled) == (
        alone.reason, alone.threshold, alone.level, alone.labelled,
    )  # fmt: skip


def test_floor__coverage__counts_what_it_dropped():
    drawn = Groups.from_arrays([0.9, 0.5], [300, 3], [300, 3], [300, 900])
    assert recommend_for_groups(drawn, alpha=0.1, delta=0.05, floor=0.8).coverage == 300 / 1200


def test_floor__selected_labels_below_it__cannot_lower_the_threshold():
    # Everything below .8 that has a label succeeded, because only good-looking cases got one.
    answer = recommend_threshold([0.9, 0.5], [300, 500], [298, 500], alpha=0.1, delta=0.05, floor=0.8)
    assert answer.threshold == 0.9


@pytest.mark.parametrize("floor", [1.0001, 2.0])
def test_floor__a_kill_switch_above_one__leaves_too_few_decisions(floor):
    answer = recommend_threshold([1.0], [300], [300], alpha=0.1, delta=0.05, floor=floor)
    assert (answer.reason, answer.labelled) == ("INSUFFICIENT_DATA", 0)
