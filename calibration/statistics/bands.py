"""A certified band of confidences, for models that are most wrong where they claim certainty.

Outcomes are read from the top. Where they show that the top is bad, its end is found at a stopping time, so that what
lies below is untouched by the choice, and a lower bound is certified there; otherwise the answer is a threshold.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from calibration.statistics.checks import check_delta, check_open_unit
from calibration.statistics.fixed_sequence import failure_p_values, minimum_sample, spread_starts, walk
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE, FloatArray, IntArray

BandReason = Literal["OK", "INSUFFICIENT_DATA", "NOT_CERTIFIABLE"]

BAD_TOP = 0.02
"""P-value of "the top fails at most at alpha" at or below which it is taken to be bad."""

TOP_SHARE = 0.2
"""Share of the labelled decisions within which a bad top must show."""

LEVEL_SHARE = 0.7
"""Share of delta at which a threshold is certified where the top is not bad, and a band where it is."""

START_SHARE = 0.35
"""Share of the labelled decisions below the upper bound at which the walk of the band begins."""

_DROP = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRecommendation:
    """A certified band, or a refusal with its reason.

    Parameters
    ----------
    lower : float or None
        Allow confidences at or above this; None where nothing is certified.
    upper : float or None
        Allow confidences below this; None where the top is not bad, so that there is no upper bound.
    reason : {"OK", "INSUFFICIENT_DATA", "NOT_CERTIFIABLE"}
        Why there is a band or why there is none.
    decisions, failures : int or None
        Labelled decisions in the band, and failures among them.
    coverage : float or None
        Share of all decisions, labelled or not, in the band.
    top_decisions, top_failures : int or None
        Labelled decisions above the upper bound and failures among them, where the top is bad.
    level : float
        Level at which the walk began.
    labelled : int
        Labelled decisions that were looked at.
    alpha, delta : float
        Failure rate to stay below, and accepted probability of being wrong.
    """

    lower: float | None
    upper: float | None
    reason: BandReason
    decisions: int | None = None
    failures: int | None = None
    coverage: float | None = None
    top_decisions: int | None = None
    top_failures: int | None = None
    level: float
    labelled: int
    alpha: float
    delta: float


def recommend_band(groups: Groups, *, alpha: float, delta: float) -> BandRecommendation:
    """Recommend a lower bound, with an upper bound where the most confident decisions fail too often.

    The top is bad once P(Bin(m, alpha) >= F) <= .02 for the m <= .2 N most confident labelled decisions, F of which
    failed. Its end is where F - 2 alpha m has fallen 2 below its largest value: a stopping time. Either the top is bad
    and the band below that end is certified at .7 delta, in one walk that begins at 35 % of what is left; or it is not,
    and a threshold is certified at .7 delta as by `recommend_for_groups`. Never are both claimed.

    Given a bad top, the outcomes below are fresh and the band holds at .7 delta for any curve; a threshold holds at
    .7 delta where it is always the one that is claimed. That both together stay below delta is shown in simulation
    (`benchmarks/simulate_bands.py`: twelve curves, and a sweep of curves with a bad top that is found half of the
    time); what is proved for any curve is 1.4 delta.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence, their labels complete or a random sample at each confidence.
    alpha : float
        Failure rate to stay below, in (0, .5).
    delta : float
        Accepted probability that the failure rate in the band is above alpha nevertheless, in (0, 0.25].

    Returns
    -------
    BandRecommendation
        The band, or a refusal.

    Raises
    ------
    ValueError
        When alpha is outside (0, .5) or delta outside (0, 0.25].

    References
    ----------
    Wald (1947), "Sequential analysis", and Page (1954), "Continuous inspection schemes", for the end of the top.
    Wiens and Dmitrienko (2005), the fallback procedure.
    """
    check_open_unit("alpha", alpha)
    if alpha >= 0.5:
        raise ValueError(f"alpha must be below 0.5 for a band; got {alpha!r}.")
    check_delta(delta)
    tested = groups.with_labels()
    level = LEVEL_SHARE * delta
    least = minimum_sample(alpha, level)

    reached, failed = np.cumsum(tested.n[::-1]), np.cumsum(tested.failures[::-1])
    end = _end_of_bad_top(reached, failed, alpha) if tested.labelled >= least else 0
    skipped, lost = (int(reached[end - 1]), int(failed[end - 1])) if end else (0, 0)
    refusal = BandRecommendation(
        lower=None,
        upper=None,
        reason="INSUFFICIENT_DATA",
        top_decisions=skipped if end else None,
        top_failures=lost if end else None,
        level=level,
        labelled=tested.labelled,
        alpha=alpha,
        delta=delta,
    )
    rest, rest_failed = reached[end:] - skipped, failed[end:] - lost
    if tested.labelled - skipped < least:
        return refusal
    starts = _band_start(rest, least) if end else spread_starts(rest, alpha, level)
    best = walk(failure_p_values(rest_failed, rest, alpha), starts, level).best
    if best is None:
        return replace(refusal, reason="NOT_CERTIFIABLE")
    values = tested.value[::-1]
    lower, upper = int(values[end + best]), int(values[end - 1]) if end else LATTICE + 1
    return replace(
        refusal,
        reason="OK",
        lower=lower / LATTICE,
        upper=upper / LATTICE if end else None,
        decisions=int(rest[best]),
        failures=int(rest_failed[best]),
        coverage=groups.at_or_above(lower).below(upper).decisions / groups.decisions,
    )


def _band_start(reached: IntArray, least: int) -> list[int]:
    return [int(np.searchsorted(reached, max(int(np.ceil(START_SHARE * reached[-1])), least)))]


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
