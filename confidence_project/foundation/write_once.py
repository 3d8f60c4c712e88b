"""Columns that are written when the row is inserted and never again, said to the database by a trigger.

For tables whose rows do change state: a model names those columns in `written_once`, one migration operation owns the
trigger, and a system check fails when it is missing. Tables whose rows never change at all: see `append_only`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation

POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION confidence_write_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'columns of % that are written once: UPDATE refused', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$
"""


def _trigger_name(table: str) -> str:
    return f"{table}_write_once"


def _statements(connection: BaseDatabaseWrapper, table: str, columns: Sequence[str]) -> list[str]:
    quote = connection.ops.quote_name
    name = quote(_trigger_name(table))
    event = f"BEFORE UPDATE OF {', '.join(map(quote, columns))} ON {quote(table)}"
    if connection.vendor == "sqlite":
        refusal = f"SELECT RAISE(ABORT, 'columns of {table} that are written once: UPDATE refused');"
        return [f"DROP TRIGGER IF EXISTS {name}", f"CREATE TRIGGER {name} {event} BEGIN {refusal} END"]
    return [
        POSTGRESQL_FUNCTION,
        f"DROP TRIGGER IF EXISTS {name} ON {quote(table)}",
        f"CREATE TRIGGER {name} {event} FOR EACH STATEMENT EXECUTE FUNCTION confidence_write_once()",
        # ALWAYS: a session with session_replication_role = replica does not slip past.
        f"ALTER TABLE {quote(table)} ENABLE ALWAYS TRIGGER {name}",
    ]


def _guard(connection: BaseDatabaseWrapper, model: type[models.Model], fields: Sequence[str]) -> None:
    columns = [str(field.column) for field in model._meta.concrete_fields if field.name in fields]
    with connection.cursor() as cursor:
        for statement in _statements(connection, model._meta.db_table, columns):
            cursor.execute(statement)


class WriteOnce(Operation):
    """Guard `fields` of a model of the migration's app. Repeat it after a migration that alters the table on SQLite,
    which loses triggers when Django rebuilds a table.
    """

    reversible = True

    def __init__(self, model_name: str, fields: Sequence[str]) -> None:
        self.model_name = model_name
        self.fields = list(fields)

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The trigger is no part of Django's state."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        _guard(schema_editor.connection, to_state.apps.get_model(app_label, self.model_name), self.fields)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        table = from_state.apps.get_model(app_label, self.model_name)._meta.db_table
        quote = schema_editor.quote_name
        on_table = "" if schema_editor.connection.vendor == "sqlite" else f" ON {quote(table)}"
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {quote(_trigger_name(table))}{on_table}")

    def describe(self) -> str:
        return f"Write {', '.join(self.fields)} of {self.model_name} once"


def guarded_models() -> list[type[models.Model]]:
    """Every model of the installed apps that names columns in `written_once`."""
    return [model for model in apps.get_models() if getattr(model, "written_once", None)]


def missing_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of the write-once triggers that should be in the database and are not (migrated tables only)."""
    existing = set(connection.introspection.table_names())
    tables = [model._meta.db_table for model in guarded_models()]
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'A'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        found = {row[0] for row in cursor.fetchall()}
    return [_trigger_name(table) for table in tables if table in existing and _trigger_name(table) not in found]


def restore(connection: BaseDatabaseWrapper) -> list[str]:
    """Put back the write-once triggers that are missing, and return their names."""
    missing = missing_triggers(connection)
    with transaction.atomic(using=connection.alias):
        for model in guarded_models():
            if _trigger_name(model._meta.db_table) in missing:
                _guard(connection, model, model.written_once)  # type: ignore[attr-defined]
    return missing


@checks.register(checks.Tags.database)
def check_write_once_triggers(databases: Sequence[str] | None = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Fail `manage.py check --database …` when columns that are written once are unguarded."""
    return [
        checks.Error(
            f"The write-once trigger {name} is missing on database {alias!r}.",
            hint="Restore it with `manage.py enforce_append_only`, and find out who removed it.",
            id="confidence.E003",
        )
        for alias in databases or []
        for name in missing_triggers(connections[alias])
    ]
