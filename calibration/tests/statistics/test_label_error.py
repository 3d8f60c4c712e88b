"""Limits of the errors of labels against scipy, and the rate at which labels are tested instead of alpha."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from calibration.statistics.label_error import KnownAnswers, label_error

LEVEL = 0.05


def test_limits__are_clopper_and_pearsons__at_their_share_of_the_level():
    found = label_error(KnownAnswers(failures=60, missed=3, successes=80, accused=5), level=LEVEL)
    upper = binomtest(3, 60, alternative="less").proportion_ci(1 - LEVEL * 0.05).high
    lower = binomtest(5, 80, alternative="greater").proportion_ci(1 - LEVEL * 0.05).low
    assert (found.missed, found.accused) == (pytest.approx(upper), pytest.approx(lower))
    assert found.level == pytest.approx(0.045)
    assert found.tested_rate(0.05) == pytest.approx(0.05 * (1 - upper) + 0.95 * lower)


def test_limits__without_a_known_failure__are_none():
    assert label_error(KnownAnswers(successes=50), level=LEVEL) is None


def test_limits__without_a_known_success__take_none_for_accused():
    found = label_error(KnownAnswers(failures=100), level=LEVEL)
    assert found.accused == 0.0
    assert found.tested_rate(0.05) < 0.05


@given(
    st.floats(0, 0.45), st.floats(0, 0.45), st.floats(0.01, 0.5), st.integers(1, 400), st.integers(0, 400), st.data()
)
def test_tested_rate__where_the_limits_hold__is_never_above_what_labels_of_a_rate_alpha_show(
    missed, accused, alpha, failures, successes, data
):
    answers = KnownAnswers(
        failures=failures,
        missed=data.draw(st.integers(0, failures)),
        successes=successes,
        accused=data.draw(st.integers(0, successes)),
    )
    found = label_error(answers, level=LEVEL)
    if found.missed >= missed and found.accused <= accused:
        shown = alpha * (1 - missed) + (1 - alpha) * accused
        assert found.tested_rate(alpha) <= shown + 1e-12


@pytest.mark.parametrize("answers", [KnownAnswers(failures=2, missed=3), KnownAnswers(failures=2, accused=1)])
def test_limits__of_impossible_counts__are_refused(answers):
    with pytest.raises(ValueError, match=r"successes|counts|trials"):
        label_error(answers, level=LEVEL)
