"""From the evidence of a policy key to its findings: one for each segment, with a threshold or a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.conf import settings

from calibration.evidence.judged import JudgedCounts
from calibration.evidence.reading import KeyEvidence, SegmentCounts
from calibration.findings import label_wording, wording
from calibration.findings.answers import Answer, Subject, answer_segments
from calibration.findings.cohorts import InForce, choose_cohort, judged_cohort
from calibration.findings.drift import alarm, window_drift, words_of_an_alias
from calibration.findings.figures import (
    describe,
    describe_costs,
    describe_every_decision,
    describe_step,
    describe_subject,
    is_uneven,
)
from calibration.findings.finding import Finding
from calibration.parameters import CalibrationParameters
from calibration.reviews.judging import Review
from calibration.statistics.audits import AuditedRecommendation
from calibration.statistics.draws import DrawnRecommendation
from calibration.statistics.judges import JudgedRecommendation
from calibration.statistics.label_error import LabelError
from calibration.statistics.operating_points import OperatingPoint
from governance.definitions import LATTICE, FieldDefinition, FieldKind, to_lattice
from governance.policies import EffectivePolicy
from governance.policies.config import PolicyConfig
from ledger.models import LabelSource

NOT_YET_JUDGED = "NOT_YET_JUDGED"
"""Reason of a finding whose threshold in force lies where there are no fair labels yet, with nothing against it."""

OUT_OF_BOUNDS = "OUT_OF_BOUNDS"
"""Reason of a finding whose certified threshold is none that the definition of the policy permits."""


def find(
    evidence: KeyEvidence,
    policy: EffectivePolicy,
    parameters: CalibrationParameters,
    *,
    review: Review,
    configs_in_window: Sequence[PolicyConfig],
    label_source: LabelSource = LabelSource.EVENTS,
    label_error: LabelError | None = None,
    judged: Sequence[JudgedCounts] = (),
) -> list[Finding]:
    """Return the findings of each segment of a policy key with a confidence threshold, in the order of segments.

    A policy with a risk threshold, too, has two findings for each segment, from one answer.

    Parameters
    ----------
    configs_in_window : sequence of PolicyConfig
        Every config of the policy that was in force at some time in the window, for sources whose decisions carry
        no threshold.
    label_source : LabelSource
        Whose labels count.
    label_error : LabelError or None
        What is known of the errors of those who label: labels are tested at another rate, with what is left of the
        level. None: labels are taken as right.
    judged : sequence of JudgedCounts
        What was drawn, of segments in which a judge reads it before people.
    """
    definition = policy.definition
    kinds = [FieldKind.CONFIDENCE_THRESHOLD, FieldKind.RISK_THRESHOLD]
    if parameters.band:
        kinds.append(FieldKind.CONFIDENCE_CEILING)
    fields = [definition.field_of_kind(kind) for kind in kinds]
    if fields[0] is None:
        return []
    subjects = {
        str(place): subject_of(
            counts,
            evidence,
            policy,
            configs_in_window,
            wants_band=parameters.band,
            source=label_source,
            judged=judged,
        )
        for place, counts in enumerate(evidence.segments)
    }
    asked = subjects if review.may_loosen else {name: each.without_loosening() for name, each in subjects.items()}
    alpha, delta = parameters.target_failure_rate, review.delta
    if label_error is not None:
        alpha, delta = label_error.tested_rate(alpha), label_error.level
    answers = answer_segments(asked, alpha=alpha, delta=delta)
    segments = [counts.segment for counts in evidence.segments]
    return [
        _finding(
            policy,
            field,
            subject,
            asked[name],
            answers[name],
            parameters,
            review,
            segments=segments,
            label_error=label_error,
        )
        for name, subject in subjects.items()
        for field in fields
        if field is not None
    ]


def subject_of(
    counts: SegmentCounts,
    evidence: KeyEvidence,
    policy: EffectivePolicy,
    configs_in_window: Sequence[PolicyConfig],
    *,
    wants_band: bool,
    source: LabelSource,
    judged: Sequence[JudgedCounts],
) -> Subject:
    def values(kind: FieldKind) -> list[float]:
        field = policy.definition.field_of_kind(kind)
        configs = [policy.config, *configs_in_window]
        return [config.value(policy.definition, field.name, counts.segment) for config in configs] if field else []

    confidences, risks = values(FieldKind.CONFIDENCE_THRESHOLD), values(FieldKind.RISK_THRESHOLD)
    ceilings = values(FieldKind.CONFIDENCE_CEILING)
    in_force = InForce(confidence=max(confidences), risk=min(risks, default=None), ceiling=min(ceilings, default=1.0))
    current_ceiling = ceilings[0] if ceilings else None
    cohort, read = choose_cohort(counts, in_force, source), None
    if cohort.kind == "drawn" and not risks:
        read = next((each.even_within(counts) for each in judged if each.segment == counts.segment), None)
        cohort = judged_cohort(counts, read) if read else cohort
    return Subject(
        cohort=cohort.under(current_ceiling),
        current=confidences[0],
        current_risk=risks[0] if risks else None,
        current_ceiling=current_ceiling,
        risk_edges=evidence.request.risk_edges,
        wants_band=wants_band and current_ceiling is not None,
        judged=read,
    )


def _finding(
    policy: EffectivePolicy,
    field: FieldDefinition,
    subject: Subject,
    judged: Subject,
    answer: Answer,
    parameters: CalibrationParameters,
    review: Review,
    *,
    segments: Sequence[Mapping[str, str]],
    label_error: LabelError | None,
) -> Finding:
    is_risk = field.kind is FieldKind.RISK_THRESHOLD
    current = policy.value(field.name, **subject.cohort.counts.segment)
    refusal = _refusal(policy, judged, answer, parameters)
    kept = None if refusal else answer
    recommended = None if kept is None else _recommended(kept, field, current)
    is_material = recommended is not None and _is_material(subject, answer)
    is_addressable = _is_addressable(subject.cohort.counts.segment, segments)
    floor = subject.cohort.floor if field.kind is FieldKind.CONFIDENCE_THRESHOLD else None
    drift = window_drift(judged, answer, parameters) if answer.is_tested else None
    costs = describe_costs(subject, parameters.costs, parameters.costs_source) if answer.is_tested else None
    described = describe_subject(subject)
    young = described["left_out"].too_young
    step, every = describe_step(subject, kept), describe_every_decision(subject, kept)
    texts = (
        wording.every_decision_fails_too_often(every, parameters.target_failure_rate),
        wording.advice(field.name, current, recommended, is_material=is_material, floor=floor),
        _why_not(refusal, policy, subject, answer),
        answer.figures,
        label_wording.source_of_labels(described["cohort"]),
        label_wording.tested_at(label_error, parameters.target_failure_rate),
        "" if review.may_loosen else wording.only_stricter(current, is_risk=is_risk),
        wording.too_young(young, parameters.maturity_days) if young and not described["decisions"] else "",
        wording.collapsed(described["cohort"].decisions_before_collapse_by_case, described["decisions"]),
        wording.every_decision(every, parameters.target_failure_rate),
        wording.drift(drift) if drift else "",
        words_of_an_alias(subject.cohort.counts.segment),
        wording.costs(costs) if costs and not is_risk else "",
        wording.NOT_ADDRESSABLE if is_material and not is_addressable else "",
        wording.finer_overrides(current, _finer_overrides(policy, field.name, subject.cohort.counts.segment, current)),
    )
    return Finding(
        policy_key=policy.definition.key,
        field=field.name,
        segment=dict(subject.cohort.counts.segment),
        current=current,
        recommended=recommended,
        reason=refusal or answer.reason,
        explanation=" ".join(filter(None, texts)),
        is_material=is_material,
        is_proposable=is_material and is_addressable,
        is_tested=answer.is_tested,
        **described,
        method=answer.method,
        statement=wording.statement(
            answer.statement,
            may_loosen=review.may_loosen,
            of_labelled=_is_of_labelled(answer, step["at_recommended"]),
            in_truth=label_wording.of_what_is_told(
                described["left_out"].untold,
                described["labelled"],
                at_several_rates=subject.is_audited or is_uneven(subject),
            )
            + label_wording.in_truth(label_error, parameters.target_failure_rate, review.delta),
        ),
        answer=answer.detail,
        **step,
        every_decision=every,
        drift=drift,
        costs=costs,
        **(describe(subject, certain=review.may_loosen) if answer.is_tested else {}),
    )


def _recommended(answer: Answer, field: FieldDefinition, current: float) -> float | None:
    """What an answer says of a field. No ceiling that is certified leaves the one in force as it is."""
    if answer.threshold is None:
        return None
    if field.kind is FieldKind.CONFIDENCE_CEILING:
        return current if answer.ceiling is None else answer.ceiling
    return answer.risk_threshold if field.kind is FieldKind.RISK_THRESHOLD else answer.threshold


def _is_of_labelled(answer: Answer, point: OperatingPoint | None) -> bool:
    """True when something that is allowed has no label, and the statement speaks only of what has."""
    is_of_all = isinstance(answer.detail, DrawnRecommendation | JudgedRecommendation) or (
        isinstance(answer.detail, AuditedRecommendation) and answer.detail.is_of_all
    )
    return point is not None and point.labelled < point.allowed and not is_of_all


def _finer_overrides(
    policy: EffectivePolicy, field: str, segment: Mapping[str, str], current: float
) -> list[tuple[Mapping[str, str], float]]:
    """Return the overrides by which a part of the segment is under another value."""
    others = [(dict(each.match), each.values[field]) for each in policy.config.overrides if field in each.values]
    return [
        (match, value)
        for match, value in others
        if value != current
        and not match.keys() <= segment.keys()
        and all(segment.get(key, wanted) == wanted for key, wanted in match.items())
    ]


def _loosens(subject: Subject, answer: Answer) -> bool:
    """True when the answer would allow what is blocked now."""
    lower_confidence = answer.threshold is not None and answer.threshold < subject.current
    higher_risk = (
        answer.risk_threshold is not None
        and subject.current_risk is not None
        and answer.risk_threshold > subject.current_risk
    )
    return lower_confidence or higher_risk


def _refusal(
    policy: EffectivePolicy, subject: Subject, answer: Answer, parameters: CalibrationParameters
) -> str | None:
    """Return why a certified answer is not recommended all the same; None: it is, or there is none."""
    if answer.threshold is None:
        return None
    if _problems(policy, answer):
        return OUT_OF_BOUNDS
    if subject.is_fair or _has_cause(subject, answer) or alarm(subject, parameters).reached:
        return None
    return NOT_YET_JUDGED


def _problems(policy: EffectivePolicy, answer: Answer) -> list[str]:
    """Say which of the certified values the definition of the policy does not permit."""
    values = {
        FieldKind.CONFIDENCE_THRESHOLD: answer.threshold,
        FieldKind.RISK_THRESHOLD: answer.risk_threshold,
        FieldKind.CONFIDENCE_CEILING: answer.ceiling,
    }
    fields = [(policy.definition.field_of_kind(kind), value) for kind, value in values.items() if value is not None]
    named = [(field.name, value, field.problem_with(value)) for field, value in fields if field is not None]
    return [f"{name} {value:.4f} {problem}" for name, value, problem in named if problem]


def _has_cause(subject: Subject, answer: Answer) -> bool:
    """True when labels speak against less strict thresholds, or for less strict ones than those in force.

    Stricter thresholds in force in a part of the window leave what they blocked unjudged. That the answer is as strict
    as they were is no reason to go back to them.
    """
    assert answer.threshold is not None  # noqa: S101 - narrows the type; refusals are not judged
    bands = subject.bands_below(answer.risk_threshold)
    if (
        answer.ceiling is not None
        or _loosens(subject, answer)
        or (subject.may_loosen and subject.cohort.is_audited(bands))
    ):
        return True
    stricter_risk = answer.risk_threshold is not None and answer.risk_threshold < (subject.judged_risk or 0.0)
    groups = subject.cohort.groups(bands)
    least = float(groups.value[groups.n > 0].min()) / LATTICE
    return stricter_risk or answer.threshold > max(least, subject.current)


def _why_not(refusal: str | None, policy: EffectivePolicy, subject: Subject, answer: Answer) -> str:
    if refusal == OUT_OF_BOUNDS:
        return wording.out_of_bounds(_problems(policy, answer))
    return wording.not_yet_judged(subject.current, subject.current_risk) if refusal else ""


def _is_material(subject: Subject, answer: Answer) -> bool:
    """Thresholds of one answer hold together, so it is material when one of them is."""
    steps = [
        (answer.threshold, subject.current),
        (answer.risk_threshold, subject.current_risk),
        (answer.ceiling, subject.current_ceiling),
    ]
    return any(
        abs(to_lattice(after) - to_lattice(before)) > settings.CONFIDENCE_MATERIALITY * LATTICE
        for after, before in steps
        if after is not None and before is not None
    )


def _is_addressable(segment: Mapping[str, str], segments: Sequence[Mapping[str, str]]) -> bool:
    """A key that the records leave blank cannot be matched on: what is left must not match another segment, too."""
    named = {key: value for key, value in segment.items() if value}
    others = (other for other in segments if other != segment)
    return len(named) == len(segment) or not any(named.items() <= other.items() for other in others)
