"""Failure rates from several strata of labels, each labelled at a rate of its own.

The limit that certifies comes from an exact test of the weighted rate, T = sum of w_h F_h / m_h, against all rates of
the strata that are plausible (Berger and Boos). In `benchmarks/simulate_audits.py` a limit for each stratum has a third
of its power.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt

import numpy as np
import scipy

from calibration.statistics.checks import check_open_unit
from calibration.statistics.fixed_sequence import failure_p_values
from calibration.statistics.intervals import clopper_pearson

_PLAUSIBLE = 0.05
"""Share of the level for leaving out rates of the strata that their labels speak against."""

_CELLS = 64
"""Parts of the rates that are compatible with a mean; in each the largest probability is bounded from above."""

_DEVIATIONS = 8.0
"""Standard deviations within which failures are looked at one by one; the probability outside is added in full."""

_STEPS = 128
"""Numbers of failures of one stratum that are looked at, or steps of them."""

_CUTS = 4
"""Of the bracket around a limit; the end that is certain is what counts."""

_CUT_ABOVE = 0.01
"""Share of a bracket by which a cut lies above where the limit is expected, so that its certain end comes closer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Decisions whose labels are a random sample of them, or complete.

    Parameters
    ----------
    decisions : int
        All of them, labelled or not: its weight.
    labelled, failures : int
        Labelled decisions and failures among them.
    """

    decisions: int
    labelled: int
    failures: int


def stratified_failure_rate(strata: Sequence[Stratum], *, level: float) -> tuple[float | None, float]:
    """Estimate a failure rate from strata that are labelled at different rates, with a limit that may certify.

    Each stratum counts with its share of all decisions. The two that tell least share one exact test of their weighted
    rate; each further stratum has Clopper and Pearson's limit, and all share the level by their number. Which two is
    told by decisions and labels, never by outcomes. A stratum without a label counts with limit 1.

    Parameters
    ----------
    strata : sequence of Stratum
        Strata; those without decisions are left out.
    level : float
        Probability that the limit is too low, in (0, 1).

    Returns
    -------
    failure_rate : float or None
        Weighted rate; None where a stratum has no label.
    upper : float
        One-sided upper limit, in [0, 1].

    Raises
    ------
    ValueError
        When the level is outside (0, 1) or no stratum holds a decision.

    References
    ----------
    Berger and Boos (1994), "P values maximized over a confidence set for the nuisance parameter"; Clopper and
    Pearson (1934); Cochran (1977), "Sampling techniques", for stratified estimates.
    """
    check_open_unit("level", level)
    kept = _with_decisions(strata)
    decisions = sum(stratum.decisions for stratum in kept)
    # What tells least, first: the standard error of a stratum's part goes by weight over the root of its labels.
    labelled = sorted((s for s in kept if s.labelled), key=lambda s: -s.decisions / sqrt(s.labelled))
    most = float(sum(s.decisions for s in kept if not s.labelled))
    if len(labelled) > 1:
        most += _limit_of_two(labelled[0], labelled[1], level * 2 / len(labelled))
    single = labelled if len(labelled) == 1 else labelled[2:]
    if single:
        failures, n = [s.failures for s in single], [s.labelled for s in single]
        limits = clopper_pearson(failures, n, confidence=1.0 - level / len(labelled), sides="upper")[1]
        most += sum(s.decisions * float(limit) for s, limit in zip(single, limits, strict=True))
    return weighted_failure_rate(kept), min(most / decisions, 1.0)


def weighted_failure_rate(strata: Sequence[Stratum]) -> float | None:
    """Return the failure rate of strata, each with its share of all decisions; None where one has no label."""
    kept = [stratum for stratum in strata if stratum.decisions]
    if not kept or not all(stratum.labelled for stratum in kept):
        return None
    return sum(s.decisions * s.failures / s.labelled for s in kept) / sum(s.decisions for s in kept)


def is_certified(strata: Sequence[Stratum], *, alpha: float, level: float) -> bool:
    """Return whether a weighted failure rate above α is ruled out at a level: by the test of `stratified_failure_rate`.

    Parameters
    ----------
    strata : sequence of Stratum
        Strata; those without decisions are left out, and one without a label may fail at any rate.
    alpha, level : float
        Failure rate to stay below, and probability of being wrong, both in (0, 1).

    Returns
    -------
    bool
        True where it is.

    Raises
    ------
    ValueError
        When no stratum holds a decision.
    """
    kept = _with_decisions(strata)
    labelled = [stratum for stratum in kept if stratum.labelled]
    known, decisions = sum(s.decisions for s in labelled), sum(s.decisions for s in kept)
    # What has no label fails in the worst case; the rest has to make up for it.
    wanted = 1.0 - (1.0 - alpha) * decisions / known if known else 0.0
    if wanted <= 0.0:
        return False
    if len(labelled) == 1:
        return float(failure_p_values(labelled[0].failures, labelled[0].labelled, wanted)) <= level
    if len(labelled) == 2:
        few, many = sorted(labelled, key=lambda s: s.labelled)
        return _p_value(few, many, wanted, level * _PLAUSIBLE) <= level
    return stratified_failure_rate(kept, level=level)[1] <= alpha


def stratified_interval(strata: Sequence[Stratum], *, confidence: float = 0.95) -> tuple[float, float]:
    """Bound a failure rate from strata that are labelled at different rates, from both sides.

    Each stratum counts with its share of all decisions and has Clopper and Pearson's interval at the error over the
    number of strata. A stratum without a label may have any rate.

    Parameters
    ----------
    strata : sequence of Stratum
        Strata; those without decisions are left out.
    confidence : float
        Level of the interval, in (0, 1).

    Returns
    -------
    low, high : float
        Ends of the interval, in [0, 1].

    Raises
    ------
    ValueError
        When the level is outside (0, 1) or no stratum holds a decision.

    References
    ----------
    Clopper and Pearson (1934); Cochran (1977), "Sampling techniques", for stratified estimates.
    """
    check_open_unit("confidence", confidence)
    kept = _with_decisions(strata)
    failures, labelled = [s.failures for s in kept], [s.labelled for s in kept]
    ends = clopper_pearson(failures, labelled, confidence=1.0 - (1.0 - confidence) / len(kept))
    decisions = sum(s.decisions for s in kept)
    low, high = (
        sum(s.decisions * float(limit) for s, limit in zip(kept, limits, strict=True)) / decisions for limits in ends
    )
    return low, min(high, 1.0)


def _with_decisions(strata: Sequence[Stratum]) -> list[Stratum]:
    kept = [stratum for stratum in strata if stratum.decisions]
    if not kept:
        raise ValueError("strata must hold at least one decision: leave out thresholds that allow nothing.")
    return kept


def _limit_of_two(one: Stratum, other: Stratum, level: float) -> float:
    """Return the least number of failures among all decisions of two strata that the test rejects at the level."""
    decisions = one.decisions + other.decisions
    few, many = sorted((one, other), key=lambda s: s.labelled)
    rate = (few.decisions * few.failures / few.labelled + many.decisions * many.failures / many.labelled) / decisions
    limits = clopper_pearson(
        [few.failures, many.failures], [few.labelled, many.labelled], confidence=1.0 - level / 2, sides="upper"
    )[1]
    high = (few.decisions * float(limits[0]) + many.decisions * float(limits[1])) / decisions
    wanted, low, at_low = -float(scipy.special.ndtri(level)), rate, 0.0
    at_high = _deviations(few, many, high, level)
    if at_high < wanted:
        high, at_high = 1.0, _deviations(few, many, 1.0, level)
    # Deviations of the normal distribution grow almost evenly with the mean, so few cuts come close.
    for _ in range(_CUTS):
        share = min(max((wanted - at_low) / max(at_high - at_low, 1e-12), 0.0), 1.0)
        middle = low + (share + _CUT_ABOVE * (1.0 - share)) * (high - low)
        at_middle = _deviations(few, many, middle, level)
        if at_middle >= wanted:
            high, at_high = middle, at_middle
        else:
            low, at_low = middle, at_middle
    return high * decisions


def _deviations(few: Stratum, many: Stratum, alpha: float, level: float) -> float:
    """Return the p-value against a mean of α in standard deviations of the normal distribution, as large as 20."""
    return min(-float(scipy.special.ndtri(_p_value(few, many, alpha, level * _PLAUSIBLE))), 20.0)


def _p_value(few: Stratum, many: Stratum, alpha: float, left_out: float) -> float:
    """Bound the probability of a weighted rate as low as the one seen while the true one is at least α.

    The largest over all rates (r₁, r₂) that are plausible with an error of `left_out`, and that error.
    It falls in each rate, so those with the mean α itself are enough, and in a cell of them its lower corner.
    """
    weights = np.array([few.decisions, many.decisions]) / (few.decisions + many.decisions)
    n, failures = np.array([few.labelled, many.labelled]), np.array([few.failures, many.failures])
    low, high = clopper_pearson(failures, n, confidence=1.0 - left_out / 2)
    if weights @ low >= alpha:
        return 1.0
    start = max(float(low[0]), (alpha - weights[1] * float(high[1])) / weights[0])
    stop = min(float(high[0]), (alpha - weights[1] * float(low[1])) / weights[0])
    if start >= stop:
        return left_out
    edges = np.linspace(start, stop, _CELLS + 1)
    first = edges[:-1]
    second = np.clip((alpha - weights[0] * edges[1:]) / weights[1], 0.0, 1.0)
    lowest = max(floor(_deviated(n[0], start, -_DEVIATIONS)), 0)
    highest = min(ceil(_deviated(n[0], stop, _DEVIATIONS)), int(n[0]))
    # Steps of several failures for many labels: each is taken to be as few as the step begins with.
    failed = np.unique(np.linspace(lowest, highest + 1, _STEPS + 1).astype(np.int64))
    reached = np.where(failed[:, None] > 0, scipy.special.bdtr(np.maximum(failed - 1, 0)[:, None], n[0], first), 0.0)
    seen = float(weights @ (failures / n))
    # Rounding must not lose an outcome that is exactly as low as the one seen.
    rest = np.floor((seen - weights[0] * failed[:-1] / n[0]) * n[1] / weights[1] + 1e-9)
    as_low = np.where(rest[:, None] >= 0, scipy.special.bdtr(np.clip(rest, 0, n[1])[:, None], n[1], second), 0.0)
    inside = (np.diff(reached, axis=0) * as_low).sum(axis=0)
    outside = reached[0] + 1.0 - reached[-1]
    return min(float(np.max(inside + outside)) + left_out, 1.0)


def _deviated(n: int, rate: float, deviations: float) -> float:
    return n * rate + deviations * (sqrt(n * rate * (1.0 - rate)) + 1.0)
