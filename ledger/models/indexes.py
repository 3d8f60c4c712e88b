"""Indexes that take little room: rows of the ledger are many, and each stands in all of them."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement


class PageRangeIndex(BrinIndex):
    """Least and greatest values of each range of pages (BRIN) on PostgreSQL; all values on SQLite, which has no such.

    For what grows as the table does, such as times: it takes next to no room, and a window of time is read from the
    pages that may hold some of it.
    """

    def __init__(self, *expressions: Any, **options: Any) -> None:
        # New ranges are summed up as they fill, and not only at the next vacuum.
        super().__init__(*expressions, **{"autosummarize": True, "pages_per_range": 32, **options})

    def create_sql(
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor, using: str = "", **options: Any
    ) -> Statement:
        if schema_editor.connection.vendor == "postgresql":
            return super().create_sql(model, schema_editor, using=using, **options)
        return models.Index.create_sql(self, model, schema_editor, using=using, **options)


LENGTH_OF_BEGINNING = 7


class Beginning(models.Func):
    """The first characters of a hash: enough to tell it from others.

    Their number is no parameter, for SQLite compares a statement with what its index holds to the letter.
    """

    template = f"SUBSTR(%(expressions)s, 1, {LENGTH_OF_BEGINNING})"
    arity = 1
    output_field = models.CharField()
