"""What the triggers are, and putting them on and taking them off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from confidence_project.foundation.triggers.guards import Guard, partition_tree
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


def append_only_guards(connection: BaseDatabaseWrapper, table: str) -> list[Guard]:
    """Return the triggers that keep a table, and each of its partitions, append-only."""
    rule = removable(connection, table)
    if connection.vendor == "sqlite":
        return [Guard(table, _name(table, event)) for event in ("update", "removal" if rule else "delete", "replace")]
    tree = partition_tree(connection, table)
    functions = {"change": _APPEND_ONLY}
    if rule:
        functions["removal"] = _removal(table, rule)
    if tree:
        functions["truncate"] = _APPEND_ONLY
    events = functions.items()
    return [Guard.of(part, _name(table, event), made) for part in tree or [table] for event, made in events]


def _removal(table: str, rule: Removable) -> str:
    return _REMOVAL.format(name=f'"{_name(table, "removal")}"', condition=rule.postgresql)


def _name(table: str, event: str) -> str:
    return f"{table}_append_only_{event}"


def write_once_guard(table: str, vendor: str) -> Guard:
    """Return the trigger over the columns of a table that are written once."""
    return Guard.of(table, f"{table}_write_once", "" if vendor == "sqlite" else _WRITE_ONCE)


def release(connection: BaseDatabaseWrapper, tables: Iterable[str]) -> None:
    """Take the append-only triggers off `tables`. For migrations and for tests that flush; nothing else calls it."""
    for table in tables:
        for event in ("update", "delete", "replace", "change", "removal"):
            drop(connection, _name(table, event), table)
        for part in partition_tree(connection, table):
            drop(connection, _name(table, "truncate"), part)


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
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_APPEND_ONLY)
        for model in guarded:
            table = model._meta.db_table
            rule, quote = removable(connection, table), connection.ops.quote_name
            statements = (
                _sqlite_triggers(model, rule, quote)
                if connection.vendor == "sqlite"
                else _postgresql_triggers(table, rule, partition_tree(connection, table), quote)
            )
            for statement in statements:
                cursor.execute(statement)


def write_once(connection: BaseDatabaseWrapper, model: type[models.Model], fields: Sequence[str]) -> None:
    """Put the trigger over the columns of `fields`; one that is there already is made anew."""
    quote, table = connection.ops.quote_name, model._meta.db_table
    columns = ", ".join(quote(str(field.column)) for field in model._meta.concrete_fields if field.name in fields)
    guard = write_once_guard(table, connection.vendor)
    name = quote(guard.name)
    create = f"CREATE TRIGGER {name} BEFORE UPDATE OF {columns} ON {quote(table)}"
    drop(connection, guard.name, table)
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


def _postgresql_triggers(table: str, rule: Removable | None, tree: Sequence[str], quote: Any) -> Iterator[str]:
    change = "UPDATE" if rule else "UPDATE OR DELETE"
    if tree:
        # A statement sent straight to a partition fires none of the table's own statement triggers; row triggers are
        # the partitions', too, those of later ones included.
        yield from _always(table, _name(table, "change"), f"{change} ON {quote(table)} FOR EACH ROW", quote)
        for part in tree:
            yield from refuse_truncate(table, part, quote)
    else:
        each = f"{change} OR TRUNCATE ON {quote(table)} FOR EACH STATEMENT"
        yield from _always(table, _name(table, "change"), each, quote)
    if rule:
        name = _name(table, "removal")
        yield _removal(table, rule)
        yield from _always(table, name, f"DELETE ON {quote(table)} FOR EACH ROW", quote, function=name)


def refuse_truncate(table: str, part: str, quote: Any) -> Iterator[str]:
    """Yield the statements that keep a partitioned table, or a partition of it, from being emptied."""
    yield from _always(part, _name(table, "truncate"), f"TRUNCATE ON {quote(part)} FOR EACH STATEMENT", quote)


def _always(on: str, name: str, event: str, quote: Any, function: str = "confidence_append_only") -> Iterator[str]:
    yield f"CREATE TRIGGER {quote(name)} BEFORE {event} EXECUTE FUNCTION {quote(function)}()"
    # ALWAYS: a session with session_replication_role = replica does not slip past.
    yield f"ALTER TABLE {quote(on)} ENABLE ALWAYS TRIGGER {quote(name)}"
