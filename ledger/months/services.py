"""Making partitions ahead, and dropping those whose decisions are all archived. Commands and workers do it; processes
that serve requests change no tables.

Writers never wait for a partition to be made. To drop one takes the ledger alone for a moment: who does not get that
within `LOCK_TIMEOUT` gives way, and tries again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from confidence_project.foundation.errors import Conflict
from confidence_project.foundation.triggers.statements import refuse_truncate
from ledger.models.decisions import least_decision_id
from ledger.months.partitions import TABLE, Partition, first_of_next_month, partition_name, partitions

MONTHS_AHEAD = 3
KEPT_EMPTY = timedelta(days=31)
"""How long after its end an empty month stays: a clock that is slow, or an import of that moment, may still need it."""

Result = TypeVar("Result")

LOCK_TIMEOUT, ATTEMPTS, PAUSE_SECONDS = "1s", 10, 1.0


@dataclass(frozen=True, slots=True)
class Kept:
    """The partitions that were made, and those that were dropped."""

    made: list[str]
    dropped: list[str]


def keep_partitions() -> Kept:
    """Make the partitions of this month and the `MONTHS_AHEAD` after it, and drop those of the past that are empty.

    Those that are there stay, so that any number of calls do no more than one. Nothing to do on SQLite.

    Raises
    ------
    Conflict
        Something held the table all the time; run it again.
    """
    made, dropped = make_ahead(), drop_emptied()
    if partitions():
        with connection.cursor() as cursor:
            # Autovacuum looks at partitions, and never at what they are of. It may take longer than a statement of
            # the control plane.
            cursor.execute("SET statement_timeout = 0")
            cursor.execute(f"ANALYZE {TABLE}")
            cursor.execute("RESET statement_timeout")
    return Kept(made, dropped)


def make_ahead() -> list[str]:
    """Make the partitions that are missing until `MONTHS_AHEAD` after this month, and return their names."""
    return _patiently(_make_ahead) if partitions() else []


def drop_emptied() -> list[str]:
    """Drop the partitions of the past that hold nothing, and return their names."""
    over = [each for each in partitions() if each.until <= datetime.now(UTC) - KEPT_EMPTY and not _holds_rows(each)]
    return [each.name for each in over if _patiently(partial(_drop, each))]


def _patiently(work: Callable[[], Result]) -> Result:
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = %s", [LOCK_TIMEOUT])
                return work()
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            held = error
    raise Conflict("Something holds the table of the ledger all the time; run this again.") from held


def _make_ahead() -> list[str]:
    end = datetime.now(UTC)
    for _ in range(MONTHS_AHEAD + 1):
        end = first_of_next_month(end)
    made = []
    with connection.cursor() as cursor:
        # In no writer's way, and in that of another one who makes partitions.
        cursor.execute(f"LOCK TABLE ONLY {TABLE} IN SHARE UPDATE EXCLUSIVE MODE")
        since = partitions()[-1].until
        while since < end:
            until, name = first_of_next_month(since), partition_name(since)
            cursor.execute(
                f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"
            )
            for statement in refuse_truncate(TABLE, name, connection.ops.quote_name):
                cursor.execute(statement)
            cursor.execute(
                f"ALTER TABLE {TABLE} ATTACH PARTITION {name} "
                f"FOR VALUES FROM ('{least_decision_id(since)}') TO ('{least_decision_id(until)}')"
            )
            made.append(name)
            since = until
    return made


def _drop(partition: Partition) -> bool:
    with connection.cursor() as cursor:
        # What it is a part of first, as everybody who writes does.
        cursor.execute(f"LOCK TABLE ONLY {TABLE} IN ACCESS EXCLUSIVE MODE")
        if partition not in partitions() or _holds_rows(partition):
            return False
        cursor.execute(f"ALTER TABLE {TABLE} DETACH PARTITION {partition.name}")
        cursor.execute(f"DROP TABLE {partition.name}")
    return True


def _holds_rows(partition: Partition) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {partition.name})")  # noqa: S608
        return bool(cursor.fetchone()[0])
