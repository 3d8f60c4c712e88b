"""Routes of telemetry below /api/v1/."""

from django.urls import path

from telemetry.api import (
    BOOKING,
    BOOKING_OUTCOME,
    DISPOSITION,
    DRAFT,
    INTERACTION,
    OVERRIDE,
    OVERSEER_DECISION,
    SENTIMENT,
)

urlpatterns = [
    path("interactions", INTERACTION.collection().as_view(), name="interactions"),
    path("interactions/<int:pk>", INTERACTION.detail().as_view(), name="interaction"),
    path("drafts", DRAFT.collection().as_view(), name="drafts"),
    path("drafts/dispositions", DISPOSITION.later_facts().as_view(), name="draft-dispositions"),
    path("drafts/<int:pk>", DRAFT.detail().as_view(), name="draft"),
    path("sentiments", SENTIMENT.collection().as_view(), name="sentiments"),
    path("sentiments/<int:pk>", SENTIMENT.detail().as_view(), name="sentiment"),
    path("overseer-decisions", OVERSEER_DECISION.collection().as_view(), name="overseer-decisions"),
    path("overseer-decisions/overrides", OVERRIDE.later_facts().as_view(), name="overseer-decision-overrides"),
    path("overseer-decisions/<int:pk>", OVERSEER_DECISION.detail().as_view(), name="overseer-decision"),
    path("bookings", BOOKING.collection().as_view(), name="bookings"),
    path("bookings/outcomes", BOOKING_OUTCOME.later_facts().as_view(), name="booking-outcomes"),
    path("bookings/<int:pk>", BOOKING.detail().as_view(), name="booking"),
]
