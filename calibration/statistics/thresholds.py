"""The threshold with the largest coverage whose failure rate is certified to be at most α."""

from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike

from calibration.statistics.checks import check_delta, check_open_unit
from calibration.statistics.fixed_sequence import (
    Walk,
    failure_p_values,
    further_decisions,
    minimum_sample,
    spread_starts,
    walk,
)
from calibration.statistics.groups import Groups
from calibration.statistics.intervals import clopper_pearson
from calibration.statistics.lattice import LATTICE, FloatArray, IntArray, threshold_to_lattice
from calibration.statistics.recommendation import ThresholdRecommendation

UNLABELLED_BY_CHANCE = 0.01
"""Probability above which decisions without a single label are taken to lack them by chance."""


class _Figures(TypedDict):
    decisions: int
    failures: int
    failure_rate: float
    failure_rate_upper: float
    p_value: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sequence:
    """The hypotheses in the order of the tests: by descending score."""

    score: IntArray
    reached: IntArray
    failed: IntArray
    p_values: FloatArray

    @classmethod
    def of(cls, scores: Groups, alpha: float) -> "_Sequence":
        reached, failed = np.cumsum(scores.n[::-1]), np.cumsum(scores.failures[::-1])
        p_values = failure_p_values(failed, reached, alpha)
        return cls(score=scores.value[::-1], reached=reached, failed=failed, p_values=p_values)

    def test(self, alpha: float, delta: float) -> Walk:
        return walk(self.p_values, spread_starts(self.reached, alpha, delta), delta)

    def needed(self, walked: Walk, alpha: float) -> int | None:
        failed, reached = int(self.failed[walked.first]), int(self.reached[walked.first])
        return further_decisions(failed, reached, int(self.reached[-1]), alpha, walked.first_level)

    def figures(self, index: int, level: float) -> _Figures:
        decisions, failures = int(self.reached[index]), int(self.failed[index])
        upper = clopper_pearson([failures], [decisions], confidence=1.0 - level, sides="upper")[1]
        return _Figures(
            decisions=decisions,
            failures=failures,
            failure_rate=failures / decisions,
            failure_rate_upper=float(upper[0]),
            p_value=float(self.p_values[index]),
            level=level,
        )


def recommend_threshold(
    confidence: ArrayLike,
    n: ArrayLike,
    successes: ArrayLike,
    *,
    alpha: float,
    delta: float,
    floor: float | None = None,
) -> ThresholdRecommendation:
    """Recommend a threshold from arrays of counts.

    Parameters
    ----------
    confidence : array_like, shape (k,)
        Confidences in [0, 1] with at most four decimals, in any order; repeated ones add up.
    n, successes : array_like of int, shape (k,)
        Labelled decisions and successes among them.
    alpha : float
        Failure rate to stay below, in (0, 1).
    delta : float
        Accepted probability that the failure rate is above α nevertheless, in (0, 0.25].
    floor : float, optional
        The strictest threshold that was in force in the cohort. What it did not allow is dropped before the
        starts are laid out, because its labels are no sample of its outcomes. Where nothing lies between it and the
        lowest certified value (`is_same_cut`), it is what is certified and recommended.

    Returns
    -------
    ThresholdRecommendation
        The threshold with the largest coverage that is certified, or a refusal.

    Raises
    ------
    ValueError
        When shapes differ, counts are impossible, a confidence is off the lattice, α is outside (0, 1), or
        δ outside (0, 0.25].
    """
    return recommend_for_groups(Groups.from_arrays(confidence, n, successes), alpha=alpha, delta=delta, floor=floor)


def is_same_cut(groups: Groups, certified: float, in_force: float) -> bool:
    """Return whether a certified threshold and the one in force allow the same, so that there is nothing to change.

    They are the same cut where no decision lies between. A stricter certified threshold is so, too, where the few that
    lie between have no label by chance: with a probability above .01 at the labelled share of what is certified.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence, with their totals.
    certified : float
        The lowest threshold that is certified.
    in_force : float
        The threshold in force.

    Returns
    -------
    bool
        True where the value in force is what is certified.
    """
    low, high = sorted(map(threshold_to_lattice, (certified, in_force)))
    between, certain = groups.at_or_above(low).below(high), groups.at_or_above(high)
    if not 0.0 <= in_force <= 1.0 or between.labelled or (between.decisions and certified < in_force):
        return False
    unlabelled_share = 1.0 - certain.labelled / max(certain.decisions, 1)
    return bool(between.decisions == 0 or unlabelled_share**between.decisions > UNLABELLED_BY_CHANCE)


def recommend_for_groups(
    groups: Groups,
    *,
    alpha: float,
    delta: float,
    floor: float | None = None,
) -> ThresholdRecommendation:
    """Recommend a threshold from groups.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    alpha, delta, floor
        As for `recommend_threshold`.

    Returns
    -------
    ThresholdRecommendation
        The threshold with the largest coverage that is certified, or a refusal.

    Raises
    ------
    ValueError
        When α is outside (0, 1), or δ outside (0, 0.25].
    """
    check_open_unit("alpha", alpha)
    check_delta(delta)
    reached = groups if floor is None else groups.allowed_by(floor)
    tested = reached.with_labels()
    least = minimum_sample(alpha, delta)
    refusal = ThresholdRecommendation(
        threshold=None,
        reason="INSUFFICIENT_DATA",
        needed=least,
        labelled=tested.labelled,
        alpha=alpha,
        delta=delta,
    )
    if tested.labelled < least:
        return refusal
    sequence = _Sequence.of(tested, alpha)
    walked = sequence.test(alpha, delta)
    if walked.best is None:
        return replace(
            refusal,
            reason="NOT_CERTIFIABLE",
            needed=sequence.needed(walked, alpha),
            start_decisions=int(sequence.reached[walked.first]),
            start_failures=int(sequence.failed[walked.first]),
        )
    score = int(sequence.score[walked.best])
    is_floor = floor is not None and is_same_cut(groups, score / LATTICE, floor)
    return replace(
        refusal,
        threshold=floor if is_floor else score / LATTICE,
        reason="OK",
        coverage=reached.at_or_above(score).decisions / groups.decisions,
        needed=None,
        **sequence.figures(walked.best, walked.best_level),
    )
