"""Providers of OpenTelemetry's SDK that send over OTLP/HTTP, from a thread of their own, where `OTEL_*` says."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader


def logger_provider() -> LoggerProvider:
    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    return provider


def meter_provider() -> MeterProvider:
    return MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
