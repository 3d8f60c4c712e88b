"""A certified band of confidences, for models that are most wrong where they claim certainty.

Outcomes are read from the top. Where they show that the top is bad, its end is found at a stopping time, so that what
lies below is untouched by the choice, and a lower bound is certified there. A threshold without an upper bound is
tested beside it; both share delta, so that whichever is claimed is wrong with probability at most delta, for any curve.
"""

from dataclasses import dataclass, replace

import numpy as np

from calibration.statistics.fixed_sequence import failure_p_values, minimum_sample, walk
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE, FloatArray, IntArray
from calibration.statistics.recommendation import Reason, ThresholdRecommendation
from calibration.statistics.thresholds import is_same_cut, recommend_for_groups

BAD_TOP = 0.1
"""P-value of "the top fails at most at alpha" at or below which it is taken to be bad. Any choice keeps the promise."""

TOP_SHARE = 0.2
"""Share of the labelled decisions within which a bad top must show."""

BAND_SHARE = 0.6
"""Share of delta for a band; the rest is for a threshold without an upper bound."""

START_SHARE = 0.4
"""Share of the labelled decisions below a bad top at which the walk of the band begins."""

_DROP = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRecommendation:
    """A certified band, a certified threshold without an upper bound, or a refusal with its reason.

    Parameters
    ----------
    threshold : float or None
        Allow confidences at or above this; None where nothing is certified.
    ceiling : float or None
        And at or below this; None where nothing is certified, or a threshold without an upper bound.
    reason : {"OK", "INSUFFICIENT_DATA", "NOT_CERTIFIABLE"}
        Why there is a band or a threshold, or why there is none.
    decisions, failures : int or None
        Labelled decisions that it allows, and failures among them.
    coverage : float or None
        Share of all decisions, labelled or not, that it allows.
    top_decisions, top_failures : int or None
        Labelled decisions of a bad top and failures among them; None where the top is not bad.
    above : ThresholdRecommendation
        The answer without an upper bound, at its share of delta.
    alpha, delta : float
        Failure rate to stay below, and accepted probability of being wrong.
    """

    threshold: float | None
    ceiling: float | None
    reason: Reason
    decisions: int | None
    failures: int | None
    coverage: float | None
    top_decisions: int | None = None
    top_failures: int | None = None
    above: ThresholdRecommendation
    alpha: float
    delta: float


def recommend_band(groups: Groups, *, alpha: float, delta: float, floor: float | None = None) -> BandRecommendation:
    """Recommend a threshold, with an upper bound where the most confident decisions fail too often.

    The top is bad once P(Bin(m, alpha) >= F) <= .1 for the m <= .2 N most confident labelled decisions, F of which
    failed. Its end is where F - 2 alpha m has fallen 2 below its largest value: a stopping time of outcomes that are
    read from the top. The outcomes below are fresh, and one walk that begins at 40 % of them certifies the band at .6
    delta; `recommend_for_groups` certifies a threshold at .4 delta. Of the two that are certified the one with the
    larger coverage is recommended. By the union of both it is wrong with probability at most delta.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence, their labels complete or a random sample at each confidence.
    alpha : float
        Failure rate to stay below, in (0, 1); from .5 on no band is looked for.
    delta : float
        Accepted probability that the failure rate is above alpha nevertheless, in (0, 0.25].
    floor : float, optional
        As for `recommend_threshold`.

    Returns
    -------
    BandRecommendation
        A band, a threshold, or a refusal.

    Raises
    ------
    ValueError
        When alpha is outside (0, 1) or delta outside (0, 0.25].

    References
    ----------
    Wald (1947), "Sequential analysis", and Page (1954), "Continuous inspection schemes", for the end of the top.
    Bauer (1991), "Multiple testing in clinical trials", for the union of both.
    """
    above = recommend_for_groups(groups, alpha=alpha, delta=(1 - BAND_SHARE) * delta, floor=floor)
    answer = BandRecommendation(
        threshold=above.threshold,
        ceiling=None,
        reason=above.reason,
        decisions=above.decisions,
        failures=above.failures,
        coverage=above.coverage,
        above=above,
        alpha=alpha,
        delta=delta,
    )
    reached = groups if floor is None else groups.allowed_by(floor)
    band = _band(reached.with_labels(), alpha, BAND_SHARE * delta)
    if band is None:
        return answer
    answer = replace(answer, top_decisions=band.top_decisions, top_failures=band.top_failures)
    if band.lowest is None:
        return answer
    coverage = reached.at_or_above(band.lowest).below(band.end).decisions / groups.decisions
    if above.coverage is not None and above.coverage >= coverage:
        return answer
    lowest = band.lowest / LATTICE
    is_floor = floor is not None and is_same_cut(groups.below(band.end), lowest, floor)
    return replace(
        answer,
        threshold=floor if is_floor else lowest,
        ceiling=(band.end - 1) / LATTICE,
        reason="OK",
        decisions=band.decisions,
        failures=band.failures,
        coverage=coverage,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Band:
    """`end` is the lowest value of the bad top, `lowest` that of what is certified below it."""

    end: int
    top_decisions: int
    top_failures: int
    lowest: int | None = None
    decisions: int = 0
    failures: int = 0


def _band(tested: Groups, alpha: float, level: float) -> _Band | None:
    """Walk below a bad top; None where the top is not bad."""
    least = minimum_sample(alpha, level)
    if alpha >= 0.5 or tested.labelled < least:
        return None
    values, reached, failed = tested.value[::-1], np.cumsum(tested.n[::-1]), np.cumsum(tested.failures[::-1])
    end = _end_of_bad_top(reached, failed, alpha)
    if not end:
        return None
    top = _Band(end=int(values[end - 1]), top_decisions=int(reached[end - 1]), top_failures=int(failed[end - 1]))
    rest, rest_failed = reached[end:] - top.top_decisions, failed[end:] - top.top_failures
    if tested.labelled - top.top_decisions < least:
        return top
    start = int(np.searchsorted(rest, max(int(np.ceil(START_SHARE * rest[-1])), least)))
    best = walk(failure_p_values(rest_failed, rest, alpha), [start], level).best
    if best is None:
        return top
    lowest = int(values[end + best])
    return replace(top, lowest=lowest, decisions=int(rest[best]), failures=int(rest_failed[best]))


def _end_of_bad_top(reached: IntArray, failed: IntArray, alpha: float) -> int:
    """Return how many of the values, from the top, belong to a bad top; 0 where it is not bad."""
    # P(Bin(m, alpha) >= F) is the p-value of m - F successes at a success rate of 1 - alpha.
    too_many: FloatArray = failure_p_values(reached - failed, reached, 1.0 - alpha)
    bad = np.flatnonzero((too_many <= BAD_TOP) & (reached <= TOP_SHARE * reached[-1]))
    if bad.size == 0:
        return 0
    surplus = failed - 2.0 * alpha * reached
    fallen = np.maximum.accumulate(np.maximum(surplus, 0.0)) - surplus >= _DROP
    ends = np.flatnonzero(fallen[bad[0] :])
    return int(bad[0] + ends[0]) + 1 if ends.size else int(reached.size)
