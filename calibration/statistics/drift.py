"""Drift of the confidences and of the success rate, inside a window and between two."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import scipy

from calibration.statistics.binning import equal_width_index, sum_bins
from calibration.statistics.checks import check_open_unit
from calibration.statistics.groups import Groups
from calibration.statistics.intervals import wilson

FLAG_BELOW = 0.01
"""P-value below which two parts of a window are said to disagree."""

EMPTY_SIDE = "one side holds no decision"

PSI_CELL = 0.5
"""Added to each bin's count before shares are taken, so that an empty bin does not make PSI infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionDrift:
    """How far two distributions of confidence lie apart.

    Parameters
    ----------
    psi : float or None
        Population stability index over ten equal-width bins, in nats; below 0.1 is usually read as stable,
        above 0.25 as moved.
    ks : float or None
        Kolmogorov and Smirnov's largest distance between the distribution functions, in [0, 1].
    ks_p_value : float or None
        Its p-value for large samples; with ties it is too large rather than too small.
    n_before, n_after : int
        Decisions on both sides, labelled or not.
    reason : str or None
        Why the figures are None.
    """

    psi: float | None
    ks: float | None
    ks_p_value: float | None
    n_before: int
    n_after: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRate:
    """Success rate of one period.

    Parameters
    ----------
    n, successes : int
        Labelled decisions and successes among them.
    success_rate : float or None
        Successes per labelled decision.
    interval : tuple of float or None
        Two-sided 95 % Wilson interval.
    reason : str or None
        Why the figures are None.
    """

    n: int
    successes: int
    success_rate: float | None
    interval: tuple[float, float] | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentComparison:
    """The most recent part of a window against the rest of it.

    Parameters
    ----------
    first_recent : int or None
        Index of the first period of the recent part; None where the periods cannot be divided.
    recent_n, recent_failures, earlier_n, earlier_failures : int
        Labelled decisions and failures on both sides.
    recent_failure_rate, earlier_failure_rate : float or None
        Failures per labelled decision.
    p_value : float or None
        Fisher's exact test, two-sided.
    flagged : bool
        Whether the p-value is below 0.01.
    reason : str or None
        Why figures are None.
    """

    first_recent: int | None
    recent_n: int
    recent_failures: int
    earlier_n: int
    earlier_failures: int
    recent_failure_rate: float | None
    earlier_failure_rate: float | None
    p_value: float | None
    flagged: bool
    reason: str | None


def distribution_drift(before: Groups, after: Groups) -> DistributionDrift:
    """Compare the confidences of two sets of decisions, labelled or not.

    PSI = sum of (p_b - q_b) * ln(p_b / q_b) over ten equal-width bins, with half a decision added to each.

    Parameters
    ----------
    before, after : Groups
        Two windows, or two parts of one.

    Returns
    -------
    DistributionDrift
        PSI and KS, None with a reason where a side is empty.

    References
    ----------
    Siddiqi (2006), "Credit risk scorecards", for PSI and its reading.
    Smirnov (1948), "Table for estimating the goodness of fit of empirical distributions".
    """
    n_before, n_after = before.decisions, after.decisions
    if n_before == 0 or n_after == 0:
        return DistributionDrift(
            psi=None, ks=None, ks_p_value=None, n_before=n_before, n_after=n_after, reason=EMPTY_SIDE
        )
    old, new = (sum_bins(side, equal_width_index(side), 10).total + PSI_CELL for side in (before, after))
    p, q = old / old.sum(), new / new.sum()
    ks = _ks(before, after)
    return DistributionDrift(
        psi=float(np.sum((p - q) * np.log(p / q))),
        ks=ks,
        ks_p_value=float(scipy.special.kolmogorov(ks * sqrt(n_before * n_after / (n_before + n_after)))),
        n_before=n_before,
        n_after=n_after,
        reason=None,
    )


def period_rates(periods: Sequence[Groups]) -> tuple[PeriodRate, ...]:
    """Follow the success rate over periods.

    Parameters
    ----------
    periods : sequence of Groups
        Periods in order of time.

    Returns
    -------
    tuple of PeriodRate
        One entry per period, empty periods included.
    """
    n, successes = [period.labelled for period in periods], [period.succeeded for period in periods]
    if not n:
        return ()
    low, high = wilson(successes, n)
    return tuple(
        PeriodRate(
            n=n[i],
            successes=successes[i],
            success_rate=successes[i] / n[i] if n[i] else None,
            interval=(float(low[i]), float(high[i])) if n[i] else None,
            reason=None if n[i] else "no labelled decision in this period",
        )
        for i in range(len(n))
    )


def compare_recent(
    periods: Sequence[Groups],
    *,
    share: float = 1 / 3,
    threshold: float | None = None,
) -> RecentComparison:
    """Test the most recent part of a window against the rest of it.

    The recent part is the shortest run of last periods that holds the share of the labelled decisions, so a
    share of 1/2 compares the halves. Where it is flagged, certify again on ``periods[first_recent:]``.

    Parameters
    ----------
    periods : sequence of Groups
        Periods in order of time.
    share : float
        Share of the labelled decisions, in (0, 1).
    threshold : float, optional
        Look only at what this threshold allows.

    Returns
    -------
    RecentComparison
        Both rates and the p-value, None with a reason where the periods cannot be divided.

    Raises
    ------
    ValueError
        When the share is outside (0, 1), or the threshold is not finite.

    References
    ----------
    Fisher (1935), "The logic of inductive inference".
    """
    check_open_unit("share", share)
    scores = [period if threshold is None else period.allowed_by(threshold) for period in periods]
    n = np.array([period.labelled for period in scores], dtype=np.int64)
    lost = n - np.array([period.succeeded for period in scores], dtype=np.int64)
    held = np.cumsum(n[::-1])[::-1]
    # The shortest run of last periods; the tolerance keeps a third of 300 at 100.
    long_enough = np.flatnonzero((held >= share * n.sum() * (1.0 - 1e-12)) & (held > 0))
    first = int(long_enough[-1]) if long_enough.size else 0
    recent_n, recent_lost = int(n[first:].sum()), int(lost[first:].sum())
    earlier_n, earlier_lost = int(n[:first].sum()), int(lost[:first].sum())
    divided = recent_n > 0 and earlier_n > 0
    p_value = _fisher(recent_lost, recent_n, earlier_lost, earlier_n) if divided else None
    return RecentComparison(
        first_recent=first if divided else None,
        recent_n=recent_n,
        recent_failures=recent_lost,
        earlier_n=earlier_n,
        earlier_failures=earlier_lost,
        recent_failure_rate=recent_lost / recent_n if recent_n else None,
        earlier_failure_rate=earlier_lost / earlier_n if earlier_n else None,
        p_value=p_value,
        flagged=p_value is not None and p_value < FLAG_BELOW,
        reason=None if divided else "the labelled decisions lie in one part of the window only",
    )


def _fisher(recent_lost: int, recent_n: int, earlier_lost: int, earlier_n: int) -> float:
    table = [[recent_lost, recent_n - recent_lost], [earlier_lost, earlier_n - earlier_lost]]
    return float(scipy.stats.fisher_exact(table).pvalue)


def _ks(before: Groups, after: Groups) -> float:
    values = np.union1d(before.value, after.value)

    def reached(side: Groups) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        counts = np.concatenate([[0], np.cumsum(side.total)])
        return counts[np.searchsorted(side.value, values, side="right")] / side.decisions

    return float(np.max(np.abs(reached(before) - reached(after))))
