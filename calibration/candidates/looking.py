"""Looking at candidates, at any time, and opening the proposal of one that has passed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from calibration.candidates.registering import end_candidate
from calibration.drawing import people_label
from calibration.models import Candidate, CandidateEnd
from calibration.proposing.proposals import put_value
from calibration.selectors import first_of_each_case
from calibration.statistics.candidates import CandidateEvidence, follow_candidate, thinned
from confidence_project.foundation.errors import WrongState
from confidence_project.foundation.formatting import decimals, percent, segment
from governance.definitions import FieldKind, PolicyDefinition, get_definition
from governance.models import ConfidencePolicyProposal
from governance.policies import get_confidence_policy
from governance.policies.config import default_config
from governance.workflow import open_proposal
from ledger.models import DecisionRecord
from ledger.reasons import THRESHOLD_REASONS, Reason
from ledger.selectors import decisions_removed, ruling_success, threshold_in_force


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateLook:
    """A candidate as it stands.

    Parameters
    ----------
    evidence : CandidateEvidence
        The way of its e-value to its bar, by day of the decisions.
    days : sequence of date
        The days of that way.
    out_of_reach : int
        Decisions that it allows and that could not be drawn at its propensity: with one, it cannot pass.
    removed : int
        Decisions at most that were pruned or erased since its registration: with one, it cannot pass either.
    labels_a_day : float or None
        The present rate of labels that count; None before the first.
    """

    candidate: Candidate
    evidence: CandidateEvidence
    days: tuple[date, ...]
    out_of_reach: int
    removed: int
    labels_a_day: float | None

    @property
    def has_passed(self) -> bool:
        return self.evidence.passed and not self.out_of_reach and not self.removed

    @property
    def log_e_value(self) -> float:
        """The largest so far, which is what the bar is held against."""
        return float(self.evidence.log_e_values.max(initial=0.0))

    @property
    def days_to_go(self) -> float | None:
        """At the present rates, an estimate."""
        further, rate = self.evidence.further, self.labels_a_day
        return further / rate if further is not None and rate else None


def look_at_candidate(candidate: Candidate) -> CandidateLook:
    """Return how a candidate stands: reads, and writes nothing."""
    ended = CandidateEnd.objects.filter(candidate=candidate).first()
    by_day: dict[date, list[int]] = {}
    out_of_reach, until = 0, ended.ended_at if ended else timezone.now()
    by_draws = people_label(candidate.workspace, candidate.policy_key, candidate.registered_at)
    for decision_id, at, verdict, drawn, rate, won in _decisions(candidate, until):
        is_told = verdict == DecisionRecord.Verdict.ALLOW and not by_draws
        propensity = 1.0 if is_told else float(rate or 0.0)
        if propensity < candidate.propensity:
            out_of_reach += 1
            continue
        # What was drawn for people and has no label counts as a failure: who could leave one out could choose.
        if (won is None if is_told else not drawn) or not _counts(candidate, str(decision_id), propensity):
            continue
        day = by_day.setdefault(at.astimezone(UTC).date(), [0, 0])
        day[0] += won is not True
        day[1] += 1
    counts = np.cumsum(np.array([by_day[day] for day in sorted(by_day)], dtype=np.int64).reshape(-1, 2), axis=0)
    evidence = follow_candidate(counts[:, 0], counts[:, 1], alpha=candidate.target_failure_rate, level=candidate.level)
    elapsed = (timezone.now() - candidate.registered_at).total_seconds() / 86_400 - candidate.maturity_days
    return CandidateLook(
        candidate=candidate,
        evidence=evidence,
        days=tuple(sorted(by_day)),
        out_of_reach=out_of_reach,
        removed=decisions_removed(candidate.workspace, candidate.policy_key, candidate.registered_at, until),
        labels_a_day=evidence.labelled / elapsed if evidence.labelled and elapsed > 0 else None,
    )


def conclude_candidate(candidate: Candidate) -> CandidateLook:
    """Look at a candidate, and open its proposal if it has passed; whoever comes first opens it."""
    look = look_at_candidate(candidate)
    if look.has_passed and not CandidateEnd.objects.filter(candidate=candidate).exists():
        try:
            with transaction.atomic():
                end_candidate(candidate, passed=True, proposal=_propose(look))
        except WrongState:
            pass
    return look


def explain(look: CandidateLook) -> str:
    """Say in a sentence or two how a candidate stands."""
    candidate, found = look.candidate, look.evidence
    text = (
        f"{found.failures} of {found.labelled} labels since its registration are failures. Its evidence stands at "
        f"{np.exp(look.log_e_value):.3g} and passes at {1 / candidate.level:.3g}."
    )
    if look.out_of_reach:
        return (
            f"{text} It cannot pass: {look.out_of_reach} decisions that it would allow were drawn for audit less often "
            f"than {percent(candidate.propensity)}, or not at all."
        )
    if look.removed:
        return f"{text} It cannot pass: up to {look.removed} decisions since its registration were pruned or erased."
    if found.passed:
        return f"{text} It has passed."
    if found.further is None:
        return f"{text} At the present failure rate it will not pass."
    days = f", some {look.days_to_go:.0f} days at the present rate" if look.days_to_go is not None else ""
    return f"{text} About {found.further} more labels will do{days}: an estimate, no promise."


def _counts(candidate: Candidate, decision_id: str, propensity: float) -> bool:
    return thinned(decision_id, propensity=propensity, common=candidate.propensity, salt=str(candidate.pk))


def _decisions(candidate: Candidate, now: datetime) -> Iterable[tuple[Any, ...]]:
    """What it would allow of what came in since, one decision for each case, and its label by now."""
    decisions = DecisionRecord.objects.in_workspace(candidate.workspace).filter(
        policy_key=candidate.policy_key,
        origin=DecisionRecord.Origin.GATE,
        gate_reason__in=[Reason.ALLOWED.value, *(reason.value for reason in THRESHOLD_REASONS)],
        timestamp__gt=candidate.registered_at,
        occurred_at__gte=candidate.registered_at,
        occurred_at__lt=now - timedelta(days=candidate.maturity_days),
        llm_confidence__gte=candidate.threshold,
        **candidate.segment,
    )
    # A lower threshold leaves these blocked.
    decisions = decisions.exclude(gate_reason=Reason.LLM_CONFIDENCE_ABOVE_CEILING.value)
    if get_definition(candidate.policy_key).field_of_kind(FieldKind.RISK_THRESHOLD) is not None:
        risk = threshold_in_force(candidate.policy_key, FieldKind.RISK_THRESHOLD)
        decisions = decisions.filter(ml_risk_score__lt=risk)
    rows = first_of_each_case(decisions).annotate(won=ruling_success(now))
    columns = ("decision_id", "occurred_at", "gate_verdict", "audit_selected", "label_propensity", "won")
    return rows.order_by().values_list(*columns).iterator()


def _propose(look: CandidateLook) -> ConfidencePolicyProposal | None:
    """Open the proposal; None where the policy has come to allow as much meanwhile."""
    candidate, found = look.candidate, look.evidence
    definition = get_definition(candidate.policy_key)
    policy = get_confidence_policy(candidate.workspace, candidate.policy_key)
    name = _field(definition)
    current = policy.value(name, **candidate.segment)
    if candidate.threshold >= current:
        return None
    config = default_config(definition) if policy.version == 0 else policy.config.as_json()
    put_value(config, candidate.segment, {name: candidate.threshold})
    where = segment(candidate.segment)
    return open_proposal(
        workspace=candidate.workspace,
        policy_key=candidate.policy_key,
        origin=ConfidencePolicyProposal.Origin.CANDIDATE,
        title=f"{definition.title}: {name} {current:g} → {candidate.threshold:g}, {where}"[:200],
        summary=f"{where}: lower {name} from {decimals(current)} to {decimals(candidate.threshold)}. {explain(look)} "
        f"What it allowed or would have since {candidate.registered_at:%Y-%m-%d} fails, on the mean, at less than "
        f"{percent(candidate.target_failure_rate)}; that is wrong with a probability of at most {candidate.level:.3g}, "
        f"given that {_given(candidate)}.",
        config=config,
        evidence={
            "candidate": {
                "id": candidate.pk,
                "segment": candidate.segment,
                "threshold": candidate.threshold,
                "registered_at": candidate.registered_at.isoformat(),
                "level": candidate.level,
                "propensity": candidate.propensity,
                "labelled": found.labelled,
                "failures": found.failures,
                "log_e_value": look.log_e_value,
            },
            "parameters": {
                "target_failure_rate": candidate.target_failure_rate,
                "risk_confidence": 1 - candidate.level,
                "maturity_days": candidate.maturity_days,
            },
        },
    )


def _given(candidate: Candidate) -> str:
    if people_label(candidate.workspace, candidate.policy_key, candidate.registered_at):
        return "decisions were drawn at random at the rates on record"
    return "the outcomes of what is allowed are missing at random"


def _field(definition: PolicyDefinition) -> str:
    field = definition.field_of_kind(FieldKind.CONFIDENCE_THRESHOLD)
    assert field is not None  # noqa: S101 - narrows the type; a candidate has one
    return field.name
