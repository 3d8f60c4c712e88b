"""Fast lanes: the plain case of an endpoint that hosts call without a pause, answered without what it does not need.

The plain case is one JSON object, from a key that was used before, that can be kept as it is. Anything else a lane
declines, and the endpoint's view answers as if there were no lane: so a lane has no errors of its own, and what it does
itself is what the view does, by the same functions. It must leave nothing behind when it declines.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from csp.utils import build_policy
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from rest_framework.exceptions import APIException

from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.registry import Registry
from governance.access.authentication import ApiKeyThrottle, key_last_read
from governance.models import ApiKey


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
    status: int
    answer: Callable[[ApiKey, bytes, str], Any]


logger = logging.getLogger(__name__)

DECLINING = (DomainError, APIException, DatabaseError, InterfaceError, UnreadablePostError, RequestDataTooBig)
"""What the view meets as well, and says."""

LANES: Registry[Lane] = Registry("fast lane")
"""By path; one that ends in a slash stands for the paths with a name behind it."""


class FastLaneMiddleware:
    """Answers what a lane takes, and hands on the rest."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return _answer(request) or self.get_response(request)


def _answer(request: HttpRequest) -> HttpResponse | None:
    path, name = request.path_info, ""
    lane = LANES.get(path)
    if lane is None:
        folder, _, name = path.rpartition("/")
        lane = LANES.get(f"{folder}/")
    if lane is None or not _is_plain(request):
        return None
    key = key_last_read(request)
    if key is None or lane.scope not in key.scopes:
        return None
    request.auth = key  # type: ignore[attr-defined]  # as the throttle expects it of the library's requests
    if not ApiKeyThrottle().allow_request(request, None):
        return None
    request.counted = True  # type: ignore[attr-defined]
    try:
        reply = lane.answer(key, request.body, name)
    except DECLINING:
        return None
    except Exception as error:
        logger.error("A fast lane failed, and left it to the view: %s", type(error).__name__)
        return None
    return None if reply is None else _respond(reply, lane.status)


def _is_plain(request: HttpRequest) -> bool:
    meta = request.META
    accept = meta.get("HTTP_ACCEPT", "*/*")
    return (
        request.method == "POST"
        and request.content_type == "application/json"
        and ("*/*" in accept or "application/json" in accept)
        and ";" not in accept
        and not meta.get("QUERY_STRING")
        and "HTTP_CONTENT_ENCODING" not in meta
        and "HTTP_TRANSFER_ENCODING" not in meta
    )


def _respond(reply: Any, status: int) -> HttpResponse:
    body = json.dumps(reply, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return HttpResponse(body, status=status, content_type="application/json", headers=_headers())


@cache
def _headers() -> dict[str, str]:
    # What the middleware behind this one puts on every response.
    return {"X-Frame-Options": settings.X_FRAME_OPTIONS, "Content-Security-Policy": build_policy()}
