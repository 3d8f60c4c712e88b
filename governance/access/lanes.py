"""Fast lanes: the plain case of an endpoint that hosts call without a pause, answered in front of Django's own handler.

The plain case is one JSON object, from a key that was used before, that can be kept as it is. Anything else a lane
declines, and the endpoint's view answers as if there were no lane: so a lane has no errors of its own, and what it does
itself is what the view does, by the same functions. It must leave nothing behind when it declines.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

from csp.utils import build_policy
from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.core.handlers.wsgi import WSGIRequest
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections
from django.http import HttpResponse, UnreadablePostError
from django.middleware.security import SecurityMiddleware
from rest_framework.exceptions import APIException

from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.registry import Registry
from governance.access.authentication import COUNTED, ApiKeyThrottle, key_last_read
from governance.models import ApiKey

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""As WSGI calls it."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The plain case of a POST.

    Parameters
    ----------
    scope
        What the key has to carry.
    status
        Of an answer.
    answer
        From the key as it was last read, the body, and the last part of a path that ends in a name, to the reply; None
        declines. The key may be revoked by now: an answer is one only if the database says that the version which the
        key is `governed_by` stands.
    """

    scope: str
    status: HTTPStatus
    answer: Callable[[ApiKey, bytes, str], Any]


logger = logging.getLogger(__name__)

DECLINING = (
    APIException,
    DatabaseError,
    DisallowedHost,
    DomainError,
    InterfaceError,
    RequestDataTooBig,
    UnreadablePostError,
)
"""What the view meets as well, and says."""

LANES: Registry[Lane] = Registry("fast lane")
"""By path; one that ends in a slash stands for the paths with a name behind it."""


class FastLanes:
    """A WSGI application that answers what a lane takes, and has another one answer the rest."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, name = environ.get("PATH_INFO", ""), ""
        lane = LANES.get(path)
        if lane is None:
            folder, _, name = path.rpartition("/")
            lane = LANES.get(f"{folder}/")
        if lane is not None and _is_plain(environ):
            # Of a copy: it changes what it is made of.
            request = WSGIRequest(environ.copy())
            reply = _answer(lane, request, name, environ)
            if reply is not None:
                length = ("Content-Length", str(len(reply)))
                start_response(f"{lane.status:d} {lane.status.phrase}", [*_headers(request.is_secure()), length])
                return [reply]
        return self.application(environ, start_response)


def _is_plain(environ: dict[str, Any]) -> bool:
    accept = environ.get("HTTP_ACCEPT", "*/*")
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ.get("CONTENT_TYPE") == "application/json"
        and ("*/*" in accept or "application/json" in accept)
        and ";" not in accept
        and not environ.get("QUERY_STRING")
        # Of a browser's reply more is to be said than of others.
        and not environ.keys() & {"HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING", "HTTP_ORIGIN"}
    )


def _answer(lane: Lane, request: WSGIRequest, name: str, environ: dict[str, Any]) -> bytes | None:
    try:
        request.get_host()
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            return None
        key = key_last_read(request)
        if key is None or lane.scope not in key.scopes:
            return None
        request.auth = key  # type: ignore[attr-defined]  # as the throttle expects it of the library's requests
        if not ApiKeyThrottle().allow_request(request, None):
            return None
        environ[COUNTED] = True
        body = request.body
        environ["wsgi.input"] = io.BytesIO(body)
        connections[DEFAULT_DB_ALIAS].close_if_unusable_or_obsolete()
        reply = lane.answer(key, body, name)
    except DECLINING:
        return None
    except Exception as error:
        logger.error("A fast lane failed, and left it to the view: %s", type(error).__name__)
        return None
    return None if reply is None else _ENCODER.encode(reply).encode()


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@cache
def _headers(secure: bool) -> list[tuple[str, str]]:
    """What Django's middleware puts on every response."""
    scheme = "https" if secure else "http"
    request = WSGIRequest({"REQUEST_METHOD": "POST", "wsgi.url_scheme": scheme, "wsgi.input": io.BytesIO()})
    headers = {"X-Frame-Options": settings.X_FRAME_OPTIONS, "Content-Security-Policy": build_policy()}
    response = HttpResponse(content_type="application/json", headers=headers)
    return [*SecurityMiddleware(lambda _: response).process_response(request, response).items()]
