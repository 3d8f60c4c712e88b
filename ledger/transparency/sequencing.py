"""Which rows are not in the log yet, in the order in which they were committed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from ledger.models import LogLeaf, LogWatermark
from ledger.models.transparency import entry_id_in_sql
from ledger.transparency.commit_order import horizon, order_column
from ledger.transparency.encoding import read_as_text
from ledger.transparency.kinds import Codec, Kind, Row, codec_of

PAGE = 4096
WINDOW = 4 * PAGE


@dataclass(frozen=True, slots=True)
class Page:
    """Rows that are not in the log; once they are, every row of their kind before `mark` is (None: not said)."""

    rows: Sequence[Row]
    mark: int | None = None


def unlogged_pages(kind: Kind) -> Iterator[Page]:
    """Yield pages of rows that are not in the log; a page may be empty. Append each before asking for the next one.

    A table that grows is followed from its watermark on. The others are small, and compared with the log whole.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if not kind.grows:
        yield from _whole_table(database, kind)
        return
    end = horizon(database, kind.model._meta.db_table)
    mark = LogWatermark.objects.filter(entry=kind.entry).values_list("mark", flat=True).first()
    # A watermark beyond the horizon counts what another server counted: this database was restored from there.
    if mark is None or mark > end:
        yield from _whole_table(database, kind)
    else:
        yield from _in_order_of_commits(database, kind, mark, end)
    yield Page((), end)


def _in_order_of_commits(database: BaseDatabaseWrapper, kind: Kind, mark: int, end: int) -> Iterator[Page]:
    codec, order = codec_of(kind, database.vendor), order_column(database.vendor)
    query = _unlogged(codec, database, f"{codec.select}, {order}", f"{order} >= %s")
    query += f" ORDER BY {order}, {_key(kind.model)} LIMIT {PAGE}"
    while rows := fetch(database, query, [mark]):
        # Rows of a large transaction may go on in the next page, which leaves out those that are in the log by then.
        mark = int(rows[-1][-1])
        yield Page([row[:-1] for row in rows], min(mark, end))


def _whole_table(database: BaseDatabaseWrapper, kind: Kind) -> Iterator[Page]:
    for rows in _by_key(database, kind):
        yield from (Page(rows[start : start + PAGE]) for start in range(0, len(rows), PAGE))


def unlogged_keys(kind: Kind) -> Iterator[tuple[str, str]]:
    """Yield entry id and time of recording of every row that is not in the log, in the order of their keys."""
    database = connections[DEFAULT_DB_ALIAS]
    codec = codec_of(kind, database.vendor)
    for rows in _by_key(database, kind):
        for row in rows:
            yield codec.entry_id(row), codec.recorded_at(row)


def _by_key(database: BaseDatabaseWrapper, kind: Kind) -> Iterator[list[Row]]:
    codec = codec_of(kind, database.vendor)
    for window, params in windows(kind.model):
        yield fetch(
            database, f"{_unlogged(codec, database, codec.select, *window)} ORDER BY {_key(kind.model)}", params
        )


def windows(model: type[models.Model]) -> Iterator[tuple[list[str], list[Any]]]:
    """Cut a table into stretches of its key, so that no statement takes longer the more rows there are.

    Yields
    ------
    tuple
        Conditions on the key of the row `t`, and their parameters.
    """
    database = connections[DEFAULT_DB_ALIAS]
    key, table = _key(model), database.ops.quote_name(model._meta.db_table)
    after: list[Any] = []
    while True:
        beyond = [f"{key} > %s"] * len(after)
        where = f"WHERE {beyond[0]}" if beyond else ""
        query = f"SELECT {key} FROM {table} t {where} ORDER BY {key} LIMIT 1 OFFSET {WINDOW - 1}"  # noqa: S608
        last = [value for (value,) in fetch(database, query, after)]
        yield [*beyond, *[f"{key} <= %s"] * len(last)], [*after, *last]
        if not last:
            return
        after = last


def _unlogged(codec: Codec, database: BaseDatabaseWrapper, select: str, *conditions: str) -> str:
    kind = codec.kind
    table, leaves = (database.ops.quote_name(model._meta.db_table) for model in (kind.model, LogLeaf))
    logged = (
        f"SELECT 1 FROM {leaves} l WHERE l.entry = '{kind.entry}' AND l.entry_id = {_entry_id(kind, database.vendor)}"  # noqa: S608
    )
    every = [each for each in (*conditions, kind.condition) if each]
    return f"SELECT {select} FROM {table} t WHERE {' AND '.join([*every, f'NOT EXISTS ({logged})'])}"  # noqa: S608


def _key(model: type[models.Model]) -> str:
    return f't."{model._meta.pk.column}"'


def _entry_id(kind: Kind, vendor: str) -> str:
    # The driver takes a lone percent sign for a parameter.
    return entry_id_in_sql(_key(kind.model), has_uuid=kind.has_uuid, vendor=vendor).replace("%", "%%")


def rows_of(kind: Kind, entry_ids: Sequence[str]) -> dict[str, Row]:
    """Return the rows with these ids that exist, by id."""
    database = connections[DEFAULT_DB_ALIAS]
    codec, field = codec_of(kind, database.vendor), kind.model._meta.pk
    keys = []
    for entry_id in entry_ids:
        try:
            keys.append(field.get_db_prep_value(kind.key_of(entry_id), database))
        except ValueError:
            continue  # no row has such a key
    if not keys:
        return {}
    within = " AND ".join([f"{_key(kind.model)} IN ({', '.join(['%s'] * len(keys))})", *filter(None, [kind.condition])])
    table = database.ops.quote_name(kind.model._meta.db_table)
    rows = fetch(database, f"SELECT {codec.select} FROM {table} t WHERE {within}", keys)  # noqa: S608
    return {codec.entry_id(row): row for row in rows}


def fetch(database: BaseDatabaseWrapper, query: str, params: Sequence[Any] = ()) -> list[Row]:
    """Return what a statement returns, as text."""
    with database.cursor() as cursor:
        read_as_text(cursor, database.vendor)
        cursor.execute(query, params)
        rows: list[Row] = cursor.fetchall()
    return rows
