"""Bookings of follow-ups, labelled by what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.conf import settings

from governance.definitions import STANDARD_ACTIONS, PolicyDefinition, Toggle, confidence_threshold
from ledger.domains.domain import Domain, Label, Told
from ledger.models import DecisionOutcome
from ledger.reasons import PipelineReason
from telemetry.models import FollowUpBooking


def _told(booking: FollowUpBooking) -> Told:
    return Told(
        allowed=booking.auto_booked,
        confidence=booking.parse_confidence,
        threshold=booking.threshold,
        provider=booking.provider,
        model=booking.model,
        case_key=booking.case_key,
        action_type="book",
    )


def _labels(bookings: Sequence[FollowUpBooking]) -> Mapping[int, Label]:
    """Label bookings by `CONFIDENCE_BOOKING_OUTCOMES`; an outcome in neither of its lists is no label."""
    meaning = settings.CONFIDENCE_BOOKING_OUTCOMES
    return {
        booking.pk: Label(
            success=booking.outcome in meaning["success"],
            source=DecisionOutcome.Source.BOOKING.value,
            observed_at=booking.outcome_at or booking.created_at,
            automation_executed=booking.auto_booked,
        )
        for booking in bookings
        if booking.outcome in (*meaning["success"], *meaning["failure"])
    }


BOOKINGS = Domain(
    definition=PolicyDefinition(
        key="followup.auto_book",
        title="Follow-up auto-booking",
        description="Books a meeting when a reply's proposed times match the calendar.",
        fields=(
            confidence_threshold(
                "proposed_times_match_threshold", 0.9, "Least confidence for booking without a person"
            ),
        ),
        actions={**STANDARD_ACTIONS, "book": {}},
        toggle=Toggle("auto_book_meetings", PipelineReason.AUTO_BOOKING_DISABLED),
    ),
    model=FollowUpBooking,
    link="booking",
    is_decision=lambda booking: True,
    told=_told,
    labels=_labels,
)
