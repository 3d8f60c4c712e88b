"""Strata of confidence within which labels are missing by chance, and the labels that others lack."""

from dataclasses import dataclass
from math import ceil

import numpy as np
import scipy

from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE

SPLIT_BELOW = 0.01
"""P-value, over all places, below which the labelled shares on two sides of a confidence are taken to differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelStratum:
    """Neighbouring confidences whose decisions are labelled at one rate, as far as can be told.

    Parameters
    ----------
    low, high : float
        The least and the greatest confidence in it.
    decisions : int
        All decisions, labelled or not.
    labelled, failures : int
        Labelled decisions and failures among them.
    missing : int
        Labels that it lacks to be labelled as well as the stratum that is labelled best.
    """

    low: float
    high: float
    decisions: int
    labelled: int
    failures: int
    missing: int


def label_strata(groups: Groups) -> tuple[LabelStratum, ...]:
    """Divide confidences where their labelled shares differ by more than chance.

    Looks at whether decisions are labelled, never at outcomes. The place that divides the shares most is taken while
    its chi-squared test, times the number of places, is below .01; then both sides are looked at in the same way. A
    limit that holds in each stratum holds although labels are missing by confidence; what is assumed is that within a
    stratum the labels are a random sample.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence, with their totals.

    Returns
    -------
    tuple of LabelStratum
        By ascending confidence: one where shares do not differ, none without decisions.

    References
    ----------
    Cochran (1977), "Sampling techniques", for strata. Scott and Knott (1974), for division at the largest difference.
    """
    seen = np.flatnonzero(groups.total)
    if seen.size == 0:
        return ()
    n, total, failures, value = groups.n[seen], groups.total[seen], groups.failures[seen], groups.value[seen]
    edges = [0]
    waiting = [(0, seen.size)]
    while waiting:
        start, stop = waiting.pop()
        cut = _cut(n[start:stop], total[start:stop])
        if cut:
            edges.append(start + cut)
            waiting += [(start, start + cut), (start + cut, stop)]
    starts = sorted(edges)
    sums = [np.add.reduceat(column, starts) for column in (total, n, failures)]
    best = float(np.max(sums[1] / sums[0]))
    return tuple(
        LabelStratum(
            low=int(value[start]) / LATTICE,
            high=int(value[stop - 1]) / LATTICE,
            decisions=int(decisions),
            labelled=int(labelled),
            failures=int(failed),
            missing=max(ceil(best * decisions - labelled - 1e-9), 0),
        )
        for start, stop, decisions, labelled, failed in zip(starts, [*starts[1:], seen.size], *sums, strict=True)
    )


def _cut(n: np.ndarray[tuple[int], np.dtype[np.int64]], total: np.ndarray[tuple[int], np.dtype[np.int64]]) -> int:
    """Return the place that divides the labelled shares most, 0 where none does by more than chance."""
    labelled, decisions = np.cumsum(n), np.cumsum(total)
    share = labelled[-1] / decisions[-1]
    if n.size < 2 or share in (0.0, 1.0):
        return 0
    low, rest = decisions[:-1], decisions[-1] - decisions[:-1]
    difference = labelled[:-1] / low - (labelled[-1] - labelled[:-1]) / rest
    squared = difference**2 / (share * (1.0 - share) * (1.0 / low + 1.0 / rest))
    cut = int(np.argmax(squared))
    return cut + 1 if squared.size * scipy.special.chdtrc(1, squared[cut]) <= SPLIT_BELOW else 0
