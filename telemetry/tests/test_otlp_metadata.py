"""Metadata over OTLP: attributes of a span under `confidence.metadata.`, through the same allowlist as everywhere."""

from __future__ import annotations

import json

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from governance.tests.factories import ApiKeyFactory
from telemetry.models import AIInteraction
from telemetry.tests.openai_server import SECRET
from telemetry.tests.otlp_messages import CHAT, Exporter, pairs, span

pytestmark = pytest.mark.django_db(transaction=True)

PREFIX = "confidence.metadata."
FLAT = {
    "leadContextBundle.profile": "auto_send.evaluate",
    "leadContextBundle.tokenBudget": 4000,
    "leadContextBundle.truncated": True,
    "leadContextBundle.sections.knowledge.tokens": 1500,
    "leadContextBundle.sections.memory.truncated": False,
    "followupParse.confidence": 0.93,
    "followupParse.proposedTimesCount": 2,
    "bookingGate.decision": "deny",
}
NESTED = {
    "leadContextBundle": {
        "profile": "auto_send.evaluate",
        "tokenBudget": 4000,
        "truncated": True,
        "sections": {"knowledge": {"tokens": 1500}, "memory": {"truncated": False}},
    },
    "followupParse": {"confidence": 0.93, "proposedTimesCount": 2},
    "bookingGate": {"decision": "deny"},
}


@pytest.fixture
def key():
    return ApiKeyFactory()


@pytest.fixture
def exporter(key):
    return Exporter(key.plain)


def prefixed(entries):
    return {f"{PREFIX}{path}": value for path, value in entries.items()}


def exported(exporter, *more, **entries):
    """The interaction of a chat with `entries` as attributes, and `more` in protobuf."""
    attributes = [*pairs({**CHAT, **prefixed(entries)}), *more]
    reply = exporter.export(span(attributes=attributes))
    assert not reply.HasField("partial_success")
    return AIInteraction.objects.get()


def test_metadata__dotted_paths__the_nested_statistics(exporter):
    kept = exported(exporter, **FLAT)

    assert kept.metadata == NESTED
    assert kept.metadata_removed is None


def test_metadata__a_map_in_place_of_paths__the_same(exporter):
    values = [KeyValue(key="decision", value=AnyValue(string_value="deny")), *pairs({"issuesCount": 3})]
    given = KeyValue(key=f"{PREFIX}bookingGate", value=AnyValue(kvlist_value=KeyValueList(values=values)))

    assert exported(exporter, given).metadata == {"bookingGate": {"decision": "deny", "issuesCount": 3}}


@pytest.mark.parametrize(
    "entries, removed",
    [
        ({"leadContextBundle.excerpt": SECRET}, {"unknown_key": 1}),
        ({"leadContextBundle.profile": SECRET}, {"text": 1}),
        ({"leadContextBundle.profile": SECRET * 20}, {"too_long": 1}),
        ({"leadContextBundle.tokenBudget": SECRET}, {"text": 1}),
        ({"leadContextBundle.sections": SECRET}, {"text": 1}),
        ({"leadContextBundle": SECRET}, {"text": 1}),
        ({"followupParse.confidence": float("nan")}, {"not_finite": 1}),
        ({"followupParse.confidence": 7}, {"out_of_range": 1}),
        ({"followupParse.confidence": b"\xff"}, {"wrong_type": 1}),
        ({"bookingGate.decision": "maybe"}, {"text": 1}),
        ({SECRET: 1, "prompt": SECRET}, {"unknown_key": 2}),
        ({"": SECRET, ".": SECRET, "a..b": SECRET}, {"unknown_key": 2}),
        ({".".join(["a"] * 10_000): 1}, {"unknown_key": 1}),
        ({"bookingGate.decision": "deny", "bookingGate.decision.why": SECRET}, {"wrong_type": 1}),
        ({"bookingGate": SECRET, "bookingGate.issuesCount": 1}, {"unknown_key": 1}),
    ],
)
def test_metadata__what_is_not_declared__removed_and_counted(exporter, entries, removed):
    kept = exported(exporter, **entries)

    assert kept.metadata_removed == removed
    assert kept.metadata in (None, {"bookingGate": {"issuesCount": 1}})


def test_metadata__lists__removed_whole(exporter):
    texts = ArrayValue(values=[AnyValue(string_value=SECRET)])
    given = KeyValue(key=f"{PREFIX}bookingGate.decision", value=AnyValue(array_value=texts))

    assert exported(exporter, given).metadata_removed == {"wrong_type": 1}


def test_metadata__of_the_resource__is_none_of_the_calls(exporter):
    exporter.export(span(), confidence__metadata__bookingGate__issuesCount=1)

    assert AIInteraction.objects.get().metadata is None


def test_metadata__in_json__the_same(exporter):
    message = span()
    body = {
        "traceId": message.trace_id.hex(),
        "spanId": message.span_id.hex(),
        "startTimeUnixNano": str(message.start_time_unix_nano),
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": f"{PREFIX}bookingGate.issuesCount", "value": {"intValue": "3"}},
            {"key": f"{PREFIX}bookingGate.confidence", "value": {"doubleValue": 0.5}},
            {"key": f"{PREFIX}bookingGate.note", "value": {"stringValue": SECRET}},
        ],
    }

    exporter.post(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [body]}]}]}).encode(), "application/json")

    kept = AIInteraction.objects.get()
    assert kept.metadata == {"bookingGate": {"issuesCount": 3, "confidence": 0.5}}
    assert kept.metadata_removed == {"unknown_key": 1}


def test_metadata__from_the_sdk__the_nested_statistics(key, live_server):
    exporter = OTLPSpanExporter(
        endpoint=f"{live_server.url}/v1/traces", headers={"Authorization": f"Bearer {key.plain}"}, timeout=10
    )
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    attributes = {"gen_ai.operation.name": "chat", **prefixed(FLAT), f"{PREFIX}note": SECRET}

    with provider.get_tracer("a host").start_as_current_span("chat", attributes=attributes):
        pass
    provider.shutdown()

    kept = AIInteraction.objects.get()
    assert (kept.metadata, kept.metadata_removed) == (NESTED, {"unknown_key": 1})
