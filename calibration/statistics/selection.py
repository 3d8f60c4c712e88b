"""Labels that exist only for what was allowed: their coverage, and rates from several strata of labels."""

from collections.abc import Sequence
from dataclasses import dataclass

from calibration.statistics.checks import check_open_unit
from calibration.statistics.groups import Groups
from calibration.statistics.intervals import clopper_pearson
from calibration.statistics.lattice import threshold_to_lattice


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCoverage:
    """Labelled share of all decisions; None where there is no decision.

    Parameters
    ----------
    overall, allowed, blocked : float or None
        Share of everything, of what a threshold allows and of what it blocks.
    """

    overall: float | None
    allowed: float | None
    blocked: float | None


def stratified_failure_rate(strata: Sequence[Stratum], *, level: float) -> tuple[float | None, float]:
    """Estimate a failure rate from strata that are labelled at different rates.

    Each stratum counts with its share of all decisions. Its limit is Clopper and Pearson's at the level over
    the number of strata, so that all of them hold together and the weighted sum does too. A stratum without a
    label counts with limit 1.

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
    Clopper and Pearson (1934); Cochran (1977), "Sampling techniques", for stratified estimates.
    """
    check_open_unit("level", level)
    kept = _with_decisions(strata)
    failures, labelled = [s.failures for s in kept], [s.labelled for s in kept]
    limits = clopper_pearson(failures, labelled, confidence=1.0 - level / len(kept), sides="upper")[1]
    decisions = sum(stratum.decisions for stratum in kept)
    upper = sum(s.decisions * float(limit) for s, limit in zip(kept, limits, strict=True)) / decisions
    if not all(labelled):
        return None, min(upper, 1.0)
    return sum(s.decisions * s.failures / s.labelled for s in kept) / decisions, min(upper, 1.0)


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


def label_coverage(groups: Groups, *, threshold: float) -> LabelCoverage:
    """Measure which share of the decisions has a label, on both sides of a threshold.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence, with their totals.
    threshold : float
        A threshold as the gate uses it.

    Returns
    -------
    LabelCoverage
        Shares in [0, 1].
    """
    step = threshold_to_lattice(threshold)
    allowed, blocked = groups.at_or_above(step), groups.below(step)
    return LabelCoverage(overall=_share(groups), allowed=_share(allowed), blocked=_share(blocked))


def _with_decisions(strata: Sequence[Stratum]) -> list[Stratum]:
    kept = [stratum for stratum in strata if stratum.decisions]
    if not kept:
        raise ValueError("strata must hold at least one decision: leave out thresholds that allow nothing.")
    return kept


def _share(groups: Groups) -> float | None:
    return groups.labelled / groups.decisions if groups.decisions else None
