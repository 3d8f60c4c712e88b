"""Partitions of `decision_ledger`: by the time in a decision's id, which is when it was recorded.

The first one holds all that was there before, without a lower bound; each of the others holds a month (UTC) and begins
where the one before it ends. There is none by default: what no partition takes is refused, and not put where it would
be in the way later. SQLite has no partitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, connection
from psycopg.errors import CheckViolation

from confidence_project.foundation.errors import Unavailable
from ledger.models import DecisionRecord
from ledger.models.decisions import moment_of

TABLE = DecisionRecord._meta.db_table

_UPPER = re.compile(r"TO \('([0-9a-f-]{36})'\)$")


@dataclass(frozen=True, slots=True)
class Partition:
    """A table that holds decisions recorded before `until`, from where the one before it ends."""

    name: str
    until: datetime


def partition_name(month: datetime) -> str:
    """Return what the partition of a month is called."""
    return f"{TABLE}_{month:%Y_%m}"


def first_of_next_month(at: datetime) -> datetime:
    """Return the first moment of the month after that of `at`, in UTC."""
    first = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def partitions() -> list[Partition]:
    """Return the partitions of the ledger in the order of time; none on SQLite."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i "
            "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(%s)",
            [TABLE],
        )
        found = [(name, _UPPER.search(bounds)) for name, bounds in cursor.fetchall()]
    return sorted(
        (Partition(name, moment_of(UUID(upper[1]))) for name, upper in found if upper), key=lambda each: each.until
    )


def covered_until() -> datetime | None:
    """Return the time from which on no decision can be recorded; None where there is no such time."""
    found = partitions()
    return found[-1].until if found else None


@contextmanager
def where_a_month_takes_it() -> Iterator[None]:
    """Say what to do where no partition takes a record, which is written nowhere then.

    Raises
    ------
    Unavailable
        There is none for the month.
    """
    try:
        yield
    except IntegrityError as error:
        cause = error.__cause__
        if isinstance(cause, CheckViolation) and (cause.diag.table_name, cause.diag.constraint_name) == (TABLE, None):
            raise Unavailable(
                "The ledger has no partition for this month, so nothing was recorded: the operator runs `manage.py "
                "keep_partitions`, and then the same request is decided."
            ) from error
        raise
