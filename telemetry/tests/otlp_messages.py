"""OTLP messages for tests, and how to post them."""

from __future__ import annotations

import time
from typing import Any

from django.test import Client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

PROTOBUF = "application/x-protobuf"

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-alias",
    "gen_ai.response.model": "gpt-2026-01-31",
    "gen_ai.response.id": "chatcmpl-7",
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.output_tokens": 5,
}

TRACE = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")


def pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    names = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}
    return [KeyValue(key=key, value=AnyValue(**{names[type(value)]: value})) for key, value in attributes.items()]


def span(number: int = 1, attributes: dict[str, Any] | list[KeyValue] = CHAT, **fields: Any) -> Span:
    """A span that ended just now, 250 ms long."""
    start = time.time_ns() - 1_000_000_000
    defaults = {
        "trace_id": TRACE,
        "span_id": number.to_bytes(8, "big"),
        "name": "chat gpt-alias",
        "start_time_unix_nano": start,
        "end_time_unix_nano": start + 250_000_000,
        "attributes": pairs(attributes) if isinstance(attributes, dict) else attributes,
    }
    return Span(**{**defaults, **fields})


def failed(error: str = "") -> dict[str, Any]:
    return {"status": Status(code=Status.STATUS_CODE_ERROR, message=error)}


def exception_event(kind: str, message: str) -> Span.Event:
    return Span.Event(name="exception", attributes=pairs({"exception.type": kind, "exception.message": message}))


def traces(*spans: Span, **resource: Any) -> ExportTraceServiceRequest:
    attributes = {name.replace("__", "."): value for name, value in resource.items()}
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(resource=Resource(attributes=pairs(attributes)), scope_spans=[ScopeSpans(spans=spans)])
        ]
    )


class Exporter:
    """Posts OTLP as a client of one API key."""

    def __init__(self, key: str) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {key}"})

    def post(self, body: bytes, content_type: str = PROTOBUF, path: str = "/v1/traces", **headers: str) -> Any:
        # Named twice, because Django's client leaves it out when the body is empty.
        return self.client.post(path, body, content_type=content_type, headers=headers, CONTENT_TYPE=content_type)

    def export(self, *spans: Span, **resource: Any) -> ExportTraceServiceResponse:
        """Post spans in protobuf and return the reply, which must be a success."""
        reply = self.post(traces(*spans, **resource).SerializeToString())
        assert reply.status_code == 200
        assert reply["Content-Type"] == PROTOBUF
        return ExportTraceServiceResponse.FromString(reply.content)
