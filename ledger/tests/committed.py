"""Waiting until everything that was committed can be followed: transactions of other tests' databases hold it back."""

from __future__ import annotations

import time

from django.db import connection


def until_all_is_seen() -> None:
    """Return once every transaction has ended that began before now, in whatever database of the server."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        (now,) = cursor.fetchone()
        for _ in range(600):
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            if cursor.fetchone()[0] > now:
                return
            time.sleep(0.05)
    raise AssertionError("A transaction of another test did not end within 30 seconds.")
