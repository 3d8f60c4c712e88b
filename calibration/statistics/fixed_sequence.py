"""Fixed-sequence tests with several starts and recycled error, on exact binomial p-values.

One test per distinct confidence asks whether the failure rate at or above it may still exceed α. Testing them
one after the other from a start downwards, and stopping at the first that is not rejected, needs no
correction for their number. Several starts share δ; a start whose whole stretch was rejected hands its error
on to the next.

References
----------
Angelopoulos, Bates, Candès, Jordan and Lei (2021), "Learn then Test".
Wiens and Dmitrienko (2005), "The fallback procedure for evaluating a single family of hypotheses".
Hoeffding (1956), "On the distribution of the number of successes in independent trials".
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log, log1p

import numpy as np
import scipy
from numpy.typing import ArrayLike

from calibration.statistics.checks import check_open_unit
from calibration.statistics.lattice import FloatArray, IntArray

_MOST_FURTHER_DECISIONS = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How far the tests came.

    Parameters
    ----------
    best : int or None
        Index of the lowest confidence that was certified.
    best_level : float
        Level at which it was rejected, 0 where none was.
    first : int
        Index that was tested first.
    first_level : float
        Level at which that was tested.
    """

    best: int | None
    best_level: float
    first: int
    first_level: float


def failure_p_values(failures: ArrayLike, decisions: ArrayLike, alpha: float) -> FloatArray:
    """Exact p-values against "the failure rate exceeds α": P(Bin(decisions, α) ≤ failures).

    Parameters
    ----------
    failures, decisions : array_like, shape (k,)
        Failures among decisions. Fractions are read through the incomplete beta function, which equals the
        binomial probability wherever they are whole.
    alpha : float
        Failure rate to stay below, in (0, 1).

    Returns
    -------
    ndarray of float, shape (k,)
        One p-value per entry, 1 without decisions.
    """
    lost, tried = np.asarray(failures, dtype=np.float64), np.asarray(decisions, dtype=np.float64)
    won = tried - lost
    # The complement takes α itself: 1 − α would carry its rounding into every p-value.
    tail = scipy.special.betaincc(lost + 1.0, np.where(won > 0, won, 1.0), alpha)
    return np.where(won > 0, tail, 1.0)


def minimum_sample(alpha: float, delta: float) -> int:
    """Return the smallest number of decisions that could certify α at level δ: all of them successes.

    Parameters
    ----------
    alpha : float
        Failure rate to stay below, in (0, 1).
    delta : float
        Level of the test, in (0, 1).

    Returns
    -------
    int
        The smallest m with (1 − α)^m ≤ δ, at least 1.

    Raises
    ------
    ValueError
        When a rate is outside (0, 1).
    """
    check_open_unit("alpha", alpha)
    check_open_unit("delta", delta)
    m = max(1, ceil(log(delta) / log1p(-alpha)))
    # Logarithms may round across a whole number; the p-value itself decides, as it does in the tests.
    while failure_p_values(0, m, alpha) > delta:
        m += 1
    while m > 1 and failure_p_values(0, m - 1, alpha) <= delta:
        m -= 1
    return m


def spread_starts(reached: IntArray, alpha: float, delta: float) -> list[int]:
    """Lay out starts at (…, 2.5 %, 10 %, 40 %) of the decisions, as many as can be certified at δ/J each.

    Parameters
    ----------
    reached : ndarray of int64, shape (k,)
        Decisions at or above each confidence, by descending confidence.
    alpha, delta : float
        Failure rate and error level.

    Returns
    -------
    list of int
        Index of the first confidence of each start.
    """
    decisions = int(reached[-1])
    counts = [minimum_sample(alpha, delta)]
    for starts in range(1, 64):
        proposed = [-(-2 * decisions // (5 * 4 ** (starts - j))) for j in range(1, starts + 1)]
        if proposed[0] < minimum_sample(alpha, delta / starts):
            break
        counts = proposed
    return [int(index) for index in np.searchsorted(reached, counts)]


def walk(p_values: FloatArray, starts: list[int], delta: float) -> Walk:
    """Test each stretch from its start downwards until the first p-value that is too large.

    Parameters
    ----------
    p_values : ndarray of float, shape (k,)
        One p-value per confidence, by descending confidence.
    starts : list of int
        Index of the first confidence of each stretch, ascending; a stretch without room is a tie.
    delta : float
        Level that the starts share.

    Returns
    -------
    Walk
        The lowest confidence that was rejected, and the first test of all.
    """
    share = delta / len(starts)
    best: int | None = None
    best_level = 0.0
    tested: list[tuple[int, float]] = []
    run = 0
    for start, stop in pairwise([*starts, p_values.size]):
        run += 1
        if start >= stop:
            continue
        level = run * share
        tested.append((start, level))
        kept = np.flatnonzero(p_values[start:stop] > level)
        rejected = int(kept[0]) if kept.size else stop - start
        if rejected:
            best, best_level = start + rejected - 1, level
        if kept.size:
            run = 0
    first, first_level = tested[0]
    return Walk(best=best, best_level=best_level, first=first, first_level=first_level)


def further_decisions(failures: int, reached: int, decisions: int, alpha: float, level: float) -> int | None:
    """Count the further labelled decisions after which a start would be certified at its present rate.

    The cohort is taken to grow with its make-up unchanged, so that `reached` of each `decisions` further ones
    lie at or above the start and the same share of them fails.

    Parameters
    ----------
    failures, reached : int
        Failures among the decisions at or above the start.
    decisions : int
        Labelled decisions of the cohort.
    alpha, level : float
        Failure rate to stay below and level of the start.

    Returns
    -------
    int or None
        The smallest such number; None where the rate is at or above α, or so close below it that 10^12
        decisions would not do.
    """
    if failures >= alpha * reached:
        return None

    def certified(further: int) -> bool:
        growth = (decisions + further) / decisions
        return float(failure_p_values(failures * growth, reached * growth, alpha)) <= level

    enough = 1
    while not certified(enough):
        enough *= 2
        if enough > _MOST_FURTHER_DECISIONS:
            return None
    short = enough // 2
    while enough - short > 1:
        middle = (short + enough) // 2
        short, enough = (short, middle) if certified(middle) else (middle, enough)
    return enough
