"""The addresses that SDKs of decision models are pointed at: `POST /v1/decisions` and `POST /v1/systemone`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.views import APIView

from confidence_project.foundation.bodies import media_type, read_body
from confidence_project.foundation.errors import FieldProblem, InvalidInput
from confidence_project.foundation.ingest import JSON, read_document
from confidence_project.foundation.problems import exception_handler
from governance.access.authentication import ApiKeyAuthentication, api_key_of, key_last_read, workspace_of
from governance.models import ApiKey
from governance.policies import current_version
from governance.vocabulary import is_visible
from ledger.gateway.asking import Asking, gate_request, models_of
from ledger.gateway.protocols import GOOGLE_KEY, Dialect, dialect_of, error_body

CASE = "X-Confidence-Case"
VERDICT = "X-Confidence"


class GatewayKeyAuthentication(ApiKeyAuthentication):
    """Our key in the header in which each SDK sends its own: as a bearer, or as Google's."""

    headers = (*ApiKeyAuthentication.headers, GOOGLE_KEY)

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        # Composing the query for the key costs a fifth of the gateway's CPU; the version says that it still stands.
        key = key_last_read(request._request)
        if key is not None and current_version(key.workspace_id) == key.governed_by:
            return None, key
        return super().authenticate(request)


def sdk_error(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Return what the problem of `error` is in the form of the SDK that asked: the same status and headers."""
    problem = exception_handler(error, context)
    if problem is None:
        return None
    told = json.loads(problem.content)
    request = context["request"]._request
    dialect = dialect_of(request.path, request.headers)
    body = error_body(dialect, problem.status_code, told["code"], told["detail"], told.get("errors") or ())
    response = HttpResponse(body, status=problem.status_code, content_type=JSON)
    for name in ("Retry-After", "WWW-Authenticate"):
        if name in problem.headers:
            response[name] = problem.headers[name]
    return response


class GatewayView(APIView):
    """What is asked by an SDK of another's server."""

    schema = None
    authentication_classes = [GatewayKeyAuthentication]

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], HttpResponse | None]:
        return sdk_error


class Decide(GatewayView):
    """Both addresses. A block is a reply like any other: SDKs ask again after an error."""

    required_scopes = {"POST": ApiKey.Scope.DECIDE}

    def post(self, request: Request) -> HttpResponse:
        http = request._request
        if media_type(http) != JSON:
            raise UnsupportedMediaType("", detail=f"Send {JSON}; parts with images are not taken.")
        raw = read_body(http)
        body = _document(raw)
        asking = Asking(
            dialect=dialect_of(http.path, http.headers, body),
            raw=raw,
            body=body,
            caller=api_key_of(request).prefix,
            idempotency_key=http.headers.get("Idempotency-Key", ""),
            case_key=_case_key(http),
        )
        gated = gate_request(workspace_of(request), asking)
        headers = dict(gated.headers)
        if gated.answers:
            headers[VERDICT] = f"{gated.verdict};allowed={gated.allowed};answers={gated.answers}"
        return HttpResponse(gated.body, status=gated.status, content_type=JSON, headers=headers)


class Models(GatewayView):
    """What SDKs list models by, passed on."""

    required_scopes = {"GET": ApiKey.Scope.DECIDE}

    def get(self, request: Request) -> HttpResponse:
        http = request._request
        # OpenAI's and System One's clients ask alike; of two servers, the first is the one that is meant more often.
        is_google = dialect_of(http.path, http.headers) is Dialect.GOOGLE or "/v1beta/" in http.path
        dialects = [Dialect.GOOGLE] if is_google else [Dialect.OPENAI, Dialect.SYSTEM_ONE]
        listed = models_of(workspace_of(request), dialects)
        return HttpResponse(listed.body, status=listed.status, content_type=JSON, headers=dict(listed.headers))


def _document(raw: bytes) -> Any:
    try:
        body = read_document(raw)
        if b"\\ud" in raw.lower():
            json.dumps(body, ensure_ascii=False).encode()
    except ParseError as error:
        raise _refused("json", str(error.detail)) from error
    except UnicodeEncodeError as error:
        raise _refused("json", "The body holds half of a surrogate pair.") from error
    return body


def _refused(code: str, detail: str) -> InvalidInput:
    return InvalidInput(detail, [FieldProblem("", code, detail)])


def _case_key(http: HttpRequest) -> str:
    case_key = http.headers.get(CASE, "")
    if case_key and not is_visible(case_key):
        raise _refused("name", f"The header {CASE} has 1 to 200 visible characters (ASCII) and no white space.")
    return case_key
