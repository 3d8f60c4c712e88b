"""Routes of the ledger below /api/v1/."""

from django.urls import path

from ledger import api
from ledger.labelling.api import JudgeVerdicts, Labels, LabelsQueue

urlpatterns = [
    path("decisions", api.Decisions.as_view(), name="decisions"),
    path("decisions/<uuid:pk>", api.Decision.as_view(), name="decision"),
    path("decisions/<uuid:pk>/entry", api.DecisionEntry.as_view(), name="decision-entry"),
    path("decisions/<uuid:pk>/receipt", api.DecisionReceipt.as_view(), name="decision-receipt"),
    path("labels", Labels.as_view(), name="labels"),
    path("labels/queue", LabelsQueue.as_view(), name="labels-queue"),
    path("outcomes", api.Outcomes.as_view(), name="outcomes"),
    path("judge-verdicts", JudgeVerdicts.as_view(), name="judge-verdicts"),
]
