"""The migration operations that own the triggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.operations.base import Operation

from confidence_project.foundation.triggers.statements import drop, enforce, release, write_once, write_once_guard


class EnforceAppendOnly(Operation):
    """Guard `model_names` of the app and own the `views` over them, before and after `operations`.

    Parameters
    ----------
    model_names
        Append-only models of the migration's app as they are after `operations`.
    views
        Name of each database view to its SELECT, the same text for both databases.
    operations
        Schema operations to run while triggers and views are down.
    """

    reversible = True
    atomic = True  # in a migration of several transactions, too

    def __init__(
        self,
        model_names: Sequence[str],
        views: Mapping[str, str] | None = None,
        operations: Sequence[Operation] = (),
    ) -> None:
        self.model_names = list(model_names)
        self.views = dict(views or {})
        self.operations = list(operations)

    def state_forwards(self, app_label: str, state: Any) -> None:
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._take_down(app_label, schema_editor, from_state)
        state = from_state.clone()
        for operation in self.operations:
            before = state.clone()
            operation.state_forwards(app_label, state)
            operation.database_forwards(app_label, schema_editor, before, state)
        self._flush_deferred(schema_editor)
        enforce(schema_editor.connection, [to_state.apps.get_model(app_label, name) for name in self.model_names])
        for name, select in self.views.items():
            schema_editor.execute(f"CREATE VIEW {schema_editor.quote_name(name)} AS {select}")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if self.operations:
            raise IrreversibleError("Migrate forward instead: append-only history is not rebuilt backwards.")
        self._take_down(app_label, schema_editor, from_state)

    def describe(self) -> str:
        return f"Keep {', '.join(self.model_names)} append-only"

    def _take_down(self, app_label: str, schema_editor: Any, state: Any) -> None:
        for name in self.views:
            schema_editor.execute(f"DROP VIEW IF EXISTS {schema_editor.quote_name(name)}")
        present = [name for name in self.model_names if (app_label, name.lower()) in state.models]
        tables = [state.apps.get_model(app_label, name)._meta.db_table for name in present]
        existing = schema_editor.connection.introspection.table_names()
        release(schema_editor.connection, [table for table in tables if table in existing])

    @staticmethod
    def _flush_deferred(schema_editor: Any) -> None:
        # PostgreSQL refuses ALTER TABLE while deferred constraint checks are pending in the same transaction.
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


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
        write_once(schema_editor.connection, to_state.apps.get_model(app_label, self.model_name), self.fields)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        table = from_state.apps.get_model(app_label, self.model_name)._meta.db_table
        drop(schema_editor.connection, write_once_guard(table, schema_editor.connection.vendor).name, table)

    def describe(self) -> str:
        return f"Write {', '.join(self.fields)} of {self.model_name} once"
