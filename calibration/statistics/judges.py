"""A threshold from labels of people who look at all that a judge calls wrong, and at a share of what it calls right.

A judge reads every decision, and errs. People label each decision that it calls wrong, and one that it calls right with
the known probability π. Of N decisions let A fail that the judge called wrong, and B among the drawn of those that it
called right. Then (A, B) is multinomial with chances (a, πb), where a + b is the failure rate, whatever the judge is
worth: A/N + B/(πN) estimates the rate without bias. That the rate is α or more is tested by the signed root of the
likelihood ratio, exactly: the largest probability of what speaks against it as strongly, over all (a, b) with
a + b = α that are plausible. The ratio's distribution hardly depends on a, so that this largest costs little.

References
----------
Berger and Boos (1994), "P values maximized over a confidence set for the nuisance parameter". Neyman (1938),
"Contribution to the theory of sampling human populations", for samples in two phases.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, floor, sqrt

import numpy as np
import scipy

from calibration.statistics.checks import check_delta, check_open_unit
from calibration.statistics.fixed_sequence import minimum_sample, spread_starts
from calibration.statistics.intervals import clopper_pearson
from calibration.statistics.lattice import LATTICE, FloatArray, IntArray, to_counts
from calibration.statistics.recommendation import Reason

LEAST_JUDGED = 1_000
"""Judged decisions below which a judge is no help: what it saves is lost by not knowing what it is worth."""

_PLAUSIBLE = 0.02
"""Share of the level for leaving out chances of a caught failure that the counts speak against."""

_CELLS = (16, 64, 256)
"""Parts of the plausible chances, in each of which the largest probability is bounded from above: more of them where
fewer do not reject."""

_STEPS = 128
"""Numbers of caught failures that are looked at, or steps of them."""

_DEVIATIONS = 6.0
"""Standard deviations within which they are looked at; the probability outside is added in full."""

_TESTS = 100
"""About so many thresholds are tested, evenly spread over the decisions."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgedGroups:
    """Judged decisions per distinct confidence.

    Parameters
    ----------
    value : ndarray of int64, shape (k,)
        Distinct lattice values 0…10,000, strictly ascending.
    judged : ndarray of int64, shape (k,)
        Decisions with that value.
    caught : ndarray of int64, shape (k,)
        Failures among those that the judge called wrong; each of these has a label.
    slipped : ndarray of int64, shape (k,)
        Failures among those that it called right and that were drawn for people.
    share : float
        The probability with which what it called right was drawn, in (0, 1].

    Raises
    ------
    ValueError
        When shapes differ, values are not ascending lattice values, counts contradict each other, or the share is no
        probability above 0.
    """

    value: IntArray
    judged: IntArray
    caught: IntArray
    slipped: IntArray
    share: float

    def __post_init__(self) -> None:
        """Check the counts against each other."""
        for name in ("value", "judged", "caught", "slipped"):
            object.__setattr__(self, name, to_counts(name, getattr(self, name)))
        if not self.value.shape == self.judged.shape == self.caught.shape == self.slipped.shape:
            raise ValueError("value, judged, caught and slipped must have equal lengths, one entry per group.")
        if self.value.size and (self.value[-1] > LATTICE or np.any(np.diff(self.value) <= 0)):
            raise ValueError("value must ascend strictly within 0…10000.")
        if np.any(self.caught + self.slipped > self.judged):
            raise ValueError("caught and slipped must not exceed judged: each failure is a judged decision.")
        if not 0.0 < self.share <= 1.0:
            raise ValueError("share must lie above 0 and be at most 1: without people a judge proves nothing.")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRecommendation:
    """A certified threshold, or a refusal with its reason.

    Parameters
    ----------
    threshold : float or None
        Value for the gate, with four decimals; None where nothing is certified.
    reason : {"OK", "INSUFFICIENT_DATA", "NOT_CERTIFIABLE"}
        Why there is a threshold or why there is none.
    judged : int
        Judged decisions that were looked at.
    share : float
        The probability with which what the judge called right was drawn.
    decisions, caught, slipped : int or None
        Judged decisions that the threshold allows, and the failures among them, as in `JudgedGroups`.
    coverage : float or None
        Share of the judged decisions that it allows.
    failure_rate : float or None
        Estimate of the failure rate of what it allows: caught and slipped, these at their weight 1/π.
    p_value, level : float or None
        Probability of counts that speak as strongly against a rate of α or more, and the level that rejected it.
    needed : int or None
        With too few data, the judged decisions that are called for at least.
    alpha, delta : float
        Failure rate to stay below, and accepted probability of being wrong.
    """

    threshold: float | None
    reason: Reason
    judged: int
    share: float
    decisions: int | None = None
    caught: int | None = None
    slipped: int | None = None
    coverage: float | None = None
    failure_rate: float | None = None
    p_value: float | None = None
    level: float | None = None
    needed: int | None = None
    alpha: float
    delta: float


def recommend_with_judge(groups: JudgedGroups, *, alpha: float, delta: float) -> JudgedRecommendation:
    """Recommend the threshold with the largest coverage whose failure rate is certified to be at most α.

    The sequence of tests is that of `recommend_threshold`, over about a hundred thresholds that are chosen by how many
    decisions lie above them. Starts are laid out as if all failures slipped past the judge.

    Parameters
    ----------
    groups : JudgedGroups
        Decisions that people were sent by the judge's verdict.
    alpha : float
        Failure rate to stay below, in (0, 1).
    delta : float
        Accepted probability that the failure rate is above α nevertheless, in (0, 0.25].

    Returns
    -------
    JudgedRecommendation
        The lowest threshold that is certified, or a refusal.

    Raises
    ------
    ValueError
        When α is outside (0, 1), or δ outside (0, 0.25].
    """
    check_open_unit("alpha", alpha)
    check_delta(delta)
    judged, share = int(groups.judged.sum()), groups.share
    least = max(LEAST_JUDGED, minimum_sample(share * alpha, delta))
    refusal = JudgedRecommendation(
        threshold=None, reason="INSUFFICIENT_DATA", judged=judged, share=share, needed=least, alpha=alpha, delta=delta
    )
    if judged < least:
        return refusal
    columns = [np.cumsum(column[::-1]) for column in (groups.judged, groups.caught, groups.slipped)]
    part = columns[0] * _TESTS // judged
    tested = np.flatnonzero(np.append(part[1:] > part[:-1], True))
    reached, caught, slipped = (column[tested] for column in columns)
    starts = spread_starts(reached, share * alpha, delta)
    best = _walk(reached, caught, slipped, share, alpha, delta, starts)
    if best is None:
        return replace(refusal, reason="NOT_CERTIFIABLE", needed=None)
    index, p_value, level = best
    n, a, b = int(reached[index]), int(caught[index]), int(slipped[index])
    return replace(
        refusal,
        threshold=int(groups.value[::-1][tested[index]]) / LATTICE,
        reason="OK",
        decisions=n,
        caught=a,
        slipped=b,
        coverage=n / judged,
        failure_rate=(a + b / share) / n,
        p_value=p_value,
        level=level,
        needed=None,
    )


def _walk(
    reached: IntArray,
    caught: IntArray,
    slipped: IntArray,
    share: float,
    alpha: float,
    delta: float,
    starts: list[int],
) -> tuple[int, float, float] | None:
    """Walk as `fixed_sequence.walk` does, and compute no p-value below the first that is too large."""
    best: tuple[int, float, float] | None = None
    run = 0
    for start, stop in pairwise([*starts, reached.size]):
        run += 1
        level = run * delta / len(starts)
        for i in range(start, stop):
            p_value = judged_p_value(
                int(caught[i]), int(slipped[i]), int(reached[i]), share=share, alpha=alpha, level=level
            )
            if p_value > level:
                run = 0
                break
            best = i, p_value, level
    return best


def judged_p_value(caught: int, slipped: int, judged: int, *, share: float, alpha: float, level: float) -> float:
    """Bound the probability of counts that speak as strongly against "the failure rate is α or more".

    Parameters
    ----------
    caught, slipped, judged : int
        Failures that the judge called wrong, drawn failures that it called right, and judged decisions.
    share : float
        The probability with which what it called right was drawn, in (0, 1].
    alpha : float
        Failure rate to stay below, in (0, 1).
    level : float
        Level of the test; a fiftieth of it is spent on what is plausible.

    Returns
    -------
    float
        At most 1; at or below the level it rejects.
    """
    if caught + slipped / share >= alpha * judged:
        return 1.0
    left_out = level * _PLAUSIBLE
    low, high = (float(end[0]) for end in clopper_pearson([caught], [judged], confidence=1.0 - left_out))
    if low >= alpha:
        return 1.0
    high = min(high, alpha)
    lowest = max(floor(_deviated(judged, low, -_DEVIATIONS)), 0)
    highest = min(ceil(_deviated(judged, high, _DEVIATIONS)), judged)
    # Steps of several for many decisions: within one the most that may slip is what may at its begin.
    counts = np.unique(np.linspace(lowest, highest + 1, _STEPS + 1).astype(np.int64))
    most = _most_slipped(counts[:-1], judged, share, alpha, float(_signed_root(caught, slipped, judged, share, alpha)))
    p_value = 1.0
    for cells in _CELLS:
        edges = np.linspace(low, high, cells + 1)
        # It falls in both chances, so those with the rate α are enough, and in a cell of them its lower corner.
        speaks = _probability(counts, most, judged, edges[:-1], share * (alpha - edges[1:]))
        p_value = min(float(np.max(speaks)) + left_out, 1.0)
        if p_value <= level:
            break
    return p_value


def _probability(counts: IntArray, most: IntArray, judged: int, caught: FloatArray, slips: FloatArray) -> FloatArray:
    """Bound the probability that no more slip than may, for chances of a caught failure and of a drawn one that slips.

    `most` may slip where at least `counts[k]` and fewer than `counts[k + 1]` are caught.
    """
    # Where even none that slips speaks as strongly, no more that are caught do.
    speaking = int(np.count_nonzero(most >= 0))
    begin, may = counts[: speaking + 1, None], most[:speaking, None]
    below = np.where(begin > 0, scipy.special.bdtr(np.maximum(begin - 1, 0), judged, caught), 0.0)
    left = judged - begin[1:] + 1
    within = scipy.special.bdtr(np.minimum(may, left), left, np.clip(slips / (1.0 - caught), 0.0, 1.0))
    outside = below[0] + (1.0 - below[-1] if speaking == most.size else 0.0)
    bound: FloatArray = (np.diff(below, axis=0) * within).sum(axis=0) + outside
    return bound


def _most_slipped(begin: IntArray, judged: int, share: float, alpha: float, seen: float) -> IntArray:
    """Return, for each number of caught failures, the most that may slip and speak as strongly; -1: none."""
    low, high = np.full(begin.shape, -1), np.minimum(np.full(begin.shape, ceil(share * alpha * judged)), judged - begin)
    high = high + 1
    while np.any(high - low > 1):
        middle = (low + high) // 2
        # Rounding must not lose an outcome that speaks exactly as strongly as the one seen.
        speaks = _signed_root(begin, np.maximum(middle, 0), judged, share, alpha) >= seen - 1e-9
        is_open = high - low > 1
        low, high = np.where(is_open & speaks, middle, low), np.where(is_open & ~speaks, middle, high)
    # Fewer caught never speak less; made so, whatever rounding says.
    most: IntArray = np.maximum.accumulate(low[::-1])[::-1]
    return most


def _signed_root(
    caught: int | IntArray, slipped: int | IntArray, judged: int, share: float, alpha: float
) -> FloatArray:
    """Return the signed root of twice the log likelihood ratio against a rate of α, large where the rate seems low."""
    a, b = np.asarray(caught, dtype=np.float64), np.asarray(slipped, dtype=np.float64)
    rest = judged - a - b
    # The most likely chance of a caught failure among those with the rate α: the smaller root of a quadratic.
    unseen, whole = 1.0 - share, 1.0 - share * alpha
    linear = (a + b) * whole + a * alpha * unseen + rest * unseen * alpha
    constant = a * alpha * whole
    root = linear + np.sqrt(np.maximum(linear * linear - 4.0 * judged * unseen * constant, 0.0))
    at_alpha = np.clip(np.divide(2.0 * constant, root, out=np.zeros_like(root), where=root > 0), 0.0, alpha)
    ratio = _log_likelihood(a, b, rest, a / judged, b / judged) - _log_likelihood(
        a, b, rest, at_alpha, share * (alpha - at_alpha)
    )
    signed: FloatArray = np.sign(alpha - (a + b / share) / judged) * np.sqrt(np.maximum(2.0 * ratio, 0.0))
    return signed


def _log_likelihood(
    caught: FloatArray, slipped: FloatArray, rest: FloatArray, chance: FloatArray, slips: FloatArray
) -> FloatArray:
    likely: FloatArray = (
        scipy.special.xlogy(caught, chance)
        + scipy.special.xlogy(slipped, slips)
        + scipy.special.xlogy(rest, np.maximum(1.0 - chance - slips, 0.0))
    )
    return likely


def _deviated(n: int, rate: float, deviations: float) -> float:
    return n * rate + deviations * (sqrt(n * rate * (1.0 - rate)) + 1.0)
