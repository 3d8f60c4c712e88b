"""Triggers that give an owner a new version at every change of a row that governs it, whoever makes the change.

A version is random and never comes back, so what was read under it may be kept for as long as it stands. Whoever acts
on what was read lets the database compare: `confidence_version_holds` takes the owner's lock shared until the end of
the transaction, and a change takes it exclusively. Of the two, one waits for the other's commit. SQLite lets one write
at a time and needs no lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from confidence_project.foundation.triggers.guards import Guard
from confidence_project.foundation.triggers.statements import drop

LOCK = 0x6A7E
"""First key of the advisory locks (PostgreSQL); the second is the owner's id."""


@dataclass(frozen=True, slots=True)
class Versioned:
    """What a model whose rows govern says of itself, as `versioned`.

    Parameters
    ----------
    table
        Holds `workspace_id` and its `version`.
    owner
        The model's column that names whom the row governs.
    columns
        Where given, only an update of these counts.
    """

    table: str
    owner: str
    columns: tuple[str, ...] = ()

    def names(self, table: str, vendor: str) -> dict[str, str]:
        """Return the triggers over `table`: name to the events at which each fires."""
        update = f"UPDATE OF {', '.join(self.columns)}" if self.columns else "UPDATE"
        if vendor == "sqlite":
            events = [update] if self.columns else ["INSERT", update, "DELETE"]
            return {f"{table}_version_{event.split()[0].lower()}": event for event in events}
        every = update if self.columns else f"INSERT OR {update} OR DELETE"
        return {f"{table}_version": every, f"{table}_version_truncate": "TRUNCATE"}


_RAISE = """
CREATE OR REPLACE FUNCTION confidence_raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owners bigint[] := '{{}}';
    one bigint;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        owners := ARRAY(SELECT workspace_id FROM {table});
    END IF;
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        owners := owners || (to_jsonb(OLD) ->> TG_ARGV[0])::bigint;
    END IF;
    IF TG_OP IN ('UPDATE', 'INSERT') THEN
        owners := owners || (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
    END IF;
    FOR one IN SELECT DISTINCT unnest(owners) ORDER BY 1 LOOP
        PERFORM pg_advisory_xact_lock({lock}, (one % 2147483647)::integer);
        INSERT INTO {table} (workspace_id, version) VALUES (one, gen_random_uuid())
            ON CONFLICT (workspace_id) DO UPDATE SET version = excluded.version;
    END LOOP;
    RETURN NULL;
END $$
"""

# The lock is a statement of its own: the snapshot of the one after it holds all that was committed while it waited.
_HOLDS = """
CREATE OR REPLACE FUNCTION confidence_version_holds(owner bigint, expected uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'versions are compared under READ COMMITTED: another isolation level would not see changes';
    END IF;
    PERFORM pg_advisory_xact_lock_shared({lock}, (owner % 2147483647)::integer);
    RETURN EXISTS (SELECT 1 FROM {table} WHERE workspace_id = owner AND version = expected);
END $$
"""


def enforce_versions(connection: BaseDatabaseWrapper, governing: Iterable[type[models.Model]]) -> None:
    """Put the triggers on the tables of models that name their `versioned`; those there already are made anew."""
    build = _sqlite_trigger if connection.vendor == "sqlite" else _postgresql_trigger
    with connection.cursor() as cursor:
        for model in governing:
            table, versioned = model._meta.db_table, _versioned(model)
            if connection.vendor == "postgresql":
                cursor.execute(_RAISE.format(table=versioned.table, lock=LOCK))
                cursor.execute(_HOLDS.format(table=versioned.table, lock=LOCK))
            for name, events in versioned.names(table, connection.vendor).items():
                drop(connection, name, table)
                for statement in build(versioned, table, name, events):
                    cursor.execute(statement)


def version_guards(connection: BaseDatabaseWrapper, model: type[models.Model]) -> list[Guard]:
    """Return the triggers that have to be on the table of a model that names its `versioned`."""
    table, versioned = model._meta.db_table, _versioned(model)
    function = "" if connection.vendor == "sqlite" else _RAISE.format(table=versioned.table, lock=LOCK)
    return [Guard.of(table, name, function) for name in versioned.names(table, connection.vendor)]


def _versioned(model: type[models.Model]) -> Versioned:
    versioned: Versioned = model.versioned  # type: ignore[attr-defined]
    return versioned


def _sqlite_trigger(versioned: Versioned, table: str, name: str, events: str) -> Iterable[str]:
    rows = {"INSERT": ("NEW",), "DELETE": ("OLD",)}.get(events, ("OLD", "NEW"))
    # Not an upsert: where the statement that fires the trigger says OR REPLACE or OR IGNORE, that goes for these, too.
    raised = "".join(
        f"DELETE FROM {versioned.table} WHERE workspace_id = {row}.{versioned.owner}; "
        f"INSERT INTO {versioned.table} (workspace_id, version) "
        f"VALUES ({row}.{versioned.owner}, lower(hex(randomblob(16)))); "
        for row in rows
    )
    yield f"CREATE TRIGGER {name} AFTER {events} ON {table} BEGIN {raised} END"


def _postgresql_trigger(versioned: Versioned, table: str, name: str, events: str) -> Iterable[str]:
    level = "STATEMENT" if events == "TRUNCATE" else "ROW"
    called = f"confidence_raise_version('{versioned.owner}')"
    yield f"CREATE TRIGGER {name} AFTER {events} ON {table} FOR EACH {level} EXECUTE FUNCTION {called}"
    # ALWAYS: a session with session_replication_role = replica does not slip past.
    yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
