"""What a given threshold allows: figures to look at, beside the recommendation and never in its place."""

from dataclasses import dataclass

import numpy as np

from calibration.statistics.groups import Groups
from calibration.statistics.intervals import clopper_pearson, wilson
from calibration.statistics.lattice import FloatArray

NOTHING_ALLOWED = "no labelled decision that this threshold allows"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """Figures of one threshold that was chosen without looking at these outcomes.

    Parameters
    ----------
    threshold : float
        The threshold as the gate uses it.
    allowed : int
        All decisions that it allows, labelled or not.
    labelled, failures : int
        Labelled decisions that it allows, and the failures among them.
    coverage : float or None
        Share of all decisions that it allows; None without decisions.
    failure_rate : float or None
        Failures per labelled decision that it allows.
    interval : tuple of float or None
        Two-sided Clopper-Pearson interval of the failure rate; pointwise, not certified.
    reason : str or None
        Why figures are None.
    """

    threshold: float
    allowed: int
    labelled: int
    failures: int
    coverage: float | None
    failure_rate: float | None
    interval: tuple[float, float] | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OperatingCurve:
    """Figures of every threshold at an observed value, from the strictest to the most lenient.

    Parameters
    ----------
    threshold, coverage, failure_rate, low, high : ndarray of float, shape (k,)
        Threshold, share of all decisions allowed, failure rate among the labelled ones, and the ends of its
        two-sided Wilson interval; pointwise, not certified.
    """

    threshold: FloatArray
    coverage: FloatArray
    failure_rate: FloatArray
    low: FloatArray
    high: FloatArray


def operating_point(groups: Groups, threshold: float, *, confidence: float = 0.95) -> OperatingPoint:
    """Count what a threshold allows.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    threshold : float
        Any finite threshold.
    confidence : float
        Level of the interval, in (0, 1).

    Returns
    -------
    OperatingPoint
        Counts, rates and an interval, None with a reason where nothing labelled is allowed.

    Raises
    ------
    ValueError
        When the threshold is not finite or the level outside (0, 1).
    """
    allowed = groups.allowed_by(threshold)
    labelled, failures = allowed.labelled, allowed.labelled - allowed.succeeded
    low, high = clopper_pearson([failures], [labelled], confidence=confidence)
    return OperatingPoint(
        threshold=threshold,
        allowed=allowed.decisions,
        labelled=labelled,
        failures=failures,
        coverage=allowed.decisions / groups.decisions if groups.decisions else None,
        failure_rate=failures / labelled if labelled else None,
        interval=(float(low[0]), float(high[0])) if labelled else None,
        reason=None if labelled else NOTHING_ALLOWED,
    )


def operating_curve(groups: Groups, *, confidence: float = 0.95) -> OperatingCurve:
    """Follow coverage and failure rate over all thresholds.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    confidence : float
        Level of the intervals, in (0, 1).

    Returns
    -------
    OperatingCurve
        One entry per observed value at or above which something is labelled; empty without labels.

    Raises
    ------
    ValueError
        When the level is outside (0, 1).
    """
    reached = np.cumsum(groups.n[::-1])
    kept = reached > 0
    failed, allowed = np.cumsum(groups.failures[::-1])[kept], np.cumsum(groups.total[::-1])[kept]
    low, high = wilson(failed, reached[kept], confidence=confidence)
    return OperatingCurve(
        threshold=groups.confidence[::-1][kept],
        coverage=allowed / max(groups.decisions, 1),
        failure_rate=failed / reached[kept],
        low=low,
        high=high,
    )
