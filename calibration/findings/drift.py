"""Whether the parts of a window agree: a certified threshold speaks of the window's average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from calibration.findings.answers import Answer, Subject
from calibration.findings.parts import WindowDrift
from calibration.parameters import PERIODS, CalibrationParameters
from calibration.statistics.drift import RecentComparison, compare_recent, distribution_drift
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import threshold_to_lattice
from calibration.statistics.recommendation import ThresholdRecommendation
from calibration.statistics.sequential import AnytimeEvidence, alarm_log_e_values, follow
from calibration.statistics.thresholds import recommend_for_groups
from governance.vocabulary import is_alias

RECENT = PERIODS // 3
"""Periods in the recent third of the window."""


def window_drift(subject: Subject, answer: Answer, parameters: CalibrationParameters) -> WindowDrift:
    """Compare the recent part of the window with the rest, at the threshold that the finding is about.

    `recent` and `halves` divide by labelled decisions and test the failure rates, `confidences` divides by time. A
    flagged recent part is certified again on its own, in a review, unless its labels were drawn. `alarm` says at which
    period of this window the failure rate of what the thresholds in force allow was known to be above the target,
    whichever period one looks at; it begins anew with each window. `watch_policies` goes on from day to day.
    """
    bands = subject.bands if answer.risk_threshold is None else subject.bands_below(answer.risk_threshold)
    cohort = subject.cohort.under(answer.ceiling)
    periods = [cohort.groups(bands, period) for period in range(PERIODS)]
    threshold = subject.current if answer.threshold is None else max(answer.threshold, subject.cohort.floor or 0.0)
    recent = compare_recent(periods, threshold=threshold)
    is_certified_again = subject.may_loosen and cohort.kind != "drawn"
    return WindowDrift(
        threshold=threshold,
        confidences=distribution_drift(Groups.merge(periods[:-RECENT]), Groups.merge(periods[-RECENT:])),
        recent=recent,
        halves=compare_recent(periods, share=0.5, threshold=threshold),
        recertified=_recertified(periods, recent, subject, answer, parameters) if is_certified_again else None,
        alarm=alarm(subject, parameters),
    )


def _recertified(
    periods: Sequence[Groups],
    recent: RecentComparison,
    subject: Subject,
    answer: Answer,
    parameters: CalibrationParameters,
) -> ThresholdRecommendation | None:
    if not recent.flagged:
        return None
    return recommend_for_groups(
        Groups.merge(periods[recent.first_recent :]),
        alpha=parameters.target_failure_rate,
        delta=answer.delta,
        floor=subject.cohort.floor,
    )


def alarm(subject: Subject, parameters: CalibrationParameters) -> AnytimeEvidence:
    """Look at what the thresholds in force allow after each period, with every label that is known."""
    known = [subject.cohort.known(subject.bands, period) for period in range(PERIODS)]
    allowed = [period.at_or_above(threshold_to_lattice(subject.current)) for period in known]
    labelled = np.cumsum([period.labelled for period in allowed])
    failures = labelled - np.cumsum([period.succeeded for period in allowed])
    looks = alarm_log_e_values(failures, labelled, alpha=parameters.target_failure_rate)
    return follow(looks, delta=parameters.delta)


def words_of_an_alias(segment: Mapping[str, str]) -> str:
    """Say that nobody knows which version of the model answered; blank where its name does not leave that open."""
    if not is_alias(segment.get("model", "")):
        return ""
    return (
        "The records name the model by an alias: which version answered they do not say, and what is found here speaks "
        "of the one behind it until now. Send the model that the reply resolves it to, or ask for a version."
    )
