"""Routes of the ledger below /api/v1/."""

from django.urls import path

from ledger import api

urlpatterns = [
    path("decisions", api.Decisions.as_view(), name="decisions"),
    path("decisions/<uuid:pk>", api.Decision.as_view(), name="decision"),
    path("outcomes", api.Outcomes.as_view(), name="outcomes"),
]
