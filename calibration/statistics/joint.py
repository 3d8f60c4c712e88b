"""A policy with a confidence and a risk threshold: both are recommended together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from calibration.statistics.groups import Groups
from calibration.statistics.lattice import threshold_to_lattice, to_counts, to_lattice
from calibration.statistics.recommendation import Reason, ThresholdRecommendation
from calibration.statistics.thresholds import recommend_for_groups

RISK_GRID = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class JointRecommendation:
    """A pair of thresholds, or a refusal with its reason.

    Parameters
    ----------
    risk_threshold, confidence_threshold : float or None
        The certified pair with the largest coverage: allow risk < the one and confidence >= the other.
    reason : {"OK", "INSUFFICIENT_DATA", "NOT_CERTIFIABLE"}
        Why there is a pair or why there is none.
    coverage : float or None
        Share of all decisions that the pair allows.
    needed : int or None
        The smallest `needed` among the refusals of the grid.
    grid : tuple of (float, ThresholdRecommendation)
        Every risk threshold that was tried with its confidence recommendation; coverage refers to the
        decisions that pass that risk threshold.
    grid_delta : float
        Level of each of them: delta over their number.
    """

    risk_threshold: float | None
    confidence_threshold: float | None
    reason: Reason
    coverage: float | None
    needed: int | None
    grid: tuple[tuple[float, ThresholdRecommendation], ...]
    grid_delta: float


def recommend_pair(
    risk: ArrayLike,
    confidence: ArrayLike,
    n: ArrayLike,
    successes: ArrayLike,
    total: ArrayLike | None = None,
    *,
    alpha: float,
    delta: float,
    current_risk: float,
    confidence_floor: float | None = None,
    risk_floor: float | None = None,
) -> JointRecommendation:
    """Recommend a risk and a confidence threshold together.

    Each of G risk thresholds (those of `risk_grid`) gets a confidence threshold that is certified at delta/G on
    the decisions that pass it; the pair with the largest coverage wins, the earlier one among equals.

    Parameters
    ----------
    risk, confidence : array_like, shape (k,)
        Four-decimal values in [0, 1].
    n, successes, total : array_like of int, shape (k,)
        Labelled decisions, successes among them, and all decisions (`n` where left out).
    alpha, delta
        As for `recommend_threshold`.
    current_risk : float
        Risk threshold of the current policy.
    confidence_floor, risk_floor : float, optional
        Strictest thresholds in force in the cohort. Risk thresholds above `risk_floor` are not tried, because what
        they would let pass in addition has no labels.

    Returns
    -------
    JointRecommendation
        The pair, or a refusal.

    Raises
    ------
    ValueError
        When shapes differ, counts are impossible, a value is off the lattice or a level is impossible.
    """
    risks, grid = to_lattice(risk), risk_grid(current_risk, risk_floor)
    columns = [np.asarray(confidence), to_counts("n", n), to_counts("successes", successes)]
    columns.append(columns[1] if total is None else to_counts("total", total))
    if any(column.shape != risks.shape for column in columns):
        raise ValueError("risk, confidence, n, successes and total must have equal lengths.")
    answers: list[tuple[float, ThresholdRecommendation]] = []
    covered: list[float] = []
    decisions = max(int(columns[3].sum()), 1)
    for threshold in grid:
        passing = risks < threshold_to_lattice(threshold)
        groups = Groups.from_arrays(*(column[passing] for column in columns))
        answer = recommend_for_groups(groups, alpha=alpha, delta=delta / len(grid), floor=confidence_floor)
        answers.append((threshold, answer))
        covered.append((answer.coverage or 0.0) * groups.decisions / decisions)
    return _best(answers, covered, delta / len(grid))


def risk_grid(current: float, floor: float | None = None) -> tuple[float, ...]:
    """Return the risk thresholds to try: the current one, or a stricter floor, first, then .9, .8, ..., .1.

    Parameters
    ----------
    current : float
        Risk threshold of the current policy.
    floor : float, optional
        Strictest risk threshold in force; looser ones are left out.

    Returns
    -------
    tuple of float
        Distinct thresholds.
    """
    first = current if floor is None else min(current, floor)
    return tuple(t for t in dict.fromkeys((first, *RISK_GRID)) if floor is None or t <= floor)


def _best(
    answers: Sequence[tuple[float, ThresholdRecommendation]], covered: Sequence[float], grid_delta: float
) -> JointRecommendation:
    certified = [i for i, (_, answer) in enumerate(answers) if answer.threshold is not None]
    if certified:
        best = max(certified, key=lambda i: (covered[i], -i))
        risk, answer = answers[best]
        return JointRecommendation(
            risk_threshold=risk,
            confidence_threshold=answer.threshold,
            reason="OK",
            coverage=covered[best],
            needed=None,
            grid=tuple(answers),
            grid_delta=grid_delta,
        )
    testable = [answer for _, answer in answers if answer.reason == "NOT_CERTIFIABLE"]
    needed = [answer.needed for answer in testable or [a for _, a in answers] if answer.needed is not None]
    return JointRecommendation(
        risk_threshold=None,
        confidence_threshold=None,
        reason="NOT_CERTIFIABLE" if testable else "INSUFFICIENT_DATA",
        coverage=None,
        needed=min(needed) if needed else None,
        grid=tuple(answers),
        grid_delta=grid_delta,
    )
