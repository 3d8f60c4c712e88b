"""Routes of OTLP/HTTP, below `/v1/`."""

from django.urls import path

from telemetry.otlp.api import ExportLogs, ExportTraces

urlpatterns = [
    path("traces", ExportTraces.as_view(), name="otlp-traces"),
    path("logs", ExportLogs.as_view(), name="otlp-logs"),
]
