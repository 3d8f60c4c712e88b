"""The id that a proxy gave a request (`X-Request-ID`), for the histories that are written while it is served."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

_SOUND = re.compile(r"[A-Za-z0-9._:\-]{1,64}")

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """Return the id of the request that is being served; "" for none, and outside of requests."""
    return _request_id.get()


class RequestIdMiddleware:
    """Keeps the id of each request while it is served. What does not look like an id is not kept."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        token = _request_id.set(given if _SOUND.fullmatch(given) else "")
        try:
            return self.get_response(request)
        finally:
            _request_id.reset(token)
