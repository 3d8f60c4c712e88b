"""Errors as RFC 9457 problem JSON: one mapping from domain errors, and the handlers that Django and DRF call.

A problem of the domain has a `type` that resolves to its page (`/problems/<code>`); a plain HTTP error has
`about:blank`, which says that its status says it all. No problem repeats a value that was sent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from pydantic import BaseModel, Field
from rest_framework import exceptions

from confidence_project.foundation import errors
from confidence_project.foundation.pagination import InvalidCursor, InvalidPageSize

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
API_PREFIXES = ("/api/", "/ofrep/", "/v1/", "/v1beta/")
RETRY_SECONDS = "2"

STATUS_OF: Mapping[type[errors.DomainError], HTTPStatus] = {
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnknownPolicyKey: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnknownField: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Gone: HTTPStatus.GONE,
    errors.PermissionRefused: HTTPStatus.FORBIDDEN,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DomainError: HTTPStatus.BAD_REQUEST,
}
"""The first class that an error is an instance of gives its status."""


class ProblemError(BaseModel):
    """One thing that is wrong with one item or parameter."""

    index: int | None = Field(default=None, description="Place of the item in a bulk, from 0; NDJSON: of its line.")
    pointer: str | None = Field(default=None, description="JSON Pointer into the item; empty: the item itself.")
    parameter: str | None = Field(default=None, description="Name of the query parameter.")
    code: str
    detail: str


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(default="about:blank", description="URI reference of the problem's page.")
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemError] | None = None


def status_of(error: type[errors.DomainError]) -> HTTPStatus:
    """Return the HTTP status of a domain error."""
    return next(status for known, status in STATUS_OF.items() if issubclass(error, known))


def listed(problems: Iterable[errors.FieldProblem]) -> list[ProblemError]:
    """Return field problems as they stand in a reply."""
    return [
        ProblemError(index=problem.index, pointer=problem.pointer, code=problem.code, detail=problem.detail)
        for problem in problems
    ]


def problem_of(error: errors.DomainError) -> Problem:
    """Return the problem that a domain error is."""
    fields = error.problems if isinstance(error, errors.InvalidInput) else ()
    return Problem(
        type=f"/problems/{error.code}",
        title=error.title,
        status=status_of(type(error)),
        detail=error.detail,
        code=error.code,
        errors=listed(fields) or None,
    )


def http_problem(status: int, code: str, detail: str, problems: list[ProblemError] | None = None) -> Problem:
    """Return a problem that is no more than its HTTP status."""
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, code=code, errors=problems)


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a problem as a response. A 503 says when to come back."""
    body = problem.model_dump_json(exclude_none=True)
    response = HttpResponse(body, status=problem.status, content_type=CONTENT_TYPE, headers=dict(headers or {}))
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = RETRY_SECONDS
    return response


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Map what a view raised. None for a programming error: Django logs it and calls `handle_500`."""
    if isinstance(error, errors.DomainError):
        return respond(problem_of(error))
    if isinstance(error, OperationalError | InterfaceError):
        # The kind is enough: a driver's message can quote the statement with its values.
        logger.error("database unavailable: %s", type(error.__cause__ or error).__name__)
        return respond(problem_of(errors.Unavailable("The database does not answer in time. Try again.")))
    if isinstance(error, exceptions.APIException):
        return _respond_to_api_exception(error)
    if isinstance(error, RequestDataTooBig):
        return respond(http_problem(413, "body_too_large", "The body is too large."))
    if isinstance(error, UnreadablePostError):
        return respond(http_problem(400, "incomplete_body", "The body ended before its end, or its chunks are broken."))
    if isinstance(error, Http404):
        return respond(problem_of(errors.NotFound("There is nothing here.")))
    if isinstance(error, PermissionDenied):
        return respond(problem_of(errors.PermissionRefused("You may not do this.")))
    return None


def _respond_to_api_exception(error: exceptions.APIException) -> HttpResponse:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if isinstance(error, exceptions.Throttled):
        headers["Retry-After"] = str(int(getattr(error, "wait", None) or 1))
        return respond(http_problem(429, "throttled", "Too many calls with this API key. Slow down."), headers)
    if isinstance(error, exceptions.ValidationError):
        problems = list(_parameter_problems(error.detail))
        return respond(http_problem(400, "invalid_parameters", "A query parameter is not valid.", problems))
    if isinstance(error, InvalidCursor | InvalidPageSize):
        problems = [ProblemError(parameter=error.parameter, code=error.default_code, detail=error.rule)]
        return respond(http_problem(error.status_code, error.default_code, str(error.detail), problems))
    return respond(http_problem(error.status_code, str(error.get_codes()), str(error.detail)), headers)


def _parameter_problems(detail: Any) -> Iterator[ProblemError]:
    # The library's messages quote the value, so the code alone is told.
    for parameter, found in detail.items() if isinstance(detail, dict) else [("", detail)]:
        for each in found:
            yield ProblemError(parameter=parameter, code=each.code, detail="is not one of the values that it takes")


def _speaks_json(request: HttpRequest) -> bool:
    return request.path.startswith(API_PREFIXES)


def handle_400(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _speaks_json(request):
        return respond(http_problem(400, "bad_request", "The request is malformed."))
    return defaults.bad_request(request, exception)


def handle_403(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if _speaks_json(request):
        return respond(problem_of(errors.PermissionRefused("You may not do this.")))
    return defaults.permission_denied(request, exception)


def handle_404(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    if _speaks_json(request):
        return respond(problem_of(no_such_endpoint(request)))
    return defaults.page_not_found(request, exception or Http404())


def handle_500(request: HttpRequest) -> HttpResponseBase:
    if _speaks_json(request):
        detail = "Something went wrong on our side. If it was a write, send it again with the same external_id."
        return respond(http_problem(500, "internal_error", detail))
    return defaults.server_error(request)


def no_such_endpoint(request: HttpRequest) -> errors.NotFound:
    """Return what an unknown path below an API prefix is, with the route that superfluous slashes missed."""
    try:
        match = resolve(f"/{request.path_info.strip('/')}")
    except Resolver404:
        match = None
    # The last route of each prefix, which takes everything, has no name.
    if match and match.url_name:
        return errors.NotFound(f"There is no such endpoint; /{match.route} is one. Send the path without that slash.")
    return errors.NotFound("There is no such endpoint. /api/docs lists those that exist.")


@csrf_exempt
def unknown_endpoint(request: HttpRequest) -> HttpResponse:
    """The last route below `/api/`: whatever the method and whoever asks, it is the path that is wrong."""
    return respond(problem_of(no_such_endpoint(request)))


def _kinds(of: type[errors.DomainError]) -> Iterator[type[errors.DomainError]]:
    yield of
    for kind in of.__subclasses__():
        yield from _kinds(kind)


def problem_page(request: HttpRequest, code: str) -> HttpResponse:
    """The page that a problem's `type` resolves to: what the error means."""
    for kind in _kinds(errors.DomainError):
        if kind.code == code:
            meaning = (kind.__doc__ or "").strip()
            context = {"code": code, "title": kind.title, "meaning": meaning, "status": status_of(kind)}
            return render(request, "problem.html", context)
    raise Http404
