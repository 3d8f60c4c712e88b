"""Evidence for follow-up auto-booking: meetings that were booked, and what became of them."""

from __future__ import annotations

from django.conf import settings
from django.db.models import BooleanField, Case, F, Q, Value, When

from calibration.evidence.contract import EvidenceRequest
from calibration.evidence.rows import DecisionRows, QuerysetSource
from telemetry.models import FollowUpBooking


class FollowUpAutoBookSource(QuerysetSource):
    """`CONFIDENCE_BOOKING_OUTCOMES` says which outcomes are successes and which failures; others are no label."""

    name = "follow-up bookings"
    policy_keys = frozenset({"followup.auto_book"})
    segment_keys = ("provider", "model")

    def rows(self, request: EvidenceRequest) -> DecisionRows:
        meaning = settings.CONFIDENCE_BOOKING_OUTCOMES
        return DecisionRows(
            queryset=FollowUpBooking.objects.all(),
            at="created_at",
            confidence="parse_confidence",
            success=Case(
                When(Q(outcome_at__gt=request.labels_as_of), then=Value(None)),
                When(outcome__in=meaning["success"], then=Value(True)),
                When(outcome__in=meaning["failure"], then=Value(False)),
                output_field=BooleanField(null=True),
            ),
            segment={key: F(key) for key in self.segment_keys},
            case_key="case_key",
            threshold=F("threshold"),
        )
