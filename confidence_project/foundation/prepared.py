"""Statements of the hot paths: one round trip each, prepared by the database, on the connection as it is.

Django asks a connection whether it is alive before the first statement of each request, binds on the client, and
prepares nothing. Here the statement itself finds out: where the connection turns out to be lost, it is run once more
on a new one. So it must be one that may be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection


def fetch(statement: str, parameters: Sequence[str | int | None]) -> list[tuple[Any, ...]]:
    """Run one statement that may be repeated, and return its rows; outside of a transaction it commits by itself."""
    try:
        return _run(statement, parameters)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or not getattr(connection.connection, "closed", False):
            raise
        connection.close()
        return _run(statement, parameters)


def _run(statement: str, parameters: Sequence[str | int | None]) -> list[tuple[Any, ...]]:
    connection.ensure_connection()
    if connection.vendor != "postgresql":
        # Its driver keeps statements prepared by itself.
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
    driver = connection.Database  # type: ignore[attr-defined]  # of whichever database it is
    with connection.wrap_database_errors:
        prepared = _prepared_cursor(driver)(connection.connection)
    # As Django makes its own: what watches statements sees this one, too.
    make = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with make(prepared) as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


@cache
def _prepared_cursor(driver: Any) -> Any:
    class PreparedCursor(driver.Cursor):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            return super().execute(query, params, prepare=settings.CONFIDENCE_PREPARED_STATEMENTS)

    return PreparedCursor
