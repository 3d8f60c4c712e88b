"""Thresholds below the one in force, where blocked decisions are audited at random."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.statistics.groups import Groups
from calibration.statistics.label_strata import label_strata
from calibration.statistics.lattice import LATTICE, threshold_to_lattice
from calibration.statistics.recommendation import Reason, ThresholdRecommendation
from calibration.statistics.stratified import Stratum, stratified_failure_rate
from calibration.statistics.thresholds import recommend_for_groups

GRID_STEP = 500
"""Lattice steps between the thresholds that are tried below the one in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditStep:
    """One threshold below the one in force that was tested.

    Parameters
    ----------
    threshold : float
        The threshold, an observed value.
    strata : tuple of Stratum
        What it allows: first what was allowed already, then each rate of auditing, each divided by confidence where
        its labelled shares differ by more than chance (`label_strata`).
    failure_rate : float or None
        Rate weighted by all decisions; None where a stratum has no label.
    upper : float
        Stratified limit that was compared with alpha.
    certified : bool
        Whether the limit was at most alpha.
    """

    threshold: float
    strata: tuple[Stratum, ...]
    failure_rate: float | None
    upper: float
    certified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedRecommendation:
    """A threshold that may lie below the one in force, because audits reach there.

    Parameters
    ----------
    threshold : float or None
        The lowest threshold that was certified, above or below the one in force.
    reason : {"OK", "INSUFFICIENT_DATA", "NOT_CERTIFIABLE"}
        Why there is a threshold or why there is none.
    coverage : float or None
        Share of all decisions that it allows.
    failure_rate : float or None
        Failure rate of what it allows, weighted by all decisions.
    level : float or None
        Level at which it was certified.
    above : ThresholdRecommendation
        The answer at or above the threshold in force.
    steps : tuple of AuditStep
        Thresholds below it in the order of their tests; empty where the walk did not get there.
    """

    threshold: float | None
    reason: Reason
    coverage: float | None = None
    failure_rate: float | None = None
    level: float | None = None
    above: ThresholdRecommendation
    steps: tuple[AuditStep, ...]

    @property
    def is_of_all(self) -> bool:
        """True when it lies below the threshold in force: audits stand there for decisions without a label."""
        return any(step.certified for step in self.steps)


def recommend_with_audits(
    groups: Groups,
    audited: Sequence[Groups],
    *,
    in_force: float,
    alpha: float,
    delta: float,
) -> AuditedRecommendation:
    """Recommend a threshold where blocked decisions are audited at random.

    At or above the threshold in force the walk is that of `recommend_threshold`. Only if it rejects the last
    value there, it goes on below on a grid of fixed steps of 0.05, at the level that it carries, and stops at
    its first failure.

    Parameters
    ----------
    groups : Groups
        Decisions of the cohort; what lies below the threshold in force is ignored.
    audited : sequence of Groups
        Below the threshold in force, one entry per audit rate: `n` and `successes` count only decisions that
        were *selected* for audit, whatever else got a label; `total` counts all decisions under that rate.
    in_force : float
        The strictest threshold in force in the cohort.
    alpha, delta
        As for `recommend_threshold`.

    Returns
    -------
    AuditedRecommendation
        The lowest threshold that is certified, or a refusal.

    Raises
    ------
    ValueError
        When a level is impossible.
    """
    floor = threshold_to_lattice(in_force)
    blocked = [part.below(floor) for part in audited]
    cohort = Groups.merge([groups.at_or_above(floor), *map(_without_labels, blocked)])
    above = recommend_for_groups(cohort, alpha=alpha, delta=delta, floor=in_force)
    refusal = AuditedRecommendation(threshold=None, reason=above.reason, above=above, steps=())
    if above.level is None:
        return refusal
    steps: tuple[AuditStep, ...] = ()
    if above.decisions == above.labelled:
        steps = _walk_below(groups.at_or_above(floor), blocked, floor, alpha, above.level)
    best = next((step for step in reversed(steps) if step.certified), None)
    lowest = above if best is None else best
    return replace(
        refusal,
        threshold=lowest.threshold,
        coverage=above.coverage if best is None else sum(s.decisions for s in best.strata) / cohort.decisions,
        failure_rate=lowest.failure_rate,
        level=above.level,
        steps=steps,
    )


def _without_labels(groups: Groups) -> Groups:
    none = np.zeros_like(groups.n)
    return Groups(value=groups.value, n=none, successes=none, total=groups.total)


def _strata(groups: Groups) -> list[Stratum]:
    # Labels that are missing by confidence are a random sample within a stratum of it, and not of all together.
    return [Stratum(decisions=s.decisions, labelled=s.labelled, failures=s.failures) for s in label_strata(groups)]


def _walk_below(
    upper_part: Groups,
    lower_parts: Sequence[Groups],
    floor: int,
    alpha: float,
    level: float,
) -> tuple[AuditStep, ...]:
    steps: list[AuditStep] = []
    upper_strata, seen = _strata(upper_part), 0
    for score in range(floor - GRID_STEP, -GRID_STEP, -GRID_STEP):
        reached = [part.at_or_above(score) for part in lower_parts]
        below = sum(part.decisions for part in reached)
        if below == seen:
            continue
        seen = below
        lowest = min(int(part.value[part.total > 0][0]) for part in reached if part.decisions)
        strata = (*upper_strata, *(stratum for part in reached for stratum in _strata(part)))
        rate, upper = stratified_failure_rate(strata, level=level)
        steps.append(
            AuditStep(
                threshold=lowest / LATTICE, strata=strata, failure_rate=rate, upper=upper, certified=upper <= alpha
            )
        )
        if upper > alpha:
            break
    return tuple(steps)
