"""Routes of OTLP/HTTP, below `/v1/`."""

from django.urls import path

from telemetry.otlp.api import ExportLogs, ExportMetrics, ExportTraces

urlpatterns = [
    path("traces", ExportTraces.as_view(), name="otlp-traces"),
    path("logs", ExportLogs.as_view(), name="otlp-logs"),
    path("metrics", ExportMetrics.as_view(), name="otlp-metrics"),
]
