import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.statistics.fixed_sequence import failure_p_values, minimum_sample


@pytest.mark.parametrize(
    "alpha, delta, least",
    [(0.05, 0.05, 59), (0.10, 0.05, 29), (0.10, 0.10, 22), (0.20, 0.05, 14), (0.01, 0.05, 299)],
)
def test_minimum_sample__published_pairs__are_reproduced(alpha, delta, least):
    assert minimum_sample(alpha, delta) == least


@pytest.mark.parametrize("alpha, delta, least", [(0.5, 0.25, 2), (0.5, 0.5, 1), (0.9, 0.2, 1), (0.5, 2.0**-10, 10)])
def test_minimum_sample__powers_that_meet_the_level_exactly__are_enough(alpha, delta, least):
    assert minimum_sample(alpha, delta) == least


@settings(max_examples=100, deadline=None)
@given(st.floats(0.001, 0.9), st.floats(1e-6, 0.9))
def test_minimum_sample__any_levels__is_the_first_that_suffices(alpha, delta):
    least = minimum_sample(alpha, delta)
    assert failure_p_values(0, least, alpha) <= delta
    assert least == 1 or failure_p_values(0, least - 1, alpha) > delta


@pytest.mark.parametrize("alpha, delta", [(0.0, 0.05), (1.0, 0.05), (0.05, 0.0), (0.05, 1.0), (float("nan"), 0.05)])
def test_minimum_sample__levels_outside_the_open_unit_interval__are_refused(alpha, delta):
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        minimum_sample(alpha, delta)
