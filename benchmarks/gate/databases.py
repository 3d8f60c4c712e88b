"""Databases of a run: fresh ones beside the one of DATABASE_URL, dropped in the end, and bare SQL on them."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import uuid_utils.compat

LEDGER, IDS = "decision_ledger", "ledger_decisionexternalid"


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The URL of a database that nobody used before."""
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Bare:
    """Both rows of a decision in one prepared statement that commits itself: nothing can be asked for less."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.numbers = itertools.count()
        record, ids = self._columns(LEDGER), [each for each in self._columns(IDS) if each != "id"]
        sample = self.connection.execute(f"SELECT {', '.join(record)} FROM {LEDGER} LIMIT 1").fetchone()
        named = self.connection.execute(f"SELECT {', '.join(ids)} FROM {IDS} LIMIT 1").fetchone()
        assert sample is not None
        assert named is not None
        values = dict(zip(record, map(_storable, sample), strict=True))
        self.fixed = {**values, **dict(zip(ids, named, strict=True))}
        self.statement = (
            f"WITH named AS (INSERT INTO {IDS} ({', '.join(ids)}) VALUES ({_places(ids)})) "
            f"INSERT INTO {LEDGER} ({', '.join(record)}) VALUES ({_places(record)})"
        )

    def _columns(self, table: str) -> list[str]:
        rows = self.connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position",
            [table],
        )
        return [name for (name,) in rows.fetchall()]

    def insert(self) -> int:
        row = {"decision_id": uuid_utils.compat.uuid7(), "external_id": f"bare-{next(self.numbers)}"}
        self.connection.execute(self.statement, {**self.fixed, **row}, prepare=True)
        return 1


def bytes_a_decision(url: str) -> tuple[float, float]:
    """Bytes on disk of the ledger's rows, and of all its indexes, for each of its decisions."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute(f"VACUUM ANALYZE {LEDGER}")
        found = connection.execute(
            "SELECT sum(pg_table_size(relid)), sum(pg_indexes_size(relid)), "
            f"(SELECT COUNT(*) FROM {LEDGER}) FROM (SELECT relid FROM pg_partition_tree('{LEDGER}') "
            f"UNION SELECT '{LEDGER}'::regclass) parts"
        ).fetchone()
        assert found is not None
    rows, indexes, count = found
    return rows / count, indexes / count


def _places(columns: list[str]) -> str:
    return ", ".join(f"%({column})s" for column in columns)


def _storable(value: Any) -> Any:
    return psycopg.types.json.Jsonb(value) if isinstance(value, dict | list) else value
