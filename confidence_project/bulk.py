"""Writing many rows at once: COPY on PostgreSQL, multi-row INSERT elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection, models

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
    model = type(instances[0])
    if connection.vendor == "postgresql" and len(instances) >= COPY_FROM:
        _copy(model, instances)
    else:
        model._base_manager.bulk_create(instances, batch_size=500)


def _copy(model: type[models.Model], instances: Sequence[models.Model]) -> None:
    meta = model._meta
    fields = [field for field in meta.concrete_fields if not (field is meta.auto_field and instances[0].pk is None)]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    statement = f"COPY {quote(meta.db_table)} ({columns}) FROM STDIN"
    # Django does not translate the errors of `copy` by itself.
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for instance in instances:
            copy.write_row(_prepared(instance, fields))


def _prepared(instance: models.Model, fields: Sequence[models.Field[Any, Any]]) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(instance, add=True), connection) for field in fields]
