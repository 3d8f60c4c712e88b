"""Routes of the ledger below /api/v1/."""

from django.urls import path

from ledger import api

urlpatterns = [
    path("decisions", api.Decisions.as_view(), name="decisions"),
    path("decisions/<uuid:pk>", api.Decision.as_view(), name="decision"),
    path("decisions/<uuid:pk>/entry", api.DecisionEntry.as_view(), name="decision-entry"),
    path("decisions/<uuid:pk>/receipt", api.DecisionReceipt.as_view(), name="decision-receipt"),
    path("outcomes", api.Outcomes.as_view(), name="outcomes"),
    path("judge-verdicts", api.JudgeVerdicts.as_view(), name="judge-verdicts"),
]
