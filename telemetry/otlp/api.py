"""The OTLP endpoints: `POST /v1/traces`, `/v1/logs` and `/v1/metrics`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.views import APIView

from confidence_project.foundation.bodies import BodyTooLarge
from confidence_project.foundation.negotiation import OneType
from confidence_project.foundation.problems import exception_handler, no_such_endpoint
from governance.access.authentication import workspace_of
from governance.models import ApiKey, Workspace
from telemetry.models.otlp import Fate, Kind
from telemetry.otlp.receiving import Records, receive_logs, receive_metrics, receive_spans
from telemetry.otlp.reception import Received
from telemetry.otlp.wire import LOGS, METRICS, TRACES, Signal, read_records, reply, reply_error


def otlp_error(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Return what the problem of `error` is in OTLP: the same status and headers, a `google.rpc.Status` as body."""
    problem = exception_handler(error, context)
    if problem is None:
        return None
    response = reply_error(context["request"], problem.status_code, json.loads(problem.content)["detail"])
    for name in ("Retry-After", "WWW-Authenticate"):
        if name in problem.headers:
            response[name] = problem.headers[name]
    return response


@csrf_exempt
def unknown_endpoint(request: HttpRequest) -> HttpResponse:
    """The last route below `/v1/`: 404 as `google.rpc.Status`, which is final, so that exporters give up."""
    return reply_error(request, 404, no_such_endpoint(request).detail)


class _Export(APIView):
    schema = None
    content_negotiation_class = OneType  # that of the request
    required_scopes = {"POST": ApiKey.Scope.INGEST}

    signal: ClassVar[Signal]

    def receive(self, workspace: Workspace, records: Records) -> Received:
        """Take the records; say what became of them."""
        raise NotImplementedError

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], HttpResponse | None]:
        return otlp_error

    def post(self, request: Request) -> HttpResponse:
        http, workspace = request._request, workspace_of(request)
        try:
            records = read_records(http, self.signal)
        except APIException as error:
            unread = Received()
            unread.count(Kind.EXPORT, Fate.TOO_LARGE if isinstance(error, BodyTooLarge) else Fate.UNREADABLE)
            unread.keep(workspace)
            raise
        received = self.receive(workspace, records)
        received.keep(workspace)
        return reply(http, self.signal, received.rejected, received.reasons)


class ExportTraces(_Export):
    """Spans."""

    signal = TRACES

    def receive(self, workspace: Workspace, records: Records) -> Received:
        return receive_spans(workspace, records)


class ExportLogs(_Export):
    """Log records."""

    signal = LOGS

    def receive(self, workspace: Workspace, records: Records) -> Received:
        return receive_logs(workspace, records)


class ExportMetrics(_Export):
    """Metrics: taken off the exporter's hands, and not kept."""

    signal = METRICS

    def receive(self, workspace: Workspace, records: Records) -> Received:
        return receive_metrics(workspace, records)
