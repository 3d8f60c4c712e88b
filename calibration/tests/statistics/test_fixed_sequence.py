import numpy as np
import pytest

from calibration.statistics.fixed_sequence import spread_starts, walk


def test_walk__a_p_value_exactly_at_its_level__is_rejected():
    walked = walk(np.array([0.025, 0.0250001]), [0], 0.025)
    assert (walked.best, walked.best_level) == (0, 0.025)


def test_walk__a_stretch_without_room__hands_its_share_on_untested():
    # The first two of three starts fall together, so index 0 is tested with both their shares.
    walked = walk(np.array([0.04, 0.9]), [0, 0, 1], 0.06)
    assert (walked.best, walked.first, walked.first_level) == (0, 0, pytest.approx(0.04, abs=1e-15))


def test_walk__after_a_failure__starts_again_with_one_share():
    p_values = np.array([0.9, 0.01, 0.03])
    assert walk(p_values, [0, 1, 2], 0.03).best == 1
    assert walk(np.array([0.001, 0.01, 0.03]), [0, 1, 2], 0.03).best == 2


@pytest.mark.parametrize(
    "decisions, counts",
    [
        # alpha = .2, delta = .05: the minima are 14 for one start, 17 for two, 19 for three.
        (15, [14]),
        (160, [64]),  # two starts would begin at 16, below 17
        (161, [17, 65]),
        (721, [19, 73, 289]),
    ],
)
def test_spread_starts__just_enough_decisions__lay_out_one_more(decisions, counts):
    starts = spread_starts(np.arange(1, decisions + 1), 0.2, 0.05)
    assert [start + 1 for start in starts] == counts
