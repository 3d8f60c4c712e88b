import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.statistics.groups import Groups

from .strategies import as_tuple, groups, split, to_rows


def test_from_arrays__repeated_confidences_in_any_order__add_up():
    built = Groups.from_arrays([0.9, 0.3, 0.9], [2, 1, 3], [1, 0, 3], [2, 5, 4])
    assert as_tuple(built) == ([3000, 9000], [1, 5], [0, 4], [5, 6])


def test_from_arrays__decimals_that_floats_cannot_hold__land_on_their_lattice_value():
    confidences = [round(v / 10_000, 4) for v in range(10_001)]
    built = Groups.from_arrays(confidences, np.ones(10_001), np.zeros(10_001))
    assert built.value.tolist() == list(range(10_001))


def test_from_outcomes__single_rows__are_counted():
    built = Groups.from_outcomes([0.5, 0.5, 1.0], [True, False, True])
    assert as_tuple(built) == ([5000, 10_000], [2, 1], [1, 1], [2, 1])


def test_groups__their_columns__cannot_be_written():
    built = Groups.from_outcomes([0.5], [1])
    with pytest.raises(ValueError, match="read-only"):
        built.n[0] = 7


def test_groups__the_callers_array__stays_writable_and_separate():
    n = np.array([3])
    built = Groups.from_arrays([0.5], n, [1])
    n[0] = 9
    assert built.labelled == 3


def test_merge__nothing__is_empty():
    assert as_tuple(Groups.merge([])) == ([], [], [], [])


@settings(max_examples=60, deadline=None)
@given(groups(unlabelled=True), st.integers(0, 100))
def test_merge__a_window_cut_in_two__adds_up_to_the_window(drawn, share):
    assert as_tuple(Groups.merge(split(drawn, share))) == as_tuple(drawn)


@settings(max_examples=60, deadline=None)
@given(groups(), st.randoms(use_true_random=False))
def test_from_outcomes__order_of_rows__does_not_matter(drawn, random):
    rows = to_rows(drawn)
    random.shuffle(rows)
    built = Groups.from_outcomes(np.array([v for v, _ in rows]) / 10_000, [good for _, good in rows] or np.zeros(0))
    assert as_tuple(built) == as_tuple(Groups.from_arrays(*_labelled_columns(drawn)))


def _labelled_columns(drawn):
    kept = drawn.with_labels()
    return kept.confidence, kept.n, kept.successes


@settings(max_examples=40, deadline=None)
@given(groups(unlabelled=True), st.integers(0, 10_001))
def test_at_or_above_and_below__together__are_everything(drawn, value):
    above, below = drawn.at_or_above(value), drawn.below(value)
    assert as_tuple(Groups.merge([above, below])) == as_tuple(drawn)
    assert all(above.value >= value)
    assert all(below.value < value)


@pytest.mark.parametrize(
    "columns, message",
    [
        (([1.2], [1], [1]), r"in \[0, 1\]"),
        (([-0.01], [1], [1]), r"in \[0, 1\]"),
        (([float("nan")], [1], [1]), "NaN"),
        (([None], [1], [1]), "numbers only"),
        ((["0.9"], [1], [1]), "numbers, not"),
        (([0.12345], [1], [1]), "four decimals"),
        (([[0.5]], [1], [1]), "one-dimensional"),
        ((0.5, [1], [1]), "one-dimensional"),
        (([0.5], [-1], [-1]), "at least 0"),
        (([0.5], [float("nan")], [0]), "NaN"),
        (([0.5], [2.5], [1]), "whole numbers"),
        (([0.5], [1], [2]), "successes <= n"),
        (([0.5], [3], [2], [2]), "n <= total"),
        (([0.5, 0.6], [1], [1]), "equal lengths"),
        # The first entry alone is impossible, the sum is not: it is the entry that is wrong.
        (([0.5, 0.5], [1, 5], [2, 0]), "successes <= n"),
    ],
)
def test_from_arrays__impossible_input__says_what_to_do(columns, message):
    with pytest.raises(ValueError, match=message):
        Groups.from_arrays(*columns)


@pytest.mark.parametrize(
    "columns, message",
    [
        (([5, 5], [1, 1], [1, 1], [1, 1]), "ascend strictly"),
        (([7, 5], [1, 1], [1, 1], [1, 1]), "ascend strictly"),
        (([10_001], [1], [1], [1]), "0…10000"),
        (([5], [1], [2], [2]), "must not exceed n"),
        (([5], [2], [1], [1]), "below n"),
        (([5], [1, 2], [1], [1]), "equal lengths"),
    ],
)
def test_groups__contradicting_columns__are_refused(columns, message):
    value, n, successes, total = map(np.array, columns)
    with pytest.raises(ValueError, match=message):
        Groups(value=value, n=n, successes=successes, total=total)
