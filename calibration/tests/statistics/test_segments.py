import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.statistics.fixed_sequence import minimum_sample
from calibration.statistics.groups import Groups
from calibration.statistics.segments import recommend_for_segments
from calibration.statistics.thresholds import recommend_for_groups

from .strategies import groups


def good(n):
    return Groups.from_arrays([0.9], [n], [n])


def test_segments__three_large_ones__are_each_tested_at_a_third():
    segments = {"a": good(200), "b": good(300), "c": Groups.from_arrays([0.9], [200], [150])}
    answer = recommend_for_segments(segments, alpha=0.1, delta=0.06)
    assert answer.segment_delta == pytest.approx(0.02, abs=1e-15)
    for name, part in segments.items():
        assert answer.recommendations[name] == recommend_for_groups(part, alpha=0.1, delta=0.06 / 3)


def test_segments__too_small_ones__spend_nothing_and_say_what_joining_would_take():
    answer = recommend_for_segments({"a": good(200), "tiny": good(20)}, alpha=0.1, delta=0.05)
    assert (answer.tested, answer.too_small, answer.segment_delta) == (("a",), ("tiny",), 0.05)
    refusal = answer.recommendations["tiny"]
    assert (refusal.reason, refusal.needed) == ("INSUFFICIENT_DATA", minimum_sample(0.1, 0.025))


def test_segments__sizes_are_counted__after_the_floor():
    mixed = Groups.from_arrays([0.9, 0.5], [20, 500], [20, 500])
    answer = recommend_for_segments({"a": good(200), "b": mixed}, alpha=0.1, delta=0.05, floors={"b": 0.8})
    assert answer.too_small == ("b",)


def test_segments__none_or_none_large_enough__answer_without_a_threshold():
    assert recommend_for_segments({}, alpha=0.1, delta=0.05).recommendations == {}
    answer = recommend_for_segments({"a": good(3)}, alpha=0.1, delta=0.05)
    assert (answer.tested, answer.recommendations["a"].needed) == ((), 29)


@settings(max_examples=60, deadline=None)
@given(st.lists(groups(max_groups=4), max_size=5), st.sampled_from([0.1, 0.3]))
def test_segments__any_set__shares_delta_among_those_that_could_be_certified(parts, alpha):
    answer = recommend_for_segments({str(i): part for i, part in enumerate(parts)}, alpha=alpha, delta=0.2)
    assert len(answer.tested) * answer.segment_delta <= 0.2 + 1e-15
    assert sorted(answer.tested + answer.too_small) == sorted(answer.recommendations)
    for name in answer.tested:
        assert answer.recommendations[name].labelled >= minimum_sample(alpha, answer.segment_delta)
    for name in answer.too_small:
        assert answer.recommendations[name].reason == "INSUFFICIENT_DATA"
