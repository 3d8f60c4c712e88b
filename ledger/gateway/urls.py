"""Routes of the gateway, below `/v1/`; google-genai asks below `/v1beta/` unless told otherwise."""

from django.urls import path

from ledger.gateway.api import Decide, Models

urlpatterns = [
    path("v1/decisions", Decide.as_view(), name="gateway-decisions"),
    path("v1beta/decisions", Decide.as_view(), name="gateway-decisions-beta"),
    path("v1/models", Models.as_view(), name="gateway-models"),
    path("v1beta/models", Models.as_view(), name="gateway-models-beta"),
    path("v1/systemone", Decide.as_view(), name="gateway-systemone"),
]
