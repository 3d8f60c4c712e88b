"""A trigger that has to be there: on which table, under which name, and what it does."""

from __future__ import annotations

from typing import NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

_QUOTE = "$$"


class Guard(NamedTuple):
    """A trigger over a table; `body` is that of its function (PostgreSQL; blank on SQLite, which has none)."""

    table: str
    name: str
    body: str = ""

    @classmethod
    def of(cls, table: str, name: str, function: str) -> Guard:
        """Return the guard whose function the SQL makes."""
        return cls(table, name, function.split(_QUOTE)[1] if _QUOTE in function else "")

    def __str__(self) -> str:
        return self.name if self.name.startswith(self.table) else f"{self.name} on {self.table}"


def guards_in(connection: BaseDatabaseWrapper) -> set[Guard]:
    """Return the triggers of a database that fire whatever a session says: 'A' is enabled always."""
    query = (
        "SELECT tbl_name, name, '' FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT c.relname, t.tgname, p.prosrc FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal AND t.tgenabled = 'A' AND t.tgqual IS NULL"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {Guard(*row) for row in cursor.fetchall()}


def partition_tree(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    """Return a partitioned table with its partitions; nothing where it is none."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_partition_tree(to_regclass(%s)) t JOIN pg_class c ON c.oid = t.relid "
            "ORDER BY t.level, c.relname",
            [table],
        )
        return [name for (name,) in cursor.fetchall()]
