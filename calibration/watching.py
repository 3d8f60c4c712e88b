"""After an apply: an alarm over the failures of what the new version allows, which may be looked at every day.

The alarm acts on nothing. It is stored, shown, and opens a proposal to go back, which people decide like any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import log
from operator import itemgetter
from typing import Any, TypeGuard

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from calibration.drawing import count_drawn, people_label
from calibration.models import PolicyAlarm, PolicyLook
from calibration.selectors import first_of_each_case
from calibration.statistics.sequential import restarted_alarm_log_e_values
from confidence_project.foundation import formatting
from confidence_project.foundation.errors import Conflict, DomainError
from governance.clock import CLOCK_SKEW
from governance.definitions import SEGMENT_KEYS
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision, Workspace
from governance.webhooks.outbox import announce_alarm
from governance.workflow import open_proposal
from ledger.models import DecisionRecord
from ledger.selectors import ruling_success


@dataclass(frozen=True, slots=True)
class Promise:
    """What the evidence of an applied proposal said of the decisions that it would allow.

    In each of `segments`, `alpha` is the failure rate that they keep below; in all of them at once with confidence
    1 - `delta`. An empty segment is the whole policy. `maturity` is the age from which on outcomes are taken to have
    arrived.
    """

    alpha: float
    delta: float
    maturity: timedelta
    segments: Sequence[Mapping[str, str]]

    @property
    def segment_delta(self) -> float:
        """Each segment's share of `delta`."""
        return self.delta / len(self.segments)


@dataclass(frozen=True, slots=True)
class SegmentLook:
    """The look that is stored, and the promised segment that its figures are of."""

    look: PolicyLook
    segment: Mapping[str, str]


def promise_of(proposal: ConfidencePolicyProposal) -> Promise | None:
    """Return the promise in the evidence of a proposal; None where it makes none."""
    evidence = json.loads(proposal.evidence)
    parameters, segments = evidence.get("parameters"), _promised_segments(evidence)
    if not isinstance(parameters, Mapping):
        return None
    alpha, confidence = parameters.get("target_failure_rate"), parameters.get("risk_confidence")
    days = parameters.get("maturity_days", settings.CONFIDENCE_MATURITY_DAYS)
    if not (_is_share(alpha) and _is_share(confidence) and isinstance(days, int | float) and 0 <= days < 3650):
        return None
    return Promise(alpha, round(1 - confidence, 12), timedelta(days=days), segments) if segments else None


def _promised_segments(evidence: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the segments of the certified findings that the proposal carried out; evidence without findings: all."""
    candidate = evidence.get("candidate")
    if isinstance(candidate, Mapping):
        return [candidate["segment"]] if _is_segment(candidate.get("segment")) else []
    if "findings" not in evidence:
        return [{}]
    findings = evidence["findings"]
    segments: list[dict[str, str]] = []
    for finding in findings if isinstance(findings, list) else []:
        is_promised = isinstance(finding, dict) and finding.get("reason") == "OK" and finding.get("is_proposable")
        # A confidence and a risk threshold are two findings about one segment.
        if is_promised and _is_segment(finding.get("segment")) and finding["segment"] not in segments:
            segments.append(finding["segment"])
    return segments


def _is_segment(value: object) -> bool:
    return isinstance(value, dict) and all(
        key in SEGMENT_KEYS and isinstance(wanted, str) for key, wanted in value.items()
    )


def _is_share(value: object) -> TypeGuard[float]:
    return isinstance(value, float) and 0 < value < 1


def watched_revisions(workspace: Workspace | None = None) -> list[ConfidencePolicyRevision]:
    """Return the revisions in force that an applied proposal made, of one workspace or of all."""
    revisions = ConfidencePolicyRevision.objects.filter(
        action=ConfidencePolicyRevision.Action.APPLY_PROPOSAL, version=F("policy__version")
    )
    chosen = revisions if workspace is None else revisions.in_workspace(workspace)
    return list(chosen.select_related("workspace", "proposal").order_by("pk"))


def look_at(revision: ConfidencePolicyRevision) -> SegmentLook | None:
    """Look at what a revision has allowed so far, and raise an alarm when the promise of its evidence is broken.

    Each promised segment is tested by itself at its share of delta; the one with the most evidence against its promise
    is stored. Of each case the first decision in a segment counts, as in a calibration. A canary's decisions rest on
    another config and do not count, nor do those to which nothing was promised.

    Returns
    -------
    SegmentLook or None
        None: nothing was promised, or somebody looked today already, or another version has taken effect meanwhile.
    """
    now = timezone.now()
    day = now.astimezone(UTC).date()
    promise = promise_of(revision.proposal) if revision.proposal else None
    if promise is None or PolicyLook.objects.filter(revision=revision, day=day).exists():
        return None
    segment, labelled, failures, log_e_value = max(
        (_test(revision, promise, segment, now) for segment in promise.segments), key=itemgetter(3)
    )
    look = PolicyLook(
        revision=revision,
        workspace_id=revision.workspace_id,
        day=day,
        labelled=labelled,
        failures=failures,
        alpha=promise.alpha,
        delta=promise.segment_delta,
        log_e_value=log_e_value,
        at=now,
    )
    seen = SegmentLook(look, segment)
    try:
        with transaction.atomic():
            # The unique day lets one of several machines go on; the others wait here and are refused.
            look.save(force_insert=True)
            if look.log_e_value >= -log(look.delta):
                _raise_alarm(seen)
    except (IntegrityError, Conflict):
        return None
    return seen


def _test(
    revision: ConfidencePolicyRevision, promise: Promise, segment: Mapping[str, str], now: datetime
) -> tuple[Mapping[str, str], int, int, float]:
    """Return the segment, its labelled decisions and failures, and the evidence against its promise."""
    days = count_allowed(
        revision, segment, since=revision.created_at - CLOCK_SKEW, until=now - promise.maturity, labels_as_of=now
    )
    weeks = [(day - revision.created_at.astimezone(UTC).date()).days // 7 for day, _, _ in days]
    labelled, failures = [day[1] for day in days], [day[2] for day in days]
    # The first decisions may lie before the version's own day, by the skew of the clocks.
    looks = restarted_alarm_log_e_values(failures, labelled, [max(week, 0) for week in weeks], alpha=promise.alpha)
    return segment, sum(labelled), sum(failures), float(looks[-1]) if days else 0.0


def count_allowed(
    revision: ConfidencePolicyRevision,
    segment: Mapping[str, str],
    *,
    since: datetime,
    until: datetime,
    labels_as_of: datetime,
) -> list[tuple[date, int, int]]:
    """Count by UTC day, of its first decision, the labelled cases of a segment and the failures among them.

    Counted are decisions of the gate that `revision` allowed in `since <= time < until`, by outcomes that were recorded
    by `labels_as_of`; where people label what is drawn, see `count_drawn`.
    """
    allowed = DecisionRecord.objects.filter(
        workspace_id=revision.workspace_id,
        policy_key=revision.policy_key,
        policy_version=revision.version,
        gate_verdict=DecisionRecord.Verdict.ALLOW,
        origin=DecisionRecord.Origin.GATE,
        occurred_at__gte=since,
        occurred_at__lt=until,
        **{key: value or None if key == "options" else value for key, value in segment.items()},
    ).exclude(rollout_arm=DecisionRecord.Arm.CANARY)
    told = first_of_each_case(allowed).annotate(
        day=TruncDate("occurred_at", tzinfo=UTC), succeeded=ruling_success(labels_as_of)
    )
    if people_label(revision.workspace, revision.policy_key, revision.created_at):
        return count_drawn(revision, segment, told, as_of=labels_as_of)
    counted = told.values("day").annotate(labelled=Count("succeeded"), failures=Count("pk", filter=Q(succeeded=False)))
    return list(counted.order_by("day").values_list("day", "labelled", "failures"))


def _raise_alarm(seen: SegmentLook) -> None:
    """Store the alarm and the proposal to go back; once for each revision, whatever later looks show.

    Raises
    ------
    Conflict
        Another version has taken effect meanwhile: there is nothing to go back from.
    """
    look = seen.look
    if PolicyAlarm.objects.filter(revision=look.revision).exists():
        return
    alarm = PolicyAlarm.objects.create(
        revision=look.revision,
        workspace_id=look.workspace_id,
        look=look,
        proposal=_propose_going_back(seen),
        raised_at=look.at,
    )
    figures = {
        "alarm_id": alarm.pk,
        "proposal_id": alarm.proposal_id,
        "segment": dict(seen.segment),
        "labelled": look.labelled,
        "failures": look.failures,
        "promised_failure_rate": look.alpha,
    }
    announce_alarm(alarm, look.revision, figures, look.at)


def _propose_going_back(seen: SegmentLook) -> ConfidencePolicyProposal | None:
    look, revision = seen.look, seen.look.revision
    try:
        proposal = open_proposal(
            workspace=revision.workspace,
            policy_key=revision.policy_key,
            origin=ConfidencePolicyProposal.Origin.ALARM,
            title=f"Go back to what version {revision.version - 1} of {revision.policy_key} had"[:200],
            summary=explain(seen),
            config=revision.config_before,
            evidence={
                "alarm": {
                    "revision": revision.pk,
                    "policy_version": revision.version,
                    "segment": dict(seen.segment),
                    "promised_failure_rate": look.alpha,
                    "delta": look.delta,
                    "labelled": look.labelled,
                    "failures": look.failures,
                    "log_e_value": look.log_e_value,
                    "day": look.day.isoformat(),
                }
            },
        )
    except Conflict:
        raise
    except DomainError:
        # The alarm must not be lost because the definition has come to refuse the old config.
        return None
    if proposal.base_version != revision.version:
        raise Conflict("Another version of the policy has taken effect meanwhile.")
    return proposal


def explain(seen: SegmentLook) -> str:
    """Say in a sentence what a look has shown."""
    look, name = seen.look, formatting.segment(seen.segment)
    where = "" if name == formatting.segment({}) else f" for {name}"
    return (
        f"{look.failures} of {look.labelled} decisions that version {look.revision.version} allowed{where}, and whose "
        f"outcome is known, failed. The evidence for it promised at most {look.alpha:.2%}{where}. If that still held, "
        f"as much evidence against it would turn up, at any time, with a probability of at most {look.delta:g}."
    )
