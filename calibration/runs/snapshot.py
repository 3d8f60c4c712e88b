"""One moment of the database, read for as long as it takes, without a lock that anybody waits for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from confidence_project.foundation.replica import read_from_replica


@contextmanager
def read_snapshot() -> Iterator[None]:
    """Let every read inside see the same moment, on the replica if there is one. Nothing may be written inside.

    `atomic` would do neither: on PostgreSQL it sees each statement's own moment, and on SQLite it begins IMMEDIATE
    and would hold up every writer for as long as the reading takes.
    """
    if connection.in_atomic_block:
        # Runs start with a durable transaction, so only the transaction around a test case can be open here.
        yield
        return
    with read_from_replica(), _of_one_moment():
        yield


@contextmanager
def _of_one_moment() -> Iterator[None]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            milliseconds = int(settings.CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS * 1000)
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = %s", [milliseconds])
            # One statement at a time: its hash tables stay in memory.
            cursor.execute("SET LOCAL work_mem = '256MB'")
        else:
            cursor.execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
