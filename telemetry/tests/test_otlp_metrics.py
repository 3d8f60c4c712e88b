"""Metrics over OTLP: not kept, and answered as the protocol wants it, so that no exporter tries again."""

from __future__ import annotations

import gzip
import json
import logging

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from governance.models import ApiKey
from governance.tests.factories import ApiKeyFactory
from telemetry.models import Reception
from telemetry.tests.otlp_messages import PROTOBUF, Exporter

pytestmark = pytest.mark.django_db(transaction=True)

METRICS = [
    Metric(name="tokens", sum=Sum(data_points=[NumberDataPoint(as_int=7), NumberDataPoint(as_int=8)])),
    Metric(name="load", gauge=Gauge(data_points=[NumberDataPoint(as_double=0.5)])),
    Metric(name="duration", histogram=Histogram(data_points=[HistogramDataPoint(count=1, sum=2.5)])),
    Metric(name="nothing"),
]
BODY = ExportMetricsServiceRequest(
    resource_metrics=[ResourceMetrics(scope_metrics=[ScopeMetrics(metrics=METRICS)])]
).SerializeToString()
POINT = {
    "asInt": "7",
    "timeUnixNano": "1793606401000000000",
    "exemplars": [{"traceId": "5b8aa5a2d2c872e8321cf37308d6"}],
}
DOCUMENT = {
    "resourceMetrics": [{"scopeMetrics": [{"metrics": [
        {"name": "tokens", "sum": {"dataPoints": [POINT, POINT]}},
        {"name": "duration", "exponentialHistogram": {"dataPoints": [{"count": "1"}]}},
    ]}]}]
}  # fmt: skip


@pytest.fixture
def key():
    return ApiKeyFactory()


@pytest.fixture
def exporter(key):
    return Exporter(key.plain)


@pytest.mark.parametrize("packed", [False, True])
def test_metrics__in_protobuf__every_point_rejected_in_protobuf(key, exporter, packed):
    body, headers = (gzip.compress(BODY), {"Content-Encoding": "gzip"}) if packed else (BODY, {})

    reply = exporter.post(body, path="/v1/metrics", **headers)

    assert (reply.status_code, reply["Content-Type"]) == (200, PROTOBUF)
    partial = ExportMetricsServiceResponse.FromString(reply.content).partial_success
    assert (partial.rejected_data_points, "not kept" in partial.error_message) == (4, True)
    row = Reception.objects.get()
    assert (row.workspace, row.kind, row.fate, row.number) == (key.workspace, "metric", "not_kept", 4)


def test_metrics__in_json__every_point_rejected_in_json(exporter):
    reply = exporter.post(json.dumps(DOCUMENT).encode(), "application/json", "/v1/metrics")

    assert (reply.status_code, reply["Content-Type"]) == (200, "application/json")
    assert reply.json()["partialSuccess"]["rejectedDataPoints"] == "3"


@pytest.mark.parametrize("body, content_type", [(b"", PROTOBUF), (b"{}", "application/json")])
def test_metrics__none__success(exporter, body, content_type):
    reply = exporter.post(body, content_type, "/v1/metrics")

    assert (reply.status_code, reply.content) == (200, body)
    assert not Reception.objects.exists()


@pytest.mark.parametrize("plain, status", [
    (lambda: "prefix12.wrong", 401),
    (lambda: ApiKeyFactory(scopes=[ApiKey.Scope.READ]).plain, 403),
])  # fmt: skip
def test_metrics__without_a_key_that_may__refused_in_the_words_of_the_protocol(plain, status):
    reply = Exporter(plain()).post(BODY, path="/v1/metrics")

    assert (reply.status_code, reply["Content-Type"]) == (status, PROTOBUF)
    assert Status.FromString(reply.content).message


def test_metrics__from_the_sdk__taken_at_once_and_not_sent_again(key, live_server, caplog):
    exporter = OTLPMetricExporter(
        endpoint=f"{live_server.url}/v1/metrics", headers={"Authorization": f"Bearer {key.plain}"}, timeout=10
    )
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)])
    provider.get_meter("a host").create_counter("calls").add(3)

    with caplog.at_level(logging.WARNING, "opentelemetry"):
        assert provider.force_flush(10_000)
        provider.shutdown()

    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]
    assert Reception.objects.get().number >= 1
