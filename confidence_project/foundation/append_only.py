"""Append-only tables, said twice: in the ORM, and in the database for whoever goes round the ORM.

`AppendOnlyModel` refuses every change through Django. `EnforceAppendOnly` is the one migration operation
that owns the triggers and the views over such tables, on PostgreSQL and SQLite: it takes them down, runs the
schema operations that it is given, and puts them up again, because SQLite loses triggers when Django rebuilds
a table, and a view stands in the way of the rebuild.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from django.apps import apps
from django.core import checks
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from confidence_project.foundation.errors import DomainError

POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION confidence_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$
"""


class AppendOnlyViolation(DomainError):
    """Somebody tried to change or delete a row of an append-only table."""

    code = "append_only"
    title = "Append-only records do not change"


def _refuse(model: type[models.Model]) -> NoReturn:
    raise AppendOnlyViolation(f"{model._meta.label} is append-only: record a correction instead of changing a row.")


Row = TypeVar("Row", bound=models.Model)


class AppendOnlyQuerySet(models.QuerySet[Row]):
    """A queryset that reads and inserts, and refuses the rest."""

    def update(self, **kwargs: Any) -> NoReturn:
        _refuse(self.model)

    def delete(self) -> NoReturn:
        _refuse(self.model)

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(self.model)

    def update_or_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(self.model)

    def _raw_delete(self, using: str | None) -> NoReturn:
        _refuse(self.model)


class AppendOnlyModel(models.Model):
    """Base of every model whose rows are written once. A model declares its `objects` from `AppendOnlyQuerySet`."""

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            _refuse(type(self))
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(type(self))


def append_only_models() -> list[type[models.Model]]:
    """Every concrete append-only model of the installed apps."""
    return [model for model in apps.get_models() if issubclass(model, AppendOnlyModel)]


def _unique_column_sets(model: type[models.Model]) -> list[list[str]]:
    fields: list[list[Any]] = [[field] for field in model._meta.concrete_fields if field.unique]
    constraints = [
        [model._meta.get_field(name) for name in constraint.fields]
        for constraint in model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint) and constraint.condition is None
    ]
    return [[str(field.column) for field in group] for group in fields + constraints]


def _trigger_names(table: str, vendor: str) -> list[str]:
    events = ["update", "delete", "replace"] if vendor == "sqlite" else ["change"]
    return [f"{table}_append_only_{event}" for event in events]


def _sqlite_triggers(model: type[models.Model], quote: Any) -> list[str]:
    table = model._meta.db_table
    update, delete, replace = (quote(name) for name in _trigger_names(table, "sqlite"))
    # REPLACE deletes the old row without firing a DELETE trigger, so an insert that meets an existing key is refused.
    # A query for each key: where one of several keys is mostly null, an OR of them reads the whole table after ANALYZE.
    clash = " OR ".join(
        f"EXISTS (SELECT 1 FROM {quote(table)} WHERE "
        + " AND ".join(f"{quote(column)} = NEW.{quote(column)}" for column in columns)
        + ")"
        for columns in _unique_column_sets(model)
    )
    refusal = f"SELECT RAISE(ABORT, '{table} is append-only');"
    return [
        f"CREATE TRIGGER {update} BEFORE UPDATE ON {quote(table)} BEGIN {refusal} END",
        f"CREATE TRIGGER {delete} BEFORE DELETE ON {quote(table)} BEGIN {refusal} END",
        f"CREATE TRIGGER {replace} BEFORE INSERT ON {quote(table)} WHEN {clash} BEGIN {refusal} END",
    ]


def _postgresql_triggers(model: type[models.Model], quote: Any) -> list[str]:
    table = model._meta.db_table
    (name,) = (quote(trigger) for trigger in _trigger_names(table, "postgresql"))
    return [
        f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE OR TRUNCATE ON {quote(table)} "
        "FOR EACH STATEMENT EXECUTE FUNCTION confidence_append_only()",
        # ALWAYS: a session with session_replication_role = replica does not slip past.
        f"ALTER TABLE {quote(table)} ENABLE ALWAYS TRIGGER {name}",
    ]


def release(connection: BaseDatabaseWrapper, tables: Iterable[str]) -> None:
    """Take the triggers off `tables`. For migrations and for tests that flush; nothing else calls it."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for table in tables:
            for name in _trigger_names(table, connection.vendor):
                on_table = "" if connection.vendor == "sqlite" else f" ON {quote(table)}"
                cursor.execute(f"DROP TRIGGER IF EXISTS {quote(name)}{on_table}")


def enforce(connection: BaseDatabaseWrapper, guarded: Iterable[type[models.Model]]) -> None:
    """Put the triggers on the tables of `guarded` models; those that are there already are made anew."""
    guarded = list(guarded)
    release(connection, [model._meta.db_table for model in guarded])
    build = _sqlite_triggers if connection.vendor == "sqlite" else _postgresql_triggers
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL_FUNCTION)
        for model in guarded:
            for statement in build(model, connection.ops.quote_name):
                cursor.execute(statement)


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


def missing_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of the append-only triggers that should be in the database and are not (migrated tables only)."""
    existing = set(connection.introspection.table_names())
    expected = [
        name
        for model in append_only_models()
        if model._meta.db_table in existing
        for name in _trigger_names(model._meta.db_table, connection.vendor)
    ]
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        # 'A': enabled always; a disabled or weakened trigger counts as missing.
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'A'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        found = {row[0] for row in cursor.fetchall()}
    return [name for name in expected if name not in found]


def missing_views(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """Name to SELECT of the views that applied migrations own and that are not in the database."""
    loader = MigrationLoader(connection)
    views: dict[str, str] = {}
    for leaf in loader.graph.leaf_nodes():
        for key in loader.graph.forwards_plan(leaf):
            operations = loader.graph.nodes[key].operations if key in loader.applied_migrations else []
            for operation in operations:
                if isinstance(operation, EnforceAppendOnly):
                    views.update(operation.views)
    existing = connection.introspection.table_names(include_views=True)
    return {name: select for name, select in views.items() if name not in existing}


def restore(connection: BaseDatabaseWrapper) -> list[str]:
    """Put back the triggers and views that are missing, and return their names."""
    triggers, views = missing_triggers(connection), missing_views(connection)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        if triggers:
            enforce(connection, append_only_models())
        for name, select in views.items():
            cursor.execute(f"CREATE VIEW {connection.ops.quote_name(name)} AS {select}")
    return [*triggers, *views]


@checks.register(checks.Tags.models)
def check_append_only_managers(app_configs: object = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Fail `manage.py check` for an append-only model whose manager would let changes through."""
    return [
        checks.Error(
            f"{model._meta.label} is append-only and its base manager is not.",
            hint="Declare `objects` from AppendOnlyQuerySet and inherit Meta from AppendOnlyModel.Meta.",
            obj=model,
            id="confidence.E002",
        )
        for model in append_only_models()
        if not isinstance(model._base_manager.all(), AppendOnlyQuerySet)
    ]


@checks.register(checks.Tags.database)
def check_append_only_triggers(databases: Sequence[str] | None = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Fail `manage.py check --database …` when an append-only table is unguarded."""
    return [
        checks.Error(
            f"The append-only trigger {name} is missing on database {alias!r}.",
            hint="Restore it with `manage.py enforce_append_only`, and find out who removed it.",
            id="confidence.E001",
        )
        for alias in databases or []
        for name in missing_triggers(connections[alias])
    ]
