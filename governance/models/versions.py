"""What stands for everything that governs a workspace, and is another whenever any of it has changed."""

from __future__ import annotations

from typing import Any

from django.db import connections, models

from confidence_project.foundation.triggers.guarding import versioned_models
from confidence_project.foundation.triggers.versions import Versioned, enforce_versions

TABLE = "governance_governingversion"


class GoverningVersion(models.Model):
    """The version of what governs a workspace. Triggers write it, at every change of a model that is `versioned`."""

    # No foreign key: the row outlives its workspace, so that what was read of it before is not taken for current.
    workspace_id = models.BigIntegerField(primary_key=True)
    version = models.UUIDField()

    class Meta:
        db_table = TABLE

    def __str__(self) -> str:
        return f"version of what governs workspace {self.workspace_id}"


def governs(owner: str = "workspace_id", *columns: str) -> Versioned:
    """Return what a model says of itself whose rows govern the workspace in its column `owner`."""
    return Versioned(TABLE, owner, columns)


def keep_versions(using: str, **kwargs: Any) -> None:
    """Put the triggers in place after migrations, and give every workspace a version that has none.

    After each, not in one of them: SQLite loses the triggers of a table that a migration rebuilds.
    """
    connection = connections[using]
    existing = set(connection.introspection.table_names())
    governing = versioned_models()
    if existing >= {TABLE, *(model._meta.db_table for model in governing)}:
        enforce_versions(connection, governing)
        with connection.cursor() as cursor:
            without = f"id NOT IN (SELECT workspace_id FROM {TABLE})"  # noqa: S608 - a constant
            cursor.execute(f"UPDATE governance_workspace SET name = name WHERE {without}")  # noqa: S608
