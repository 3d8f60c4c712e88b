"""Verdicts as OpenTelemetry events and metrics, sent to a collector that speaks OTLP/HTTP, or to one that does not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from django.db import transaction
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from governance.tests.factories import WorkspaceFactory
from ledger.contracts import DecisionGatePayload
from ledger.emission import restart_emission
from ledger.gate import GateVerdict, Reason
from ledger.models import DecisionRecord
from ledger.pipelines.decisions import decide, decide_many
from ledger.services import DecisionLedger
from ledger.tests.bodies import llm_decision, submission
from ledger.tests.pipelines.servers import http_server
from telemetry.tests.openai_server import SECRET

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def exported(monkeypatch):
    """Sets `OTEL_*` variables; exporters start with the next verdict and have sent everything once `flush` returns."""

    def configure(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        restart_emission()

    configure(OTEL_EXPORTER_OTLP_TIMEOUT="1")
    yield configure
    restart_emission()


@pytest.fixture
def collector(exported):
    with http_server() as server:
        exported(OTEL_EXPORTER_OTLP_ENDPOINT=server.url)
        yield server
        restart_emission()


@pytest.fixture
def workspace():
    return WorkspaceFactory(slug="acme-support")


def events(collector):
    """The events that arrived: their attributes."""
    restart_emission()
    found = []
    for body in collector.bodies("/v1/logs"):
        for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
            for scope in resource.scope_logs:
                found += [_attributes(record) for record in scope.log_records]
                assert {record.event_name for record in scope.log_records} == {"confidence.decision"}
    return found


def points(collector, name):
    """The last points of a metric that arrived: attributes and point."""
    restart_emission()
    found = []
    for resource in ExportMetricsServiceRequest.FromString(collector.bodies("/v1/metrics")[-1]).resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name == name:
                    found += getattr(metric, metric.WhichOneof("data")).data_points
    return [(_attributes(point), point) for point in found]


def _attributes(owner):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in owner.attributes}


def test_decide__allowed_and_blocked__an_event_each(collector, workspace):
    allowed = decide(workspace=workspace, submission=submission(policy_key="decision_gate", ml_risk_score=0.1)).record
    blocked = decide(workspace=workspace, submission=submission(decision={"note": SECRET})).record
    first, second = events(collector)
    assert first == {
        "confidence.decision_id": str(allowed.pk),
        "confidence.workspace": "acme-support",
        "confidence.policy_key": "decision_gate",
        "confidence.policy_version": 0,
        "confidence.verdict": "allow",
        "confidence.reason": "allowed",
        "confidence.kind": "unspecified",
        "confidence.value": 0.95,
        "confidence.risk": 0.1,
        "gen_ai.provider.name": "acme",
        "gen_ai.response.model": "acme-1",
    }
    assert (second["confidence.decision_id"], second["confidence.reason"]) == (str(blocked.pk), "schema_invalid")
    assert "confidence.value" not in second
    assert SECRET.encode() not in b"".join(body for _, body in collector.requests)


def test_decide__several__counters_and_histograms(collector, workspace):
    asked = [
        submission(policy_key="decision_gate", ml_risk_score=risk, decision=llm_decision(confidence=confidence))
        for confidence, risk in ((0.95, 0.1), (0.92, 0.2), (0.3, 0.3))
    ]
    decide_many(workspace=workspace, submissions=asked)
    counts = {
        (attributes["confidence.verdict"], attributes["confidence.reason"]): point.as_int
        for attributes, point in points(collector, "confidence.gate.decisions")
    }
    assert counts == {("allow", "allowed"): 2, ("block", "llm_confidence_below_threshold"): 1}
    confidences = {a["confidence.verdict"]: p for a, p in points(collector, "confidence.gate.confidence")}
    assert (confidences["allow"].count, confidences["allow"].sum) == (2, pytest.approx(1.87))
    risks = {a["confidence.verdict"]: p for a, p in points(collector, "confidence.gate.risk")}
    assert (risks["block"].count, risks["block"].sum) == (1, pytest.approx(0.3))
    ((_, latency),) = points(collector, "confidence.ledger.commit.duration")
    assert latency.count == 1
    assert latency.sum > 0


def test_record_event__in_process__is_emitted(collector, workspace):
    payload = DecisionGatePayload(policy_key="confidence_gate", stated_confidence=0.99)
    record = DecisionLedger(workspace).record_event(payload, GateVerdict(Reason.ALLOWED))
    (event,) = events(collector)
    assert event["confidence.decision_id"] == str(record.pk)


def test_decide__same_submission_again__emitted_once(collector, workspace):
    asked = submission()
    decide(workspace=workspace, submission=asked)
    decide(workspace=workspace, submission=asked)
    assert len(events(collector)) == 1


def test_decide__nothing_committed__nothing_emitted(collector, workspace):
    with pytest.raises(RuntimeError), transaction.atomic():
        decide(workspace=workspace, submission=submission())
    assert events(collector) == []


def test_decide__collector_that_refuses__the_decision_stands(collector, workspace):
    collector.status = 400
    assert decide(workspace=workspace, submission=submission()).record.gate_verdict == "allow"
    assert len(events(collector)) == 1
    assert DecisionRecord.objects.count() == 1


def test_decide__no_collector_at_all__the_decision_stands_and_does_not_wait(exported, workspace):
    exported(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert decide(workspace=workspace, submission=submission()).record.gate_verdict == "allow"
    assert DecisionRecord.objects.count() == 1


def test_decide__variable_that_is_not_valid__the_decision_stands(exported, workspace, caplog):
    exported(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_BLRP_MAX_EXPORT_BATCH_SIZE="-1")
    assert decide(workspace=workspace, submission=submission()).record.gate_verdict == "allow"
    assert "will not be emitted" in caplog.text


OFF = [
    {},
    {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
    {
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    },
]


@pytest.mark.parametrize("variables", OFF)
def test_decide__no_exporter_configured__starts_nothing(exported, workspace, variables):
    exported(**variables)
    before = threading.enumerate()
    decide(workspace=workspace, submission=submission())
    assert threading.enumerate() == before


def test_decide__logs_only__no_metrics(collector, exported, workspace):
    exported(OTEL_METRICS_EXPORTER="none")
    decide(workspace=workspace, submission=submission())
    assert len(events(collector)) == 1
    assert collector.bodies("/v1/metrics") == []


HOST = """
import django
django.setup()
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
from django.utils import timezone
from governance.models import Workspace
from ledger.emission import emit_verdicts
from ledger.models import DecisionRecord
record = DecisionRecord(workspace=Workspace(slug="w"), timestamp=timezone.now(), gate_verdict="block")
emit_verdicts(record.workspace, [vars(record)], seconds=0.01)
(resource,) = reader.get_metrics_data().resource_metrics
print(sorted(metric.name for metric in resource.scope_metrics[0].metrics))
"""


def test_emit__host_with_providers_of_its_own__goes_through_them():
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "confidence_project.settings", "CONFIDENCE_DEV": "1"}
    done = subprocess.run([sys.executable, "-c", HOST], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['confidence.gate.decisions', 'confidence.ledger.commit.duration']"
