"""How well two people agree who answered the same decisions."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import scipy
from numpy.typing import ArrayLike

from calibration.statistics.checks import check_open_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Agreement of two answers beyond chance.

    Parameters
    ----------
    pairs : int
        Decisions that were answered twice.
    agreed : int
        Of these, with the same answer.
    kappa : float or None
        Cohen's kappa, at most 1; 0 is what chance gives. None: see `reason`.
    low, high : float or None
        Its interval.
    reason : str or None
        Why there is no kappa.
    """

    pairs: int
    agreed: int
    kappa: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def cohen_kappa(table: ArrayLike, *, confidence: float = 0.95) -> Agreement:
    """Measure how well two raters agree.

    Parameters
    ----------
    table : array_like of int, shape (k, k)
        Decisions by the answer of one (row) and of the other (column).
    confidence : float
        Level of the interval, in (0, 1). It is a large sample's: with few pairs it is too short.

    Returns
    -------
    Agreement
        Kappa with its interval, cut off at -1 and 1.

    Raises
    ------
    ValueError
        When the table is not square or holds no counts, or the level is outside (0, 1).

    References
    ----------
    Cohen (1960), "A coefficient of agreement for nominal scales"; Fleiss, Cohen and Everitt (1969), "Large sample
    standard errors of kappa and weighted kappa".
    """
    check_open_unit("confidence", confidence)
    counts = np.asarray(table)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ValueError("table must be a square of counts, at least 0.")
    pairs, agreed = int(counts.sum()), int(np.trace(counts))
    if not pairs:
        return Agreement(pairs=0, agreed=0, reason="nothing was answered twice")
    share = counts / pairs
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    seen, by_chance = agreed / pairs, float(rows @ columns)
    if by_chance >= 1.0:
        return Agreement(pairs=pairs, agreed=agreed, reason="every answer was the same, so chance explains it all")
    kappa = (seen - by_chance) / (1.0 - by_chance)
    same = np.diag(share) @ ((1.0 - by_chance) - (rows + columns) * (1.0 - seen)) ** 2
    other = ((share - np.diag(np.diag(share))) * (columns[:, None] + rows[None, :]) ** 2).sum() * (1.0 - seen) ** 2
    variance = same + other - (seen * by_chance - 2.0 * by_chance + seen) ** 2
    half = float(scipy.special.ndtri((1.0 + confidence) / 2)) * sqrt(max(variance, 0.0) / pairs) / (1 - by_chance) ** 2
    return Agreement(pairs=pairs, agreed=agreed, kappa=kappa, low=max(kappa - half, -1.0), high=min(kappa + half, 1.0))
