"""The OTLP/HTTP wire: requests in protobuf and JSON, their replies, and errors as `google.rpc.Status`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from rest_framework.exceptions import ParseError, UnsupportedMediaType

from confidence_project.foundation.bodies import media_type, read_body

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

CODE_OF_STATUS: Mapping[int, int] = {400: 3, 401: 16, 403: 7, 404: 5, 413: 8, 415: 3, 429: 8, 503: 14}
"""HTTP status to the code of google.rpc.Code; any other is UNKNOWN (2)."""

_IDS = ("traceId", "spanId")
_PARENT = "parentSpanId"

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True, slots=True)
class Signal:
    """The names of one signal on the wire: groups hold scopes, and scopes hold records."""

    request: type[Message]
    response: type[Message]
    record: type[Message]
    groups: str
    scopes: str
    records: str
    rejected: str
    fields: tuple[str, ...]


TRACES = Signal(
    request=ExportTraceServiceRequest,
    response=ExportTraceServiceResponse,
    record=Span,
    groups="resource_spans",
    scopes="scope_spans",
    records="spans",
    rejected="rejected_spans",
    fields=(*_IDS, _PARENT, "startTimeUnixNano", "endTimeUnixNano", "attributes", "events", "status"),
)
LOGS = Signal(
    request=ExportLogsServiceRequest,
    response=ExportLogsServiceResponse,
    record=LogRecord,
    groups="resource_logs",
    scopes="scope_logs",
    records="log_records",
    rejected="rejected_log_records",
    fields=(*_IDS, "timeUnixNano", "observedTimeUnixNano", "attributes", "eventName"),
)
METRICS = Signal(
    request=ExportMetricsServiceRequest,
    response=ExportMetricsServiceResponse,
    record=Metric,
    groups="resource_metrics",
    scopes="scope_metrics",
    records="metrics",
    rejected="rejected_data_points",
    fields=("gauge", "sum", "histogram", "exponentialHistogram", "summary"),
)

MOST_MESSAGES = 20
"""So many reasons stand in a reply: a host that names a thousand evaluators needs no thousand sentences."""


def read_records(request: HttpRequest, signal: Signal) -> Iterator[tuple[Resource, Any]]:
    """Yield each record of the body with its resource; None stands for a record that cannot be read.

    Raises
    ------
    ParseError, BodyTooLarge, UnsupportedMediaType
        Nothing of the body could be used.
    """
    if media_type(request) == PROTOBUF:
        return _read_protobuf(read_body(request, may_be_empty=True), signal)
    if media_type(request) == JSON:
        return _read_json(read_body(request), signal)
    raise UnsupportedMediaType("", detail=f"Send {PROTOBUF} or {JSON}.")


def _read_protobuf(body: bytes, signal: Signal) -> Iterator[tuple[Resource, Any]]:
    message = signal.request()
    try:
        message.ParseFromString(body)
    except DecodeError:
        raise ParseError("The body is not an OTLP message.") from None
    return (
        (group.resource, record)
        for group in getattr(message, signal.groups)
        for scope in getattr(group, signal.scopes)
        for record in getattr(scope, signal.records)
    )


def _read_json(body: bytes, signal: Signal) -> Iterator[tuple[Resource, Any]]:
    try:
        document = json.loads(body)
        found = [
            (_resource(group.get("resource")), record)
            for group in document.get(_camel(signal.groups)) or []
            for scope in group.get(_camel(signal.scopes)) or []
            for record in scope.get(_camel(signal.records)) or []
        ]
    except (ValueError, RecursionError, AttributeError, TypeError):
        raise ParseError("The body is not an OTLP message in JSON.") from None
    return ((resource, _record(raw, signal)) for resource, raw in found)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _resource(raw: Any) -> Resource:
    return _message({} if raw is None else raw, Resource()) or Resource()


def _record(raw: Any, signal: Signal) -> Any:
    """Return one record; each is read on its own, so that a broken one does not cost the others."""
    if not isinstance(raw, dict):
        return None
    fields = {name: raw[name] for name in signal.fields if name in raw}
    try:
        # In OTLP's JSON ids are hex, where protobuf's own JSON has base64.
        fields |= {name: _bytes(fields[name]) for name in _IDS if name in fields}
    except (ValueError, TypeError):
        return None
    try:
        fields |= {name: _bytes(fields[name]) for name in (_PARENT,) if name in fields}
    except (ValueError, TypeError):
        # A span whose parent cannot be read is a span all the same.
        del fields[_PARENT]
    return _message(fields, signal.record())


def _bytes(digits: Any) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()


def _message(raw: Any, message: MessageT) -> MessageT | None:
    """Fill `message` from JSON; None when it does not fit."""
    try:
        # JSON can escape a lone surrogate, UTF-8 cannot hold it, and the parser of protobuf breaks on it.
        json.dumps(raw, ensure_ascii=False).encode()
        return json_format.ParseDict(raw, message, ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def reply(request: HttpRequest, signal: Signal, rejected: int, reasons: Iterable[str]) -> HttpResponse:
    """Return 200, with a partial success when something was wrong: how many records were rejected, and the reasons.

    None rejected and a message is the protocol's way to warn about records that were taken.
    """
    response: Any = signal.response()
    told = sorted(set(reasons))
    if told:
        more = [f"And {len(told) - MOST_MESSAGES} more reasons."] if len(told) > MOST_MESSAGES else []
        setattr(response.partial_success, signal.rejected, rejected)
        response.partial_success.error_message = " ".join([*told[:MOST_MESSAGES], *more])
    return _respond(request, response, status=200)


def reply_error(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """Return an error as `google.rpc.Status`, in the request's type."""
    return _respond(request, Status(code=CODE_OF_STATUS.get(status, 2), message=message), status)


def _respond(request: HttpRequest, message: Message, status: int) -> HttpResponse:
    if media_type(request) == PROTOBUF:
        return HttpResponse(message.SerializeToString(), status=status, content_type=PROTOBUF)
    return HttpResponse(json_format.MessageToJson(message, indent=None), status=status, content_type=JSON)
