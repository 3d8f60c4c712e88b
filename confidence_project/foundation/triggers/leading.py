"""Triggers over rows that lead to a row of another table: they lead to nothing else than what it says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from confidence_project.foundation.triggers.guards import Guard, partition_tree
from confidence_project.foundation.triggers.statements import drop


@dataclass(frozen=True, slots=True)
class LeadsTo:
    """What a model whose rows lead somewhere says of itself, as `leads_to`.

    Parameters
    ----------
    table
        Where the rows lead to.
    key
        The column of both tables that names the row there.
    same
        Columns of both tables that have to agree.
    required
        The row has to be there, and stays for as long as one leads to it. So says a foreign key; but what one refers to
        cannot lose a partition.
    """

    table: str
    key: str
    same: tuple[str, ...]
    required: bool = False

    def statements(self, vendor: str, table: str) -> list[str]:
        """Return the SQL of each trigger: over `table`, then over where its rows lead to."""
        row = "NEW" if vendor == "sqlite" else "added"
        others = " OR ".join(f"there.{each} <> {row}.{each}" for each in self.same)
        parts = {
            "table": table,
            "to": self.table,
            "key": self.key,
            "same": " AND ".join(f"there.{each} = NEW.{each}" for each in (self.key, *self.same)),
            "differs": f"there.{self.key} = {row}.{self.key} AND ({others})",
        }
        return [each[vendor].format(**parts) for each in ((_REQUIRED, _KEPT) if self.required else (_AGREES,))]

    def guards(self, connection: BaseDatabaseWrapper, table: str) -> list[Guard]:
        """Return the triggers that have to be there."""
        inserting, *deleting = self.statements(connection.vendor, table)
        led_to = partition_tree(connection, self.table) or [self.table]
        return [
            Guard.of(table, f"{table}_leads_to", inserting),
            *(Guard.of(part, f"{table}_led_to", statement) for statement in deleting for part in led_to),
        ]


# A session keeps the plan that it made while a partition was empty, and would read all of what has come since.
_AGREES: Mapping[str, str] = {
    "postgresql": """
CREATE OR REPLACE FUNCTION {table}_leads_to() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    -- LIMIT keeps this a look-up for each row: joined, all that is there may be read beside it.
    IF EXISTS (SELECT 1 FROM added CROSS JOIN LATERAL (SELECT 1 FROM {to} there WHERE {differs} LIMIT 1) one) THEN
        RAISE EXCEPTION '{table} leads to what is recorded under it: INSERT refused'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {table}_leads_to AFTER INSERT ON {table} REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_leads_to();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_leads_to
""",
    "sqlite": """
CREATE TRIGGER {table}_leads_to BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {to} there WHERE {differs})
BEGIN SELECT RAISE(ABORT, '{table} leads to what is recorded under it: INSERT refused'); END
""",
}

# The row is locked as by a foreign key: of an insert and a removal at the same moment one waits for the other, and sees
# what it did.
_REQUIRED: Mapping[str, str] = {
    "postgresql": """
CREATE OR REPLACE FUNCTION {table}_leads_to() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM 1 FROM {to} there WHERE {same} FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION '{table} leads to a row of {to}: INSERT refused' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER {table}_leads_to BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_leads_to();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_leads_to
""",
    "sqlite": """
CREATE TRIGGER {table}_leads_to BEFORE INSERT ON {table} WHEN NOT EXISTS (SELECT 1 FROM {to} there WHERE {same})
BEGIN SELECT RAISE(ABORT, '{table} leads to a row of {to}: INSERT refused'); END
""",
}

_KEPT: Mapping[str, str] = {
    "postgresql": """
CREATE OR REPLACE FUNCTION {table}_led_to() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM {table} WHERE {key} = OLD.{key}) THEN
        RAISE EXCEPTION '{to} is append-only: {table} leads to the row, DELETE refused'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER {table}_led_to BEFORE DELETE ON {to} FOR EACH ROW EXECUTE FUNCTION {table}_led_to();
ALTER TABLE {to} ENABLE ALWAYS TRIGGER {table}_led_to
""",
    "sqlite": """
CREATE TRIGGER {table}_led_to BEFORE DELETE ON {to} WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = OLD.{key})
BEGIN SELECT RAISE(ABORT, '{to} is append-only: {table} leads to the row, DELETE refused'); END
""",
}


def release_leading(connection: BaseDatabaseWrapper, leading: Iterable[type[models.Model]]) -> None:
    """Take the triggers off: SQLite renames no table that a trigger over another one names."""
    for model in leading:
        table = model._meta.db_table
        drop(connection, f"{table}_leads_to", table)
        drop(connection, f"{table}_led_to", leads_to_of(model).table)


def enforce_leading(connection: BaseDatabaseWrapper, leading: Iterable[type[models.Model]]) -> None:
    """Put the triggers on the tables of models that name their `leads_to`; those there already are made anew."""
    leading = list(leading)
    release_leading(connection, leading)
    with connection.cursor() as cursor:
        for model in leading:
            for statement in leads_to_of(model).statements(connection.vendor, model._meta.db_table):
                cursor.execute(statement)


def leads_to_of(model: type[models.Model]) -> LeadsTo:
    """Return what the model says of itself."""
    leads_to: LeadsTo = model.leads_to  # type: ignore[attr-defined]
    return leads_to
