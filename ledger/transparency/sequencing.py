"""Which rows of the ledger are not in the log yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Max

from ledger.models import LogLeaf
from ledger.transparency.leaves import Row, Table

OVERLAP = timedelta(minutes=15)
"""Rows get their time and key before they are committed, so some become visible behind rows that are in the log
already. Looking back this far finds them; it is longer than any transaction and any difference of clocks should be."""

PAGE = 4096


def unlogged_pages(table: Table, *, everything: bool = False) -> Iterator[list[Row]]:
    """Yield pages of rows that are not in the log, in the order of their keys; a page may be empty.

    Parameters
    ----------
    everything
        Look through the whole table instead of looking back `OVERLAP` from the newest row in the log.
    """
    cursor = None if everything else _look_back(table)
    while page := list(_after(table, cursor)[:PAGE]):
        cursor = page[-1][table.key]
        logged = _logged(table, page)
        yield [row for row in page if table.entry_id(row) not in logged]


def _after(table: Table, cursor: UUID | int | None) -> Any:
    return table.rows() if cursor is None else table.rows().filter(**{f"{table.key}__gt": cursor})


def _logged(table: Table, page: list[Row]) -> set[str]:
    window = (table.entry_id(page[0]), table.entry_id(page[-1]))
    leaves = LogLeaf.objects.filter(entry=table.entry, entry_id__range=window)
    return set(leaves.values_list("entry_id", flat=True))


def _look_back(table: Table) -> UUID | int | None:
    """Return the key after which every row that is not in the log stands; None for the whole table."""
    newest = LogLeaf.objects.filter(entry=table.entry).aggregate(newest=Max("entry_id"))["newest"]
    if newest is None:
        return None
    key = table.key_of(newest)
    if isinstance(key, UUID):
        return _uuid7_before(key)
    rows = table.model._default_manager.filter(pk__lte=key).order_by("-pk")
    seen_at = rows.values_list(table.recorded_at, flat=True).first()
    if seen_at is None:
        return None
    older = rows.filter(**{f"{table.recorded_at}__lt": seen_at - OVERLAP})
    return older.values_list("pk", flat=True).first()


def _uuid7_before(key: UUID) -> UUID:
    """Return the smallest UUIDv7 of `OVERLAP` before `key`: its first 48 bits are Unix milliseconds."""
    milliseconds = (key.int >> 80) - int(OVERLAP / timedelta(milliseconds=1))
    return UUID(int=max(milliseconds, 0) << 80)
