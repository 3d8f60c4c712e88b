"""The order in which rows of growing tables were committed, as each database tells it.

PostgreSQL: a column `written_in` holds the id of the transaction that wrote the row. A snapshot's `xmin` is the lowest
id that may still be running, so every row below it is visible, or never will be. SQLite lets one writer in at a time
and numbers rows in that order. Neither asks a clock. Django does not know the column: a default of the database fills
it, however rows come in.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

COLUMN = "written_in"


def order_column(vendor: str) -> str:
    """Return what rows of `t` are ordered by."""
    return f"t.{COLUMN}" if vendor == "postgresql" else "t.rowid"


def horizon(connection: BaseDatabaseWrapper, table: str) -> int:
    """Return the mark before which every row that will ever be seen can be seen now."""
    query = (
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        if connection.vendor == "postgresql"
        else f"SELECT COALESCE(MAX(rowid), 0) + 1 FROM {connection.ops.quote_name(table)}"  # noqa: S608
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])
