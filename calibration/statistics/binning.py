"""Bins of groups and the exact sums in them."""

from dataclasses import dataclass

import numpy as np

from calibration.statistics.checks import check_at_least
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class BinSums:
    """Exact sums per bin.

    Parameters
    ----------
    n, successes, total : ndarray of int64, shape (bins,)
        Counts per bin.
    lattice_sum : ndarray of int64, shape (bins,)
        Sum of the lattice values of the labelled decisions: ten thousand times the expected successes.
    """

    n: IntArray
    successes: IntArray
    total: IntArray
    lattice_sum: IntArray


def equal_width_index(groups: Groups, bins: int = 10) -> IntArray:
    """Return the equal-width bin of each group, in whole numbers.

    Floating-point edges would put 0.3, 0.6 and 0.7 one bin too low.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    bins : int
        Number of bins, at least 1.

    Returns
    -------
    ndarray of int64, shape (k,)
        Bin of each group, 0…bins − 1.
    """
    check_at_least("bins", bins, 1)
    index: IntArray = np.minimum(groups.value * bins // LATTICE, bins - 1)
    return index


def equal_mass_index(groups: Groups, bins: int = 10) -> IntArray:
    """Return the equal-mass bin of each group: the bin of the middle of its labelled decisions by rank.

    A group is never divided, so bins are only as equal as ties allow, and one large tie leaves bins empty.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    bins : int
        Number of bins, at least 1.

    Returns
    -------
    ndarray of int64, shape (k,)
        Bin of each group, 0…bins − 1.
    """
    check_at_least("bins", bins, 1)
    twice_middle = 2 * np.cumsum(groups.n) - groups.n
    index: IntArray = np.minimum(twice_middle * bins // max(2 * groups.labelled, 1), bins - 1)
    return index


def sum_bins(groups: Groups, index: IntArray, bins: int) -> BinSums:
    """Add up groups per bin.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    index : ndarray of int64, shape (k,)
        Bin of each group.
    bins : int
        Number of bins.

    Returns
    -------
    BinSums
        Counts and lattice sums, zeros for empty bins.
    """
    columns = (groups.n, groups.successes, groups.total, groups.n * groups.value)
    sums = np.zeros((len(columns), bins), dtype=np.int64)
    for row, column in zip(sums, columns, strict=True):
        np.add.at(row, index, column)
    return BinSums(n=sums[0], successes=sums[1], total=sums[2], lattice_sum=sums[3])
