"""A plan of labels: from the decisions and labels of a policy to how many, where, at which rate and until when.

The labels that are there already are the pilot. They choose the region, so they may have no part in the certificate: it
is of decisions that are drawn from the day of the plan on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil

import numpy as np
from django.conf import settings
from django.utils import timezone

from calibration.evidence.contract import LOTTERY
from calibration.evidence.reading import KeyEvidence, SegmentCounts
from calibration.findings.answers import Subject
from calibration.findings.thresholds import subject_of
from calibration.parameters import PERIODS, CalibrationParameters, default_window_end, parameters_of
from calibration.planning.options import options_of
from calibration.planning.question import PlanQuestion, Target
from calibration.reviews.calendar import Outlook, outlook
from calibration.runs.readings import Reading, read_policy
from calibration.runs.snapshot import read_snapshot
from calibration.statistics.groups import Groups
from calibration.statistics.label_planning import Option, choose
from calibration.statistics.lattice import LATTICE, threshold_to_lattice
from confidence_project.foundation.errors import InvalidInput, WrongState
from governance.access.permissions import Person, Verb, require
from governance.models import Workspace
from governance.sampling_rates import SamplingRule
from ledger.models import LabelSource

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A part of the region, on one side of the threshold in force.

    Parameters
    ----------
    side : {"allowed", "blocked"}
        What the threshold says of it.
    confidence_from, confidence_below : float
        From the first on, below the second; 1 is in the last band.
    decisions, labels : float
        Of a week, at the present traffic and the plan's rate.
    """

    side: str
    confidence_from: float
    confidence_below: float
    decisions: float
    labels: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to label, at which rate and until when, and what is to be expected of it.

    Parameters
    ----------
    segment : tuple of (str, str)
        What is planned for, and `others`: how many segments of the policy are not.
    in_force, coverage_in_force : float
        The threshold of the segment, and the share of its decisions that it allows.
    alpha, delta : float
        Failure rate, and the level at which the segment will be tested.
    pilot, decisions_a_week : float
        Labels that were planned from; decisions of the segment.
    chosen : Option
        What is planned.
    options : tuple of Option
        What fewer or more labels would give.
    rate : Decimal
        Probability with which each decision of the region is drawn.
    weeks, until : int, date
        Until as many labels were drawn.
    cost : float
        Of all of them.
    label_source : LabelSource
        Whose labels calibration counts.
    """

    workspace: str
    question: PlanQuestion
    segment: tuple[tuple[str, str], ...]
    others: int
    in_force: float
    coverage_in_force: float
    alpha: float
    delta: float
    pilot: int
    decisions_a_week: float
    chosen: Option
    options: tuple[Option, ...]
    rate: Decimal
    weeks: int
    made_on: date
    cost: float
    label_source: LabelSource
    bands: tuple[Band, ...]

    @property
    def until(self) -> date:
        return self.made_on + self.weeks * _WEEK

    @property
    def rule(self) -> SamplingRule:
        """What draws the labels."""
        return SamplingRule(
            rate=self.rate,
            side="allowed" if self.question.target is Target.WATCH else "",
            confidence_from=threshold_to_lattice(self.chosen.confidence_from),
            match=tuple(sorted((key, value) for key, value in self.segment if value)),
        )


def plan_label_purchase(
    *, workspace: Workspace, question: PlanQuestion, actor: Person | None = None, now: datetime | None = None
) -> Plan:
    """Plan labels for a policy.

    Parameters
    ----------
    actor
        The person who asks, None for the operator's command.
    now
        The moment of the plan; None: this one.

    Raises
    ------
    PermissionRefused, NotFound
        The actor may not propose in this workspace.
    InvalidInput
        The question makes no sense for the threshold in force; no decision carries its segment.
    WrongState
        Nothing was decided, there are too few labels for a pilot, or the budget certifies nothing.
    PolicyUnavailable, Unavailable
        The stored policy is not valid; an engine cannot be read.
    """
    if actor is not None:
        require(Verb.PROPOSE, actor, workspace)
    now = now or timezone.now()
    ahead = outlook(workspace, question.policy_key, now)
    parameters = _parameters(question, ahead)
    with read_snapshot():
        reading = read_policy(workspace, question.policy_key, parameters, now)
    evidence = reading.evidence
    if not isinstance(evidence, KeyEvidence) or not evidence.decisions:
        raise WrongState("Nothing was decided under this policy that is old enough to plan from: there is no traffic.")
    counts, others = _segment(evidence.segments, question)
    subject = subject_of(
        counts,
        evidence,
        reading.policy,
        reading.configs,
        wants_band=False,
        source=reading.label_source,
        judged=reading.judged,
    )
    return _plan(workspace.slug, question, ahead, parameters, reading, counts, subject, others, now)


def _parameters(question: PlanQuestion, ahead: Outlook) -> CalibrationParameters:
    calendar = ahead.calendar
    of_review = question.target in (Target.CERTIFY, Target.LOOSEN)
    alpha, sure = (calendar.target_failure_rate, calendar.risk_confidence) if of_review else (0.05, 0.95)
    return parameters_of(
        policy_keys=[question.policy_key],
        window_to=default_window_end(settings.CONFIDENCE_MATURITY_DAYS, ahead.now),
        target_failure_rate=alpha if question.target_failure_rate is None else question.target_failure_rate,
        risk_confidence=sure if question.risk_confidence is None else question.risk_confidence,
        segment_by=sorted({*calendar.segment_by, *question.segment}),
        engine=calendar.engine,
    )


def _level(question: PlanQuestion, ahead: Outlook, parameters: CalibrationParameters, evidence: KeyEvidence) -> float:
    """Return at which level the segment will be tested: its share of what the review spends, or of the run's δ."""
    delta = parameters.delta
    if question.risk_confidence is None and question.target in (Target.CERTIFY, Target.LOOSEN):
        granted = ahead.level(ahead.coming).level if ahead.coming else None
        calendar = ahead.calendar
        delta = granted or (calendar.delta - calendar.candidate_delta) / calendar.reviews_a_year
    return delta / max(len(evidence.segments), 1)


def _segment(segments: Sequence[SegmentCounts], question: PlanQuestion) -> tuple[SegmentCounts, int]:
    meant = [each for each in segments if question.segment.items() <= each.segment.items() and each.decisions.sum()]
    if not meant:
        raise InvalidInput("No decision of the window carries this segment; leave it out, or name another one.")
    largest = max(meant, key=lambda each: int(each.decisions.sum()))
    return largest, len(segments) - 1


def _pilot(subject: Subject, counts: SegmentCounts) -> Groups:
    """Return the decisions that pass the other checks, with the labels that are a fair sample at their confidence."""
    fair = subject.cohort.labels | np.isin(counts.stratum, LOTTERY)
    return counts.groups(subject.cohort.passing(subject.judged_bands), fair)


def _plan(
    workspace: str,
    question: PlanQuestion,
    ahead: Outlook,
    parameters: CalibrationParameters,
    reading: Reading,
    counts: SegmentCounts,
    subject: Subject,
    others: int,
    now: datetime,
) -> Plan:
    assert isinstance(reading.evidence, KeyEvidence)  # noqa: S101 - narrows the type; the caller looked
    groups, in_force = _pilot(subject, counts), subject.current
    alpha = parameters.target_failure_rate
    delta = _level(question, ahead, parameters, reading.evidence)
    a_week = groups.decisions / _weeks_seen(counts, parameters)
    options = options_of(question, groups, in_force, alpha, delta, a_week)
    chosen = choose(options, is_reach=question.target is not Target.CERTIFY)
    weeks = max(ceil(chosen.labels * question.cost / question.budget), ceil(chosen.labels / (a_week * chosen.share)))
    rate = Decimal(min(ceil(chosen.labels / (weeks * a_week * chosen.share) * LATTICE), LATTICE)) / LATTICE
    return Plan(
        workspace=workspace,
        question=question,
        segment=tuple(counts.segment.items()),
        others=others,
        in_force=in_force,
        coverage_in_force=groups.allowed_by(in_force).decisions / groups.decisions,
        alpha=alpha,
        delta=delta,
        pilot=groups.labelled,
        decisions_a_week=a_week,
        chosen=chosen,
        options=options,
        rate=rate,
        weeks=weeks,
        made_on=now.date(),
        cost=chosen.labels * question.cost,
        label_source=reading.label_source,
        bands=_bands(groups, chosen.confidence_from, in_force, a_week, float(rate)),
    )


def _weeks_seen(counts: SegmentCounts, parameters: CalibrationParameters) -> float:
    """Return for how long there have been decisions: a policy may be younger than the window."""
    length = (parameters.window_to - parameters.maturity_lag - parameters.window_from) / PERIODS
    return (PERIODS - int(counts.period.min())) * length / _WEEK


def _bands(groups: Groups, start: float, in_force: float, a_week: float, rate: float) -> tuple[Band, ...]:
    """Divide the region at the threshold in force; what holds no decision is left out."""
    region, found = groups.allowed_by(start), []
    blocked = region.below(threshold_to_lattice(in_force))
    parts = (("blocked", start, in_force, blocked), ("allowed", max(start, in_force), 1.0, region.allowed_by(in_force)))
    for side, low, high, inside in parts:
        if inside.decisions:
            decisions = a_week * inside.decisions / groups.decisions
            labels = decisions * rate
            found.append(
                Band(side=side, confidence_from=low, confidence_below=high, decisions=decisions, labels=labels)
            )
    return tuple(found)
