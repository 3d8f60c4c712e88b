"""Statements of the hot paths: one round trip each, prepared by the database, on the connection as it is.

Django asks a connection whether it is alive before the first statement of each request, binds on the client, and has
the driver prepare nothing, even where it is asked to. A cursor takes three times the CPU of the driver's own call as
well. Here the statement itself finds out: where the connection turns out to be lost, it is run once more on a new one.
So it must be one that may be repeated.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors, pq

Rows = list[tuple[str | None, ...]]
"""Each value as the database writes it."""

_PREPARED: WeakKeyDictionary[Any, set[bytes]] = WeakKeyDictionary()
"""What each connection of the driver has prepared."""


def fetch(statement: str, parameters: Sequence[str | None]) -> Rows:
    """Run one statement that may be repeated, and return its rows; outside of a transaction it commits by itself.

    Parameters
    ----------
    parameters
        As the database reads them, for each `%s`; none of them holds a NUL.
    """
    database = connections[DEFAULT_DB_ALIAS]
    try:
        return _run(database, statement, parameters)
    except (OperationalError, InterfaceError):
        if database.in_atomic_block or not getattr(database.connection, "closed", False):
            raise
        database.close()
        return _run(database, statement, parameters)


def _run(database: BaseDatabaseWrapper, statement: str, parameters: Sequence[str | None]) -> Rows:
    database.ensure_connection()
    watched = database.queries_logged or database.execute_wrappers
    if database.vendor == "postgresql" and not (database.in_atomic_block or watched):
        with database.wrap_database_errors:
            return _run_by_driver(database.connection, statement, parameters)
    # Not `cursor()`, which asks whether the connection is alive.
    make = database.make_debug_cursor if database.queries_logged else database.make_cursor
    with database.wrap_database_errors:
        native = database.create_cursor()
    with make(native) as cursor:
        cursor.execute(statement, parameters)
        return [tuple(None if value is None else str(value) for value in row) for row in cursor.fetchall()]


def _run_by_driver(driver: Any, statement: str, parameters: Sequence[str | None]) -> Rows:
    name, query = _numbered(statement)
    values = [None if value is None else value.encode() for value in parameters]
    if not settings.CONFIDENCE_PREPARED_STATEMENTS:
        return _rows(driver, driver.pgconn.exec_params(query, values))
    prepared = _PREPARED.setdefault(driver, set())
    if name not in prepared:
        _rows(driver, driver.pgconn.prepare(name, query))
        prepared.add(name)
    return _rows(driver, driver.pgconn.exec_prepared(name, values))


@cache
def _numbered(statement: str) -> tuple[bytes, bytes]:
    """Return a name for a statement, and the statement as the protocol has its parameters: `$1`, `$2`, …."""
    numbers = itertools.count(1)
    query = re.sub("%s", lambda _: f"${next(numbers)}", statement).encode()
    return b"confidence_" + hashlib.sha256(query).hexdigest()[:16].encode(), query


_ENDED = "The connection to the database has ended."


def _rows(driver: Any, result: Any) -> Rows:
    if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        # Of a connection that ended, the result holds no code that would say so.
        raise errors.OperationalError(_ENDED) if driver.closed else errors.error_from_result(result)
    texts = ((result.get_value(row, column) for column in range(result.nfields)) for row in range(result.ntuples))
    return [tuple(None if text is None else text.decode() for text in row) for row in texts]
