"""What the triggers are, and putting them on and taking them off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from confidence_project.foundation.triggers.removals import Removable, removable

_POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION {message} USING ERRCODE = 'restrict_violation';
END $$
"""

_APPEND_ONLY = _POSTGRESQL_FUNCTION.format(
    name="confidence_append_only", message="'% is append-only: % refused', TG_TABLE_NAME, TG_OP"
)
_WRITE_ONCE = _POSTGRESQL_FUNCTION.format(
    name="confidence_write_once", message="'columns of % that are written once: UPDATE refused', TG_TABLE_NAME"
)


_REMOVAL = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {condition} THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only: DELETE refused', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def append_only_names(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    """Return the names of the triggers that keep a table append-only."""
    rule = removable(connection, table)
    if connection.vendor == "sqlite":
        events = ["update", "removal" if rule else "delete", "replace"]
    else:
        events = ["change", "removal"] if rule else ["change"]
    return [_name(table, event) for event in events]


def _name(table: str, event: str) -> str:
    return f"{table}_append_only_{event}"


def write_once_name(table: str) -> str:
    """Return the name of the trigger over the columns of a table that are written once."""
    return f"{table}_write_once"


def release(connection: BaseDatabaseWrapper, tables: Iterable[str]) -> None:
    """Take the append-only triggers off `tables`. For migrations and for tests that flush; nothing else calls it."""
    for table in tables:
        for event in ("update", "delete", "replace", "change", "removal"):
            drop(connection, _name(table, event), table)


def drop(connection: BaseDatabaseWrapper, name: str, table: str) -> None:
    """Drop a trigger, if it is there."""
    quote = connection.ops.quote_name
    on_table = "" if connection.vendor == "sqlite" else f" ON {quote(table)}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER IF EXISTS {quote(name)}{on_table}")


def enforce(connection: BaseDatabaseWrapper, guarded: Iterable[type[models.Model]]) -> None:
    """Put the triggers on the tables of append-only models; those that are there already are made anew."""
    guarded = list(guarded)
    release(connection, [model._meta.db_table for model in guarded])
    build = _sqlite_triggers if connection.vendor == "sqlite" else _postgresql_triggers
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_APPEND_ONLY)
        for model in guarded:
            rule = removable(connection, model._meta.db_table)
            for statement in build(model, rule, connection.ops.quote_name):
                cursor.execute(statement)


def write_once(connection: BaseDatabaseWrapper, model: type[models.Model], fields: Sequence[str]) -> None:
    """Put the trigger over the columns of `fields`; one that is there already is made anew."""
    quote, table = connection.ops.quote_name, model._meta.db_table
    columns = ", ".join(quote(str(field.column)) for field in model._meta.concrete_fields if field.name in fields)
    name = quote(write_once_name(table))
    create = f"CREATE TRIGGER {name} BEFORE UPDATE OF {columns} ON {quote(table)}"
    drop(connection, write_once_name(table), table)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            refusal = f"SELECT RAISE(ABORT, 'columns of {table} that are written once: UPDATE refused');"
            cursor.execute(f"{create} BEGIN {refusal} END")
            return
        cursor.execute(_WRITE_ONCE)
        cursor.execute(f"{create} FOR EACH STATEMENT EXECUTE FUNCTION confidence_write_once()")
        # ALWAYS: a session with session_replication_role = replica does not slip past.
        cursor.execute(f"ALTER TABLE {quote(table)} ENABLE ALWAYS TRIGGER {name}")


def _unique_column_sets(model: type[models.Model]) -> list[list[str]]:
    fields: list[list[Any]] = [[field] for field in model._meta.concrete_fields if field.unique]
    constraints = [
        [model._meta.get_field(name) for name in constraint.fields]
        for constraint in model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint) and constraint.condition is None
    ]
    return [[str(field.column) for field in group] for group in fields + constraints]


def _sqlite_triggers(model: type[models.Model], rule: Removable | None, quote: Any) -> list[str]:
    table = model._meta.db_table
    update, replace = quote(_name(table, "update")), quote(_name(table, "replace"))
    delete = quote(_name(table, "removal" if rule else "delete"))
    unless = f" WHEN NOT ({rule.sqlite})" if rule else ""
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
        f"CREATE TRIGGER {delete} BEFORE DELETE ON {quote(table)}{unless} BEGIN {refusal} END",
        f"CREATE TRIGGER {replace} BEFORE INSERT ON {quote(table)} WHEN {clash} BEGIN {refusal} END",
    ]


def _postgresql_triggers(model: type[models.Model], rule: Removable | None, quote: Any) -> list[str]:
    table = model._meta.db_table
    name, removal = quote(_name(table, "change")), quote(_name(table, "removal"))
    events = "UPDATE OR TRUNCATE" if rule else "UPDATE OR DELETE OR TRUNCATE"
    # ALWAYS: a session with session_replication_role = replica does not slip past.
    statements = [
        f"CREATE TRIGGER {name} BEFORE {events} ON {quote(table)} "
        "FOR EACH STATEMENT EXECUTE FUNCTION confidence_append_only()",
        f"ALTER TABLE {quote(table)} ENABLE ALWAYS TRIGGER {name}",
    ]
    if rule:
        statements += [
            _REMOVAL.format(name=removal, condition=rule.postgresql),
            f"CREATE TRIGGER {removal} BEFORE DELETE ON {quote(table)} FOR EACH ROW EXECUTE FUNCTION {removal}()",
            f"ALTER TABLE {quote(table)} ENABLE ALWAYS TRIGGER {removal}",
        ]
    return statements
