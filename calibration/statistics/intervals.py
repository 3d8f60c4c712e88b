"""Intervals for a proportion: Wilson's and Clopper and Pearson's, one- and two-sided, vectorised."""

from typing import Literal, get_args

import numpy as np
import scipy
from numpy.typing import ArrayLike

from calibration.statistics.checks import check_open_unit
from calibration.statistics.lattice import FloatArray, IntArray, to_counts

Sides = Literal["both", "lower", "upper"]


def wilson(
    successes: ArrayLike, n: ArrayLike, *, confidence: float = 0.95, sides: Sides = "both"
) -> tuple[FloatArray, FloatArray]:
    """Wilson's score interval: the proportions that a normal test would not reject.

    It is short and close to its level on average over proportions, hence the interval to *look* at.

    Parameters
    ----------
    successes, n : array_like of int, shape (k,)
        Successes and trials. Without trials the interval is the whole [0, 1].
    confidence : float
        Level of the interval, in (0, 1).
    sides : {"both", "lower", "upper"}
        Two-sided, or one-sided with the other end at 0 or 1.

    Returns
    -------
    low, high : ndarray of float, shape (k,)
        Ends of the interval, in [0, 1].

    Raises
    ------
    ValueError
        When shapes differ, counts are impossible or the level is outside (0, 1).

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    hits, trials = _checked(successes, n)
    z = float(scipy.special.ndtri(1.0 - _tail(confidence, sides)))
    size = np.maximum(trials, 1)
    rate = hits / size
    shrink = 1.0 + z * z / size
    centre = (rate + z * z / (2.0 * size)) / shrink
    half = z / shrink * np.sqrt(rate * (1.0 - rate) / size + z * z / (4.0 * size * size))
    low = np.where(hits == 0, 0.0, np.clip(centre - half, 0.0, 1.0))
    high = np.where(hits == trials, 1.0, np.clip(centre + half, 0.0, 1.0))
    return _sided(low, high, sides)


def clopper_pearson(
    successes: ArrayLike, n: ArrayLike, *, confidence: float = 0.95, sides: Sides = "both"
) -> tuple[FloatArray, FloatArray]:
    """Clopper and Pearson's exact interval: the proportions that the binomial test would not reject.

    It holds its level for every proportion and every number of trials, hence the interval to *rely* on.

    Parameters
    ----------
    successes, n : array_like of int, shape (k,)
        Successes and trials. Without trials the interval is the whole [0, 1].
    confidence : float
        Level of the interval, in (0, 1).
    sides : {"both", "lower", "upper"}
        Two-sided, or one-sided with the other end at 0 or 1.

    Returns
    -------
    low, high : ndarray of float, shape (k,)
        Ends of the interval, in [0, 1].

    Raises
    ------
    ValueError
        When shapes differ, counts are impossible or the level is outside (0, 1).

    References
    ----------
    Clopper and Pearson (1934), "The use of confidence or fiducial limits".
    """
    hits, trials = _checked(successes, n)
    tail = _tail(confidence, sides)
    misses = trials - hits
    low = np.where(hits == 0, 0.0, scipy.special.betaincinv(np.maximum(hits, 1), misses + 1.0, tail))
    high = np.where(misses == 0, 1.0, scipy.special.betainccinv(hits + 1.0, np.maximum(misses, 1), tail))
    return _sided(low, high, sides)


def _checked(successes: ArrayLike, n: ArrayLike) -> tuple[IntArray, IntArray]:
    hits, trials = to_counts("successes", np.atleast_1d(successes)), to_counts("n", np.atleast_1d(n))
    if hits.shape != trials.shape:
        raise ValueError("successes and n must have equal lengths, one entry per proportion.")
    if np.any(hits > trials):
        raise ValueError("successes must not exceed n.")
    return hits, trials


def _tail(confidence: float, sides: Sides) -> float:
    check_open_unit("confidence", confidence)
    if sides not in get_args(Sides):
        raise ValueError(f"sides must be one of {', '.join(get_args(Sides))}; got {sides!r}.")
    return (1.0 - confidence) / (2.0 if sides == "both" else 1.0)


def _sided(low: FloatArray, high: FloatArray, sides: Sides) -> tuple[FloatArray, FloatArray]:
    if sides == "upper":
        return np.zeros_like(high), high
    if sides == "lower":
        return low, np.ones_like(low)
    return low, high
