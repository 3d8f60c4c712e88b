import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.statistics.lattice import threshold_to_lattice, to_lattice


def test_to_lattice__decimals_from_a_database__are_read():
    assert to_lattice([Decimal("0.7000"), Decimal("1")]).tolist() == [7000, 10_000]


@given(st.integers(0, 10_000), st.floats(-0.5, 1.5, allow_nan=False))
def test_threshold_to_lattice__any_threshold__decides_as_the_gate_does(value, threshold):
    step = threshold_to_lattice(threshold)
    confidence = value / 10_000
    if abs(confidence - threshold) > 1e-9:
        assert (value >= step) == (confidence >= threshold)


@pytest.mark.parametrize("threshold, step", [(0.7, 7000), (0.70004, 7001), (1.0, 10_000), (1.5, 15_000), (0.0, 0)])
def test_threshold_to_lattice__known_thresholds__round_upwards(threshold, step):
    assert threshold_to_lattice(threshold) == step


@pytest.mark.parametrize("threshold", [math.nan, math.inf, -math.inf])
def test_threshold_to_lattice__not_finite__is_refused(threshold):
    with pytest.raises(ValueError, match="finite"):
        threshold_to_lattice(threshold)
