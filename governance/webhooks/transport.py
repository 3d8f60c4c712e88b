"""One POST to a host that was allowed: no redirects, no proxies, a deadline for all of it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import httpcore2
from django.conf import settings

from confidence_project.foundation.errors import InvalidInput
from confidence_project.foundation.outbound import CheckedBackend, Destinations, NotReached, deadline

RECEIVERS = Destinations("CONFIDENCE_WEBHOOK_HOSTS", "CONFIDENCE_WEBHOOK_ALLOW_PRIVATE")


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """POST `body` and return the status of the reply, whose body is not read; all of it within the time-out.

    Raises
    ------
    NotReached
        The URL or its address is not allowed (any more), or there was no reply in time.
    """
    try:
        RECEIVERS.check_url(url)
    except InvalidInput as error:
        raise NotReached("host not allowed") from error
    with (
        deadline(settings.CONFIDENCE_WEBHOOK_TIMEOUT_SECONDS),
        httpcore2.ConnectionPool(network_backend=CheckedBackend(RECEIVERS)) as pool,
        pool.stream("POST", url, headers=list(headers.items()), content=body) as response,
    ):
        return response.status


def is_success(status: int) -> bool:
    """True for 2xx. A redirect is none: it could lead anywhere."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
