import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from calibration.statistics.groups import Groups
from calibration.statistics.operating_points import operating_curve, operating_point

from .strategies import groups


def test_operating_point__by_hand__counts_what_is_allowed():
    drawn = Groups.from_arrays([0.9, 0.7, 0.5], [80, 10, 5], [76, 9, 1], [100, 50, 50])
    point = operating_point(drawn, 0.7)
    assert (point.allowed, point.labelled, point.failures, point.coverage) == (150, 90, 5, 0.75)
    reference = stats.binomtest(5, 90).proportion_ci(0.95)
    assert point.interval == pytest.approx((reference.low, reference.high), abs=1e-11)


def test_operating_point__nothing_allowed__is_none_with_a_reason():
    point = operating_point(Groups.from_arrays([0.5], [3], [3]), 0.9)
    assert (point.failure_rate, point.interval, point.coverage) == (None, None, 0.0)
    assert point.reason == "no labelled decision that this threshold allows"
    assert operating_point(Groups.empty(), 0.9).coverage is None


@settings(max_examples=40, deadline=None)
@given(drawn=groups(unlabelled=True))
def test_operating_curve__every_entry__is_the_point_at_its_threshold(drawn):
    curve = operating_curve(drawn)
    assert np.all(np.diff(curve.coverage) >= 0)
    for i, threshold in enumerate(curve.threshold):
        point = operating_point(drawn, float(threshold))
        assert (point.coverage, point.failure_rate) == (curve.coverage[i], curve.failure_rate[i])
        assert curve.low[i] <= curve.failure_rate[i] <= curve.high[i]
