"""Thresholds where people label what was drawn: on both sides of the gate, at rates that may differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil

import numpy as np

from calibration.statistics.checks import check_delta, check_open_unit
from calibration.statistics.fixed_sequence import further_decisions, minimum_sample, spread_starts
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE, IntArray
from calibration.statistics.recommendation import Reason
from calibration.statistics.stratified import Stratum, is_certified, stratified_failure_rate
from calibration.statistics.thresholds import is_same_cut

STEP = 1.02
"""Between two tests the drawn decisions grow by this factor: each test of several strata takes a millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRecommendation:
    """A threshold that is certified by drawn decisions, or a refusal.

    Parameters
    ----------
    threshold : float or None
        The threshold with the largest coverage that is certified.
    reason : {"OK", "INSUFFICIENT_DATA", "NOT_CERTIFIABLE"}
        Why there is a threshold or why there is none.
    strata : tuple of Stratum
        By rate, what the threshold allows, or of a refusal the first start; empty with too few data.
    coverage : float or None
        Share of all decisions that it allows.
    failure_rate : float or None
        Failure rate of the strata, weighted by all decisions; None where one of them has no label.
    failure_rate_upper : float or None
        Stratified limit at `level`, of this one threshold as if it had been chosen without looking: not certified.
    level : float or None
        Level at which it was certified.
    needed : int or None
        With too few data, the drawn decisions that α and δ call for at least; where nothing is certifiable, an estimate
        of the further ones, at the rates of drawing and failing so far; None where the failures are too many for any.
    labelled : int
        Drawn decisions.
    alpha, delta : float
        Failure rate to stay below, and accepted probability of being wrong.
    """

    threshold: float | None
    reason: Reason
    strata: tuple[Stratum, ...] = ()
    coverage: float | None = None
    failure_rate: float | None = None
    failure_rate_upper: float | None = None
    level: float | None = None
    needed: int | None = None
    labelled: int
    alpha: float
    delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ladder:
    """What lies at or above each value, the highest first: columns of values, rows of rates."""

    values: IntArray
    decisions: IntArray
    labelled: IntArray
    failures: IntArray

    @classmethod
    def of(cls, parts: Sequence[Groups]) -> "_Ladder":
        merged = Groups.merge(parts).with_labels()
        values = merged.value[::-1]
        if sum(part.decisions > 0 for part in parts) > 1:
            values = values[_spaced(np.cumsum(merged.n[::-1]))]
        columns = [
            np.array([_at_or_above(part, column, values) for part, column in zip(parts, each, strict=True)])
            for each in zip(*((part.total, part.n, part.failures) for part in parts), strict=True)
        ]
        return cls(values=values, decisions=columns[0], labelled=columns[1], failures=columns[2])

    def strata(self, place: int) -> tuple[Stratum, ...]:
        columns = (self.decisions[:, place], self.labelled[:, place], self.failures[:, place])
        return tuple(
            Stratum(decisions=int(decisions), labelled=int(labelled), failures=int(failures))
            for decisions, labelled, failures in zip(*columns, strict=True)
            if decisions
        )

    def worth(self, alpha: float) -> IntArray:
        """How many labels of a simple sample would rule α out as well, without a failure: what lays out the starts.

        Without one, the largest probability of that over all rates of the strata is where all failures lie in the one
        that is labelled least for its weight. What is in no draw counts as failing.
        """
        whole = self.decisions.sum(axis=0)
        known = self.labelled > 0
        unknown = np.where(known, 0, self.decisions).sum(axis=0) / whole
        least = np.where(known, self.labelled * whole / np.maximum(self.decisions, 1), np.inf).min(axis=0)
        worth: IntArray = np.floor(least * np.clip(1.0 - unknown / alpha, 0.0, 1.0)).astype(np.int64)
        return worth


def recommend_from_draws(
    parts: Sequence[Groups],
    *,
    alpha: float,
    delta: float,
    floor: float | None = None,
    in_force: float | None = None,
) -> DrawnRecommendation:
    """Recommend a threshold from decisions that were drawn for labels, each part at a rate of its own.

    The walk is that of `recommend_threshold`, with several starts and recycled error. Each of its tests is the exact
    one of the weighted rate (`stratified`); starts lie where so many labels of a simple sample would tell as much.
    Neither outcomes nor anything but draws and confidences have a say in the sequence.

    Parameters
    ----------
    parts : sequence of Groups
        One for each rate: `n` counts the drawn decisions, `successes` those of them with a label that says so, `total`
        all decisions. A part without a drawn decision may fail at any rate.
    alpha, delta : float
        As for `recommend_threshold`.
    floor : float, optional
        What lies below is not looked at.
    in_force : float, optional
        The threshold in force: recommended where the certified one allows the same (`is_same_cut`).

    Returns
    -------
    DrawnRecommendation
        The threshold with the largest coverage that is certified, or a refusal.

    Raises
    ------
    ValueError
        When α is outside (0, 1), or δ outside (0, 0.25].

    References
    ----------
    Cochran (1977), "Sampling techniques", for strata; Berger and Boos (1994); Wiens and Dmitrienko (2005).
    """
    check_open_unit("alpha", alpha)
    check_delta(delta)
    reached = [part if floor is None else part.allowed_by(floor) for part in parts]
    drawn, least = sum(part.labelled for part in reached), minimum_sample(alpha, delta)
    refusal = DrawnRecommendation(
        threshold=None, reason="INSUFFICIENT_DATA", needed=least, labelled=drawn, alpha=alpha, delta=delta
    )
    if not drawn:
        return refusal
    ladder = _Ladder.of(reached)
    worth = ladder.worth(alpha)
    if worth.max() < least:
        return refusal
    starts = spread_starts(np.maximum.accumulate(worth), alpha, delta)
    best, level = _walk(
        lambda place, at: is_certified(ladder.strata(place), alpha=alpha, level=at), starts, worth, delta
    )
    if best is None:
        strata = ladder.strata(starts[0])
        rate = stratified_failure_rate(strata, level=level)[0]
        return replace(
            refusal,
            reason="NOT_CERTIFIABLE",
            strata=strata,
            failure_rate=rate,
            level=level,
            needed=_further(rate, int(worth[starts[0]]), int(worth.max()), drawn, alpha, level),
        )
    strata, certified = ladder.strata(best), int(ladder.values[best]) / LATTICE
    rate, upper = stratified_failure_rate(strata, level=level)
    whole = Groups.merge(parts)
    same = in_force is not None and is_same_cut(whole, certified, in_force)
    return replace(
        refusal,
        threshold=in_force if same else certified,
        reason="OK",
        strata=strata,
        coverage=sum(stratum.decisions for stratum in strata) / whole.decisions,
        failure_rate=rate,
        failure_rate_upper=upper,
        level=level,
        needed=None,
    )


def _at_or_above(part: Groups, column: IntArray, values: IntArray) -> IntArray:
    sums = np.concatenate([np.cumsum(column[::-1])[::-1], [0]])
    found: IntArray = sums[np.searchsorted(part.value, values)]
    return found


def _spaced(reached: IntArray) -> list[int]:
    """Places at which the labels have grown by a step since the one before, and the last."""
    places, last = [], 0.0
    for place, labels in enumerate(reached.tolist()):
        if labels >= last * STEP or place == reached.size - 1:
            places.append(place)
            last = labels
    return places


def _walk(
    certifies: Callable[[int, float], bool], starts: Sequence[int], worth: IntArray, delta: float
) -> tuple[int | None, float]:
    """As `fixed_sequence.walk`, one test at a time; return the last place that passed and its level, or the first's."""
    best, level_of_best, run = None, delta / len(starts), 0
    for start, stop in pairwise([*starts, worth.size]):
        run += 1
        level = run * delta / len(starts)
        for place in range(start, stop):
            if not certifies(place, level):
                run = 0
                break
            best, level_of_best = place, level
    return best, level_of_best


def _further(rate: float | None, worth: int, most: int, drawn: int, alpha: float, level: float) -> int | None:
    if rate is None:
        return None
    further = further_decisions(round(rate * worth), worth, most, alpha, level)
    return None if further is None else ceil(further * drawn / most)
