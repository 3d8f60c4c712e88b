"""Whatever a broken or hostile exporter sends is read, rejected span by span, or refused as a whole; nothing fails."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from telemetry.models.otlp import Kind
from telemetry.otlp.evaluations import EVALUATION_RESULT
from telemetry.otlp.receiving import read_each, read_whole_span
from telemetry.otlp.reception import Received
from telemetry.otlp.wire import TRACES, read_records
from telemetry.tests.otlp_messages import PROTOBUF, exception_event, failed, span, traces

ANSWER = {"type": "choice", "choice": "a", "confidence": 0.9, "probabilities": [{"value": "a", "probability": 0.9}]}
DECISION = {
    "openinference.span.kind": "DECISION",
    "decision.system": "openai",
    "confidence.policy_key": "confidence_gate",
    "output.value": json.dumps({"model": "luna-1", "answers": [ANSWER]}),
}
BODY = traces(
    span(1),
    span(2, DECISION),
    span(3, **failed(), events=[exception_event("KeyError", "text")]),
    service__name="mailer",
).SerializeToString()
DOCUMENT = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "mailer"}}]},
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": "0af7651916cd43dd8448eb211c80319c",
                            "spanId": "b7ad6b7169203331",
                            "startTimeUnixNano": "1767225600000000000",
                            "endTimeUnixNano": 1767225601000000000,
                            "status": {"code": 2},
                            "events": [{"name": EVALUATION_RESULT, "attributes": []}, {"name": "exception"}],
                            "attributes": [
                                {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "11"}},
                            ],
                        }
                    ]
                }
            ],
        }
    ]
}
ODD = st.sampled_from(
    [None, True, -1, 10**30, 1e400, float("nan"), "", "x", "9" * 400, "\ud800", "\x00", [], {}, [[]], [{}], {"a": 1}]
)


def read(body, content_type):
    """What the endpoint does before it writes; every error but a refusal of the whole body comes through."""
    request = RequestFactory().post("/v1/traces", body, content_type=content_type)
    with suppress(ParseError):
        list(read_each(read_records(request, TRACES), read_whole_span, Kind.SPAN, Received()))


@settings(deadline=None)
@given(edits=st.lists(st.tuples(st.integers(0, len(BODY) - 1), st.integers(0, 4), st.binary(max_size=4)), min_size=1))
def test_read__protobuf_with_bytes_changed__read_or_refused(edits):
    body = bytearray(BODY)
    for place, length, inserted in edits:
        body[place : place + length] = inserted

    read(bytes(body), PROTOBUF)


@st.composite
def mutated(draw, value=None):
    """A document like `value` with something odd in one place."""
    inner = isinstance(value, dict | list) and value and draw(st.integers(0, 9))
    if not inner:
        return draw(ODD)
    copy = value.copy()
    place = draw(st.sampled_from(sorted(copy) if isinstance(copy, dict) else range(len(copy))))
    copy[place] = draw(mutated(copy[place]))
    return copy


@settings(deadline=None)
@given(document=mutated(DOCUMENT))
def test_read__json_with_something_odd_inside__read_or_refused(document):
    read(json.dumps(document).encode(), "application/json")


@pytest.mark.parametrize("depth", [50, 500, 5_000, 50_000])
def test_read__json_nested_deeply__read_or_refused(depth):
    attribute = '{"key": "a", "value": ' + '{"arrayValue": {"values": [' * depth + "]}}" * depth + "}"
    body = json.dumps(DOCUMENT).replace('"attributes": [{', f'"attributes": [{attribute}, {{', 1)

    read(body.encode(), "application/json")
