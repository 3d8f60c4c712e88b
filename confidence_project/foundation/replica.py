"""Reads from a replica (`CONFIDENCE_READ_DATABASE_URL`, PostgreSQL): lists of the desk, and what a calibration counts.

All else is read where it is written: what governs, keys, sessions, and every page about one record.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.http import HttpRequest, HttpResponseBase

logger = logging.getLogger(__name__)

REPLICA = "replica"
WROTE = "confidence_wrote"
"""The cookie of a browser that wrote something a moment ago, so that its lists show that."""

LAG_SECONDS = 30
"""How far a replica may be behind: for so long lists do without it after a write, and a calibration waits for it."""

_SAFE = ("GET", "HEAD", "OPTIONS")


def list_database(request: HttpRequest) -> str:
    """Return the alias of the database that a list is read from."""
    return REPLICA if WROTE not in request.COOKIES and _is_there() else DEFAULT_DB_ALIAS


class WroteMiddleware:
    """Marks browsers that have just written something."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method not in _SAFE and settings.SESSION_COOKIE_NAME in request.COOKIES:
            response.set_cookie(
                WROTE, "1", max_age=LAG_SECONDS, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
            )
        return response


@contextmanager
def read_from_replica() -> Iterator[None]:
    """Let this thread read all from the replica, once it has what is committed now. Nothing may be written inside.

    Without a replica, or with one that stays behind or cannot be reached, the database itself is read.
    """
    primary = connections[DEFAULT_DB_ALIAS]
    if not _is_there() or not _has_caught_up():
        yield
        return
    # In the place of the other one, so that whoever asks for "the" connection gets it.
    connections[DEFAULT_DB_ALIAS] = connections[REPLICA]
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = primary


def _is_there() -> bool:
    if REPLICA not in connections:
        return False
    try:
        connections[REPLICA].close_if_health_check_failed()
        connections[REPLICA].ensure_connection()
    except OperationalError:
        logger.warning("The replica cannot be reached; the database itself is read.")
        return False
    return True


def _has_caught_up() -> bool:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_lsn()::text")
        (written,) = cursor.fetchone()
    deadline = time.monotonic() + LAG_SECONDS
    with connections[REPLICA].cursor() as cursor:
        while time.monotonic() < deadline:
            # Null: it replays nothing, for it is no standby.
            cursor.execute("SELECT COALESCE(pg_last_wal_replay_lsn() >= %s::pg_lsn, true)", [written])
            if cursor.fetchone()[0]:
                return True
            time.sleep(0.2)
    logger.warning("The replica is more than %d seconds behind; the database itself is read.", LAG_SECONDS)
    return False
