"""Writing many rows at once: COPY on PostgreSQL, one prepared INSERT elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models

COPY_FROM = 8
"""Fewer rows than this go in one INSERT: COPY costs a round trip more."""

Values = Mapping[str, Any]
"""A row that is no model object: its values by attribute name, `vars(instance)` among them."""


def insert_rows(instances: Sequence[models.Model]) -> None:
    """Insert unsaved `instances` of one model, all or none within the caller's transaction.

    Keys that the database makes are not read back: a caller that needs the key makes it itself.

    Raises
    ------
    django.db.IntegrityError
        A row meets a constraint; nothing of the batch stays once the transaction is rolled back.
    """
    if not instances:
        return
    model = type(instances[0])
    if len(instances) < COPY_FROM:
        model._base_manager.bulk_create(instances)
        return
    fields = _fields(model, with_key=instances[0].pk is not None)
    insert_mappings(model, [{f.attname: f.pre_save(each, add=True) for f in fields} for each in instances])


def insert_mappings(model: type[models.Model], rows: Sequence[Values]) -> None:
    """Insert rows of one model that are no objects, as `insert_rows`; each holds the same names."""
    if rows:
        fields = _fields(model, with_key=model._meta.pk.attname in rows[0])
        insert_values(model, [str(field.column) for field in fields], adapted(fields, rows))


def insert_values(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of values that the database takes as they are, all or none within the caller's transaction.

    Raises
    ------
    django.db.IntegrityError
        A row meets a constraint; nothing of the batch stays once the transaction is rolled back.
    """
    database = connections[DEFAULT_DB_ALIAS]
    quote = database.ops.quote_name
    target = f"{quote(model._meta.db_table)} ({', '.join(quote(column) for column in columns)})"
    # Django does not translate the errors of `copy` by itself.
    with database.cursor() as cursor, database.wrap_database_errors:
        if database.vendor == "postgresql":
            with cursor.copy(f"COPY {target} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {target} VALUES ({places})", list(rows))  # noqa: S608


def adapted(fields: Sequence[models.Field[Any, Any]], rows: Sequence[Values]) -> Iterator[list[Any]]:
    """Return the values of each row in the order of `fields`, as the driver of the database takes them."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor == "postgresql":
        return _texts(fields, rows)
    return ([field.get_db_prep_save(row[field.attname], database) for field in fields] for row in rows)


def _fields(model: type[models.Model], *, with_key: bool) -> list[models.Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if with_key or field is not model._meta.auto_field]


_AS_TEXT: Mapping[type, Callable[[Any], str]] = {
    bool: lambda value: "t" if value else "f",
    datetime: datetime.isoformat,
    dict: json.dumps,
    list: json.dumps,
    int: str,
    float: repr,
    Decimal: str,
    UUID: str,
    bytes: lambda value: f"\\x{value.hex()}",
}


def _texts(fields: Sequence[models.Field[Any, Any]], rows: Sequence[Values]) -> Iterator[list[str | None]]:
    # As text, whatever the type: PostgreSQL reads it as the column's type, and a statement is prepared once and not for
    # each combination of types.
    for values in map(itemgetter(*(field.attname for field in fields)), rows):
        # Most are texts already, and a call for each of these would be half of the work.
        yield [
            value if value is None or type(value) is str else _AS_TEXT.get(type(value), str)(value) for value in values
        ]
