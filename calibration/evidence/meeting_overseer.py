"""Evidence for the meeting overseer: what it decided, and what a person decided instead."""

from __future__ import annotations

from django.db.models import BooleanField, Case, F, Q, Value, When

from calibration.evidence.contract import EvidenceRequest
from calibration.evidence.rows import DecisionRows, QuerysetSource
from telemetry.models import MeetingOverseerDecision


class MeetingOverseerSource(QuerysetSource):
    """A decision of the gate stage succeeds when a person who looked decided the same; nobody looked: unlabelled."""

    name = "meeting overseer"
    policy_keys = frozenset({"meeting.overseer.gate"})
    segment_keys = ("provider", "model")

    def rows(self, request: EvidenceRequest) -> DecisionRows:
        too_late = Q(overridden_at__gt=request.labels_as_of)
        return DecisionRows(
            queryset=MeetingOverseerDecision.objects.filter(stage=MeetingOverseerDecision.Stage.GATE),
            at="created_at",
            confidence="confidence",
            success=Case(
                When(Q(human_override="") | too_late, then=Value(None)),
                When(human_override=F("decision"), then=Value(True)),
                default=Value(False),
                output_field=BooleanField(null=True),
            ),
            segment={key: F(key) for key in self.segment_keys},
        )
