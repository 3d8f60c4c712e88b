"""Routes of telemetry below /api/v1/."""

from django.urls import path

from telemetry import api

urlpatterns = [
    path("interactions", api.Interactions.as_view(), name="interactions"),
    path("interactions/<int:pk>", api.InteractionsDetail.as_view(), name="interaction"),
    path("drafts", api.Drafts.as_view(), name="drafts"),
    path("drafts/dispositions", api.Dispositions.as_view(), name="draft-dispositions"),
    path("drafts/<int:pk>", api.DraftsDetail.as_view(), name="draft"),
    path("sentiments", api.Sentiments.as_view(), name="sentiments"),
    path("sentiments/<int:pk>", api.SentimentsDetail.as_view(), name="sentiment"),
    path("overseer-decisions", api.OverseerDecisions.as_view(), name="overseer-decisions"),
    path("overseer-decisions/overrides", api.Overrides.as_view(), name="overseer-decision-overrides"),
    path("overseer-decisions/<int:pk>", api.OverseerDecisionsDetail.as_view(), name="overseer-decision"),
    path("bookings", api.Bookings.as_view(), name="bookings"),
    path("bookings/outcomes", api.BookingOutcomes.as_view(), name="booking-outcomes"),
    path("bookings/<int:pk>", api.BookingsDetail.as_view(), name="booking"),
]
