"""The descriptive figures of a finding: what a reviewer looks at beside the recommendation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from calibration.evidence.contract import ABSENT, LEFT_OUT, LOTTERY, Stratum
from calibration.findings.answers import Answer, Subject
from calibration.findings.cohorts import Cohort, Mask
from calibration.findings.parts import (
    Basis,
    Bucket,
    Change,
    CheapestThreshold,
    CurvePoint,
    EveryDecision,
    LeftOut,
    Recalibration,
    Reliability,
)
from calibration.parameters import PERIODS, CostsSource
from calibration.statistics.audits import AuditedRecommendation
from calibration.statistics.calibration_error import calibration_error, noise_floor
from calibration.statistics.costs import Costs, cheapest_threshold
from calibration.statistics.cross_validation import cross_validated_gains, random_folds
from calibration.statistics.draws import DrawnRecommendation
from calibration.statistics.drift import period_rates
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import threshold_to_lattice
from calibration.statistics.operating_points import OperatingPoint, operating_curve, operating_point
from calibration.statistics.recalibration import fit_recalibration
from calibration.statistics.reliability import equal_mass_curve, equal_width_curve
from calibration.statistics.scores import auroc, brier_score, confidence_bias, log_loss
from calibration.statistics.stratified import Stratum as LabelledStratum
from calibration.statistics.stratified import stratified_interval, weighted_failure_rate
from governance.definitions import to_lattice

SEED = 0
"""Seed of the noise floor's draws, stored with each run."""

CURVE_POINTS = 101
"""At most so many points of the operating curve are kept, evenly spread over its thresholds."""


def describe(subject: Subject, *, certain: bool = True) -> dict[str, Any]:
    """Return reliability bins, the operating curve, calibration errors, scores, recalibrations and rates by period.

    Parameters
    ----------
    certain
        False outside of a review: the curve has no limits below the threshold in force.
    """
    groups = subject.cohort.groups(subject.bands)
    periods = [subject.cohort.groups(subject.bands, period) for period in range(PERIODS)]
    curve = _operating_curve(groups, None if certain else subject.current)
    return {
        "reliability": Reliability(equal_width=equal_width_curve(groups), equal_mass=equal_mass_curve(groups)),
        "operating_curve": tuple(_point_of_draws(subject, each) for each in curve) if is_uneven(subject) else curve,
        "calibration_error": calibration_error(groups),
        "noise_floor": noise_floor(groups, seed=SEED),
        "brier_score": brier_score(groups),
        "log_loss": log_loss(groups),
        "auroc": auroc(groups),
        "confidence_bias": confidence_bias(groups),
        "recalibration": _recalibration(groups),
        "periods": tuple(period_rates(periods)),
    }


def describe_subject(subject: Subject) -> dict[str, Any]:
    """Return what a finding rests on, and what it does not."""
    cohort, counts = subject.cohort, subject.cohort.counts
    passing = cohort.passing(subject.bands)
    groups = cohort.groups(subject.bands)
    unused = passing & ~cohort.labels
    if cohort.kind == "drawn":
        other = ~np.isin(counts.stratum, LOTTERY)
    else:
        other = (counts.stratum == Stratum.DRAWN) & (counts.confidence >= threshold_to_lattice(cohort.floor or 0.0))
    beside = 0 if cohort.kind == "drawn" else int(counts.labelled[passing & cohort.labels & other].sum())
    dropped, aside = (int(counts.labelled[unused & those].sum()) for those in (~other, other))
    return {
        "decisions": groups.decisions,
        "labelled": groups.labelled,
        "successes": groups.succeeded,
        "label_coverage": groups.labelled / groups.decisions if groups.decisions else None,
        "label_coverage_by_tenth": tuple(each.label_coverage for each in equal_width_curve(groups).bins),
        "cohort": Basis(
            kind=cohort.kind,
            threshold_in_force=cohort.floor,
            risk_threshold_in_force=cohort.risk_floor,
            decisions_before_collapse_by_case=int(counts.rows[passing].sum()),
            labels_below_threshold_in_force=dropped,
            labels_not_pooled=int(counts.labelled[~cohort.chosen].sum()),
            labels_left_aside=aside,
            labels_of_drawn=beside,
        ),
        "left_out": LeftOut(
            **{stratum.name.lower(): counts.left_out.get(stratum, 0) for stratum in LEFT_OUT},
            above_ceiling=_decisions(subject, cohort.chosen & cohort.above_ceiling),
            blocked_by_risk=_decisions(
                subject, cohort.chosen & ~cohort.above_ceiling & ~passing & (counts.risk_band != ABSENT)
            ),
            without_risk=_decisions(subject, cohort.chosen & ~cohort.above_ceiling & (counts.risk_band == ABSENT)),
        ),
    }


def describe_costs(subject: Subject, costs: Costs | None, source: CostsSource) -> CheapestThreshold | None:
    """Return the confidence threshold of least cost with its interval; None where there are no costs.

    It counts each label once, so there is none either where labels were drawn at rates that differ.
    """
    if costs is None or is_uneven(subject):
        return None
    cheapest = cheapest_threshold(subject.cohort.groups(subject.bands), costs, floor=subject.cohort.floor)
    return CheapestThreshold(stated=costs, source=source, **asdict(cheapest))


def describe_step(subject: Subject, answer: Answer | None) -> dict[str, Any]:
    """Return what the thresholds in force allow, what the recommended ones would, and what flips between them."""
    now = _point_now(subject)
    if answer is None or answer.threshold is None:
        return {"at_current": now, "at_recommended": None, "change": None}
    then = subject.cohort.under(answer.ceiling).groups(subject.bands_below(answer.risk_threshold))
    return {
        "at_current": now,
        "at_recommended": _weighted(_point(subject, then, answer.threshold), subject, answer),
        "change": _change(subject, answer),
    }


def describe_every_decision(subject: Subject, answer: Answer | None) -> EveryDecision | None:
    """Return how all decisions go that lie at or above the recommended threshold, else the one in force.

    None where no case has a second decision: the certificate speaks of the same then.
    """
    later = subject.cohort.counts.later
    if later is None:
        return None
    threshold, bands, cohort = subject.current, subject.bands, subject.cohort
    if answer is not None and answer.threshold is not None:
        threshold, bands = answer.threshold, subject.bands_below(answer.risk_threshold)
        cohort = cohort.under(answer.ceiling)
    first = cohort.groups(bands).allowed_by(threshold)
    # What was blocked has labels that somebody picked, later decisions of a case as well as the first.
    fair, ceiling = max(threshold, cohort.floor or 0.0), min(cohort.ceiling, cohort.judged_ceiling)
    counted = (later.confidence >= threshold_to_lattice(fair)) & (later.confidence <= to_lattice(ceiling))
    if bands is not None:
        counted &= (later.risk_band != ABSENT) & (later.risk_band < bands)
    if cohort.kind == "complete_history":
        counted &= later.is_history
    if cohort.kind == "drawn":
        # The counts of later decisions do not say which were drawn.
        counted[:] = False
    labelled = first.labelled + int(later.labelled[counted].sum())
    failures = labelled - first.succeeded - int(later.successes[counted].sum())
    return EveryDecision(
        threshold=threshold,
        labelled=labelled,
        failures=failures,
        failure_rate=failures / labelled if labelled else None,
    )


def _point(subject: Subject, passing: Groups, threshold: float) -> OperatingPoint:
    """What a pair of thresholds allows; coverage is the share of all decisions of the cohort."""
    point = operating_point(passing, threshold)
    decisions = _decisions(subject, subject.cohort.chosen)
    return replace(point, coverage=point.allowed / decisions if decisions else None)


def _point_now(subject: Subject) -> OperatingPoint:
    """What the thresholds in force allow. What stricter ones blocked in a part of the window has labels from the rest.

    These are shown, for a failure that is known must not be hidden; but they are no sample that an interval fits.
    """
    if subject.cohort.kind == "drawn":
        point = _point(subject, subject.cohort.groups(subject.bands), subject.current)
        return _of_strata(point, _strata_at(subject, subject.bands, subject.current), "the rates of drawing")
    if subject.is_fair:
        return _point(subject, subject.cohort.groups(subject.bands), subject.current)
    known = _point(subject, subject.cohort.known(subject.bands), subject.current)
    return replace(known, interval=None, reason="stricter thresholds were in force in a part of the window")


def _weighted(point: OperatingPoint, subject: Subject, answer: Answer) -> OperatingPoint:
    """Where labels were drawn at rates that differ, their plain rate would not be the rate of the decisions."""
    if isinstance(answer.detail, DrawnRecommendation):
        bands = subject.bands_below(answer.risk_threshold)
        return _of_strata(point, _strata_at(subject, bands, answer.threshold or 0.0), "the rates of drawing")
    steps = answer.detail.steps if isinstance(answer.detail, AuditedRecommendation) else ()
    step = next((each for each in reversed(steps) if each.certified), None)
    if step is None:
        return point
    return _of_strata(point, step.strata, "the rates of auditing")


def _of_strata(point: OperatingPoint, strata: Sequence[LabelledStratum], by: str) -> OperatingPoint:
    if not strata:
        return point
    return replace(
        point,
        labelled=sum(stratum.labelled for stratum in strata),
        failures=sum(stratum.failures for stratum in strata),
        failure_rate=weighted_failure_rate(strata),
        interval=stratified_interval(strata),
        reason=f"weighted by {by}",
    )


def _strata_at(subject: Subject, bands: int | None, threshold: float) -> list[LabelledStratum]:
    """What a threshold allows, by the rates of drawing."""
    parts = [part.allowed_by(threshold) for part in subject.cohort.draws(bands)]
    return [
        LabelledStratum(decisions=part.decisions, labelled=part.labelled, failures=part.labelled - part.succeeded)
        for part in parts
        if part.decisions
    ]


def is_uneven(subject: Subject) -> bool:
    """True where labels were drawn at rates that differ, so that each counts for another number of decisions."""
    return subject.cohort.kind == "drawn" and len(subject.cohort.draws(subject.bands)) > 1


def _point_of_draws(subject: Subject, point: CurvePoint) -> CurvePoint:
    strata = _strata_at(subject, subject.bands, point.threshold)
    return replace(point, failure_rate=weighted_failure_rate(strata), low=None, high=None)


def _change(subject: Subject, answer: Answer) -> Change:
    assert answer.threshold is not None  # noqa: S101 - narrows the type; a refusal changes nothing
    before = _allowed(subject.cohort, subject.current, subject.bands)
    after = _allowed(subject.cohort.under(answer.ceiling), answer.threshold, subject.bands_below(answer.risk_threshold))
    decisions = _decisions(subject, subject.cohort.chosen)
    tenth = np.minimum(subject.cohort.counts.confidence // 1_000, 9)
    return Change(
        block_to_allow=_decisions(subject, after & ~before),
        allow_to_block=_decisions(subject, before & ~after),
        current_coverage=_decisions(subject, before) / decisions,
        expected_coverage=_decisions(subject, after) / decisions,
        buckets=tuple(
            Bucket(
                low=place / 10,
                high=(place + 1) / 10,
                decisions=_decisions(subject, subject.cohort.chosen & (tenth == place)),
                allowed_now=_decisions(subject, before & (tenth == place)),
                allowed_then=_decisions(subject, after & (tenth == place)),
            )
            for place in range(10)
        ),
    )


def _allowed(cohort: Cohort, threshold: float, bands: int | None) -> Mask:
    mask: Mask = cohort.passing(bands) & (cohort.counts.confidence >= threshold_to_lattice(threshold))
    return mask


def _decisions(subject: Subject, chosen: Mask) -> int:
    return int(subject.cohort.counts.decisions[chosen].sum())


def _operating_curve(groups: Groups, strictest_open: float | None) -> tuple[CurvePoint, ...]:
    """Coverage and failure rate over the thresholds, the strictest first."""
    curve = operating_curve(groups)
    size = curve.threshold.size
    kept = sorted({round(place * (size - 1) / (CURVE_POINTS - 1)) for place in range(CURVE_POINTS)}) if size else []
    names = ("coverage", "failure_rate", "low", "high")
    points = [
        CurvePoint(
            threshold=float(curve.threshold[place]), **{name: _finite(getattr(curve, name)[place]) for name in names}
        )
        for place in kept
    ]
    if strictest_open is None:
        return tuple(points)
    return tuple(each if each.threshold >= strictest_open else replace(each, low=None, high=None) for each in points)


def _recalibration(groups: Groups) -> tuple[Recalibration, ...]:
    gains = cross_validated_gains(random_folds(groups, seed=SEED))
    return tuple(Recalibration(map=fit_recalibration(groups, gain.kind), cross_validated=gain) for gain in gains)


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None
