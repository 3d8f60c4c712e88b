"""The threshold of minimum expected cost, for stated costs."""

from dataclasses import dataclass

import numpy as np
import scipy

from calibration.statistics.calibration_error import NO_LABELS
from calibration.statistics.checks import check_cost, check_open_unit
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE, FloatArray, IntArray

BLOCK_EVERYTHING = "blocking everything costs least"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What the outcomes of a gate cost, in one unit.

    Parameters
    ----------
    false_allow : float
        A failure that was allowed.
    false_block : float
        A success that was blocked, on top of its review.
    review : float
        Any decision that was blocked, for the person who looks at it.

    Raises
    ------
    ValueError
        When a cost is negative, above `MAX_COST` or NaN, or all of them are 0.
    """

    false_allow: float
    false_block: float
    review: float

    def __post_init__(self) -> None:
        """Refuse costs that make no decision."""
        for name in ("false_allow", "false_block", "review"):
            check_cost(name, getattr(self, name))
        if self.false_allow == self.false_block == self.review == 0.0:
            raise ValueError("at least one cost must be above 0: otherwise every threshold costs the same.")

    @property
    def break_even(self) -> float:
        """Success probability above which allowing costs less than blocking, within [0, 1]."""
        if self.false_allow <= self.review:
            return 0.0
        return (self.false_allow - self.review) / (self.false_allow + self.false_block)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRecommendation:
    """The threshold that would have cost least on the labelled decisions.

    Parameters
    ----------
    threshold : float or None
        The threshold; None where blocking everything costs least, or without labels.
    lenient, strict : float or None
        Ends of the set of thresholds that cannot be told from the best one; None stands for blocking
        everything.
    confidence : float
        Level of that set.
    cost : float or None
        Cost per labelled decision at the threshold.
    break_even : float
        Success probability above which allowing costs less than blocking.
    n : int
        Labelled decisions.
    reason : str or None
        Why the threshold is None.
    """

    threshold: float | None
    lenient: float | None
    strict: float | None
    confidence: float
    cost: float | None
    break_even: float
    n: int
    reason: str | None


def cheapest_threshold(
    groups: Groups,
    costs: Costs,
    *,
    floor: float | None = None,
    confidence: float = 0.95,
) -> CostRecommendation:
    """Find the threshold with the smallest cost, and those that are not demonstrably dearer.

    An allowed failure costs `false_allow`; a blocked decision costs `review`, and `false_block` more if it
    would have been a success. Two thresholds differ only in the decisions between them, and the stricter one
    is dearer exactly when the success rate there is above break-even. A threshold is left out of the interval
    when the exact binomial test of that rate against break-even rejects it in favour of the best one, at
    (1 - confidence) over the number of comparisons. Where a review costs more than an allowed failure, every
    stricter threshold is dearer for certain, and no test is made. The interval is the smallest one that holds all
    thresholds that are left: with at least the stated confidence it holds the threshold whose expected cost
    on these decisions is smallest. It says nothing about the size of the cost.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    costs : Costs
        Stated costs.
    floor : float, optional
        Strictest threshold in force; nothing below it is considered.
    confidence : float
        Level of the interval, in (0, 1).

    Returns
    -------
    CostRecommendation
        The threshold and its interval, None with a reason where nothing should be allowed.

    Raises
    ------
    ValueError
        When the level is outside (0, 1).

    References
    ----------
    Elkan (2001), "The foundations of cost-sensitive learning", for break-even.
    Gupta (1965), "On some multiple decision (selection and ranking) rules", for subsets that hold the best.
    """
    check_open_unit("confidence", confidence)
    scores = (groups if floor is None else groups.allowed_by(floor)).with_labels()
    if scores.labelled == 0:
        return CostRecommendation(
            threshold=None, lenient=None, strict=None, confidence=confidence, cost=None,
            break_even=costs.break_even, n=0, reason=NO_LABELS,
        )  # fmt: skip
    won = np.concatenate([[0], np.cumsum(scores.successes[::-1])])
    lost = np.concatenate([[0], np.cumsum(scores.failures[::-1])])
    paid = _paid(won, lost, costs)
    best = int(np.argmin(paid))
    dearer = _p_values_dearer(won, lost, best, costs) * (won.size - 1) <= 1.0 - confidence
    left = np.flatnonzero(~dearer)

    def threshold(index: int) -> float | None:
        return int(scores.value[-index]) / LATTICE if index else None

    return CostRecommendation(
        threshold=threshold(best),
        lenient=threshold(int(left[-1])),
        strict=threshold(int(left[0])),
        confidence=confidence,
        cost=float(paid[best] / scores.labelled),
        break_even=costs.break_even,
        n=scores.labelled,
        reason=None if best else BLOCK_EVERYTHING,
    )


def _paid(won: IntArray, lost: IntArray, costs: Costs) -> FloatArray:
    blocked_won, blocked_lost = won[-1] - won, lost[-1] - lost
    reviews = costs.review * (blocked_won + blocked_lost)
    paid: FloatArray = costs.false_allow * lost + costs.false_block * blocked_won + reviews
    return paid


def _p_values_dearer(won: IntArray, lost: IntArray, best: int, costs: Costs) -> FloatArray:
    """P-values for "as cheap as the best": small where the decisions in between speak against it."""
    successes, failures = np.abs(won - won[best]), np.abs(lost - lost[best])
    # P(Bin(m, q) <= s) where too much is allowed, P(Bin(m, q) >= s) where too much is blocked.
    strict, lenient = slice(None, best), slice(best + 1, None)
    p_values = np.ones(won.size)
    p_values[lenient] = _at_most(successes[lenient], failures[lenient], costs.break_even)
    p_values[strict] = _at_most(failures[strict], successes[strict], 1.0 - costs.break_even)
    if costs.false_allow < costs.review:
        # To block costs more than even a failure: dearer whatever the rate in between.
        p_values[strict] = 0.0
    return p_values


def _at_most(hits: IntArray, misses: IntArray, rate: float) -> FloatArray:
    tail: FloatArray = scipy.special.betaincc(hits + 1.0, np.maximum(misses, 1), rate)
    return np.where(misses > 0, tail, 1.0)
