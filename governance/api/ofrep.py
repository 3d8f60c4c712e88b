"""HTTP API of governance: OpenFeature remote evaluation."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from confidence_project.foundation import problems
from confidence_project.foundation.bodies import media_type, read_body
from confidence_project.foundation.routes_in_logs import where
from governance.access.authentication import workspace_of
from governance.models import ApiKey
from governance.policies import ofrep

logger = logging.getLogger(__name__)

JSON = "application/json"
ERROR_CODES: Mapping[type[Exception], str] = {
    ParseError: "PARSE_ERROR",
    ofrep.MalformedRequest: "PARSE_ERROR",
    ofrep.InvalidContext: "INVALID_CONTEXT",
    ofrep.FlagNotFound: "FLAG_NOT_FOUND",
}


def ofrep_exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Answer with the status and headers of every endpoint, and a body in the words of the protocol."""
    response = problems.exception_handler(error, context)
    if response is None:
        logger.error("An evaluation failed.\n%s", where(error))
        response = problems.respond(problems.http_problem(500, "internal_error", "Something went wrong on our side."))
    detail = problems.Problem.model_validate_json(response.content).detail
    failure = {"errorCode": ERROR_CODES.get(type(error), "GENERAL"), "errorDetails": detail}
    response.content = json.dumps(context["kwargs"] | failure).encode()
    response["Content-Type"] = JSON
    return response


@csrf_exempt
def unknown_endpoint(request: HttpRequest) -> HttpResponse:
    """The last route below `/ofrep/`: 404 in the words of the protocol, whatever the method and whoever asks."""
    return ofrep_exception_handler(problems.no_such_endpoint(request), {"kwargs": {}})


# The protocol publishes an OpenAPI document of its own.
@extend_schema(exclude=True)
class OfrepView(APIView):
    """What both evaluation endpoints share."""

    required_scopes = {"POST": ApiKey.Scope.READ}

    def get_exception_handler(self) -> Callable[..., HttpResponse]:
        return ofrep_exception_handler

    def evaluation_context(self, request: Request) -> ofrep.EvaluationContext:
        if media_type(request._request) != JSON:
            raise UnsupportedMediaType("", detail=f"Send {JSON}.")
        return ofrep.parse_context(read_body(request._request))


class EvaluateFlag(OfrepView):
    """POST: one flag."""

    def post(self, request: Request, key: str) -> Response:
        context = self.evaluation_context(request)
        return Response(ofrep.evaluate_flag(workspace_of(request), key, context))


class EvaluateFlags(OfrepView):
    """POST: every flag, or 304 when the client has them already."""

    def post(self, request: Request) -> Response:
        context = self.evaluation_context(request)
        flags = ofrep.evaluate_all_flags(workspace_of(request), context)
        tag = ofrep.entity_tag(flags, context)
        headers = {"ETag": f'"{tag}"'}
        if ofrep.is_current(request.headers.get("If-None-Match", ""), tag):
            return Response(status=304, headers=headers)
        return Response({"flags": flags}, headers=headers)
