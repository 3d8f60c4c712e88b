"""Writing many rows at once: COPY on PostgreSQL, one prepared INSERT elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

COPY_FROM = 8
"""Fewer rows than this go in one INSERT: COPY costs a round trip more."""


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
    if len(instances) < COPY_FROM:
        type(instances[0])._base_manager.bulk_create(instances)
        return
    # The proxy `connection` looks up its thread's connection at every touch, and there are millions.
    database = connections[DEFAULT_DB_ALIAS]
    meta = instances[0]._meta
    fields = [field for field in meta.concrete_fields if not (field is meta.auto_field and instances[0].pk is None)]
    insert_values(
        type(instances[0]),
        [str(field.column) for field in fields],
        (_prepared(instance, fields, database) for instance in instances),
    )


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
            values = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {target} VALUES ({values})", list(rows))  # noqa: S608


def _prepared(
    instance: models.Model, fields: Sequence[models.Field[Any, Any]], database: BaseDatabaseWrapper
) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(instance, add=True), database) for field in fields]
