"""Reliability bins: what was claimed beside what came true, with counts, intervals and label coverage."""

from dataclasses import dataclass
from typing import Literal

from calibration.statistics.binning import BinSums, equal_mass_index, equal_width_index, sum_bins
from calibration.statistics.groups import Groups
from calibration.statistics.intervals import clopper_pearson, wilson
from calibration.statistics.lattice import LATTICE

NO_LABELS = "no labelled decision in this bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """One bin of a reliability diagram.

    Parameters
    ----------
    low, high : float or None
        Ends of the bin. For equal width: left-closed, the last also right-closed. For equal mass: the lowest
        and highest confidence in it, None where it is empty.
    n, successes : int
        Labelled decisions and successes among them.
    total : int
        All decisions, labelled or not.
    mean_confidence : float or None
        Mean confidence of the labelled decisions (never the midpoint of the bin).
    success_rate : float or None
        Successes per labelled decision.
    wilson, clopper_pearson : tuple of float or None
        Two-sided intervals of the success rate.
    label_coverage : float or None
        Labelled share of all decisions; None where the bin holds no decision at all.
    reason : str or None
        Why the figures are None.
    """

    low: float | None
    high: float | None
    n: int
    successes: int
    total: int
    mean_confidence: float | None
    success_rate: float | None
    wilson: tuple[float, float] | None
    clopper_pearson: tuple[float, float] | None
    label_coverage: float | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityCurve:
    """All bins of a reliability diagram, empty ones included.

    Parameters
    ----------
    kind : {"equal_width", "equal_mass"}
        How the bins were cut.
    bins : tuple of ReliabilityBin
        The bins by ascending confidence.
    n : int
        Labelled decisions in all bins.
    label_coverage : float or None
        Labelled share of all decisions; None without decisions.
    """

    kind: Literal["equal_width", "equal_mass"]
    bins: tuple[ReliabilityBin, ...]
    n: int
    label_coverage: float | None


def equal_width_curve(groups: Groups, *, bins: int = 10, confidence: float = 0.95) -> ReliabilityCurve:
    """Bin by equal widths of confidence.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    bins : int
        Number of bins, at least 1.
    confidence : float
        Level of the intervals, in (0, 1).

    Returns
    -------
    ReliabilityCurve
        All bins, empty ones included.

    Raises
    ------
    ValueError
        When `bins` is below 1 or the level is outside (0, 1).

    References
    ----------
    Niculescu-Mizil and Caruana (2005), "Predicting good probabilities with supervised learning".
    """
    index = equal_width_index(groups, bins)
    edges: list[tuple[float | None, float | None]] = [(b / bins, (b + 1) / bins) for b in range(bins)]
    return _curve("equal_width", groups, sum_bins(groups, index, bins), edges, confidence)


def equal_mass_curve(groups: Groups, *, bins: int = 10, confidence: float = 0.95) -> ReliabilityCurve:
    """Bin by equal numbers of labelled decisions, as far as ties allow.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    bins : int
        Number of bins, at least 1.
    confidence : float
        Level of the intervals, in (0, 1).

    Returns
    -------
    ReliabilityCurve
        All bins, empty ones included.

    Raises
    ------
    ValueError
        When `bins` is below 1 or the level is outside (0, 1).

    References
    ----------
    Nguyen and O'Connor (2015), "Posterior calibration and exploratory analysis".
    """
    index = equal_mass_index(groups, bins)
    edges: list[tuple[float | None, float | None]] = []
    for b in range(bins):
        inside = groups.value[index == b]
        edges.append((int(inside[0]) / LATTICE, int(inside[-1]) / LATTICE) if inside.size else (None, None))
    return _curve("equal_mass", groups, sum_bins(groups, index, bins), edges, confidence)


def _curve(
    kind: Literal["equal_width", "equal_mass"],
    groups: Groups,
    sums: BinSums,
    edges: list[tuple[float | None, float | None]],
    confidence: float,
) -> ReliabilityCurve:
    score = wilson(sums.successes, sums.n, confidence=confidence)
    exact = clopper_pearson(sums.successes, sums.n, confidence=confidence)

    def one(b: int) -> ReliabilityBin:
        n, successes, total = int(sums.n[b]), int(sums.successes[b]), int(sums.total[b])
        return ReliabilityBin(
            low=edges[b][0],
            high=edges[b][1],
            n=n,
            successes=successes,
            total=total,
            mean_confidence=int(sums.lattice_sum[b]) / (LATTICE * n) if n else None,
            success_rate=successes / n if n else None,
            wilson=(float(score[0][b]), float(score[1][b])) if n else None,
            clopper_pearson=(float(exact[0][b]), float(exact[1][b])) if n else None,
            label_coverage=n / total if total else None,
            reason=None if n else NO_LABELS,
        )

    coverage = groups.labelled / groups.decisions if groups.decisions else None
    return ReliabilityCurve(
        kind=kind, bins=tuple(map(one, range(len(edges)))), n=groups.labelled, label_coverage=coverage
    )
