"""How often decisions may fail at each confidence, as far as a few labels tell: draws, never one curve."""

from dataclasses import dataclass

import numpy as np
import scipy

from calibration.statistics.groups import Groups
from calibration.statistics.lattice import FloatArray, IntArray

CLASSES = 40
"""Classes of neighbouring confidences; a pilot of a hundred labels knows no finer ones apart."""

LEVEL, FALL = (-1.5, 1.5), (1.5, 1.5)
"""Log-odds of failing at the median confidence, and their fall from the least to the greatest: mean, deviation."""

BEND, REACH = 0.6, 0.25
"""Deviation of the log-odds from a straight line, and the share of all decisions over which it keeps its sign."""

_NEWTON_STEPS = 50
_JITTER = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classes:
    """Neighbouring confidences taken together, the highest first.

    Parameters
    ----------
    low : ndarray of int64, shape (k,)
        The lowest lattice value of each.
    total, labelled, failures : ndarray of int64, shape (k,)
        All decisions, labels and failures among them.
    """

    low: IntArray
    total: IntArray
    labelled: IntArray
    failures: IntArray

    @classmethod
    def of(cls, groups: Groups, *, edge: int | None = None) -> "Classes":
        """Take together what makes up a fortieth of all decisions; an edge divides, and no confidence is divided."""
        seen = np.flatnonzero(groups.total)[::-1]
        total = groups.total[seen]
        place = (np.cumsum(total) - 1) * CLASSES // max(int(total.sum()), 1)
        if edge is not None:
            place = 2 * place + (groups.value[seen] < edge)
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        columns = (np.add.reduceat(column[seen], starts) for column in (groups.total, groups.n, groups.failures))
        lasts = np.append(starts[1:], seen.size) - 1
        total, labelled, failures = columns
        return cls(low=groups.value[seen[lasts]], total=total, labelled=labelled, failures=failures)

    @property
    def coverage(self) -> FloatArray:
        """Share of all decisions at or above each class."""
        reached: FloatArray = np.cumsum(self.total) / self.total.sum()
        return reached


def draw_failure_curves(classes: Classes, *, draws: int, rng: np.random.Generator) -> FloatArray:
    """Draw failure probabilities that the labels do not speak against, in proportion to how well they explain them.

    The log-odds of failing are a Gaussian process over the rank of the confidence: a line that mostly falls towards
    the top, and a smooth bend. Laplace's approximation of what labels leave of it is drawn from.

    Parameters
    ----------
    classes : Classes
        Decisions and labels by class of confidence.
    draws : int
        Number of curves.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of float, shape (draws, k)
        A failure probability for each class, the highest confidence first.

    References
    ----------
    Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", chapter 3.
    """
    rank = classes.coverage - classes.total / classes.total.sum() / 2 - 0.5
    distance = (rank[:, None] - rank) / REACH
    covariance = LEVEL[1] ** 2 + FALL[1] ** 2 * np.outer(rank, rank) + BEND**2 * np.exp(-(distance**2) / 2)
    root = np.linalg.cholesky(covariance + _JITTER * np.eye(rank.size))
    prior = LEVEL[0] + FALL[0] * rank
    # In the coordinates of the root the prior is a standard normal one, so that every step is well conditioned.
    place = np.zeros(rank.size)
    for _ in range(_NEWTON_STEPS):
        rate = scipy.special.expit(prior + root @ place)
        slope = root.T @ (classes.failures - classes.labelled * rate) - place
        curvature = root.T @ ((classes.labelled * rate * (1.0 - rate))[:, None] * root) + np.eye(rank.size)
        step = np.linalg.solve(curvature, slope)
        place = place + step
        if np.abs(step).max() < _JITTER:
            break
    spread = np.linalg.solve(np.linalg.cholesky(curvature).T, rng.standard_normal((rank.size, draws)))
    drawn: FloatArray = scipy.special.expit(prior[:, None] + root @ (place[:, None] + spread)).T
    return drawn
