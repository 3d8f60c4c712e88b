"""Triggers over rows that lead to a row of another table: they lead to nothing else than what it says of itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

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
    """

    table: str
    key: str
    same: tuple[str, ...]

    def name(self, table: str) -> str:
        """Return the name of the trigger over `table`."""
        return f"{table}_leads_to"

    def differs(self, row: str) -> str:
        """Return SQL that holds of `there` where it is another's than `row`."""
        others = " OR ".join(f"there.{column} <> {row}.{column}" for column in self.same)
        return f"there.{self.key} = {row}.{self.key} AND ({others})"


_POSTGRESQL = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM added JOIN {to} there ON {differs}) THEN
        RAISE EXCEPTION '{refusal}' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {name} AFTER INSERT ON {table} REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION {name}();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}
"""

_SQLITE = """
CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {to} there WHERE {differs})
BEGIN SELECT RAISE(ABORT, '{refusal}'); END
"""


def release_leading(connection: BaseDatabaseWrapper, leading: Iterable[type[models.Model]]) -> None:
    """Take the triggers off: SQLite renames no table that a trigger over another one names."""
    for model in leading:
        drop(connection, _of(model).name(model._meta.db_table), model._meta.db_table)


def enforce_leading(connection: BaseDatabaseWrapper, leading: Iterable[type[models.Model]]) -> None:
    """Put the triggers on the tables of models that name their `leads_to`; those there already are made anew."""
    leading = list(leading)
    release_leading(connection, leading)
    is_sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        for model in leading:
            leads_to, table = _of(model), model._meta.db_table
            parts = {
                "name": leads_to.name(table),
                "table": table,
                "to": leads_to.table,
                "differs": leads_to.differs("NEW" if is_sqlite else "added"),
                "refusal": f"{table} leads to what is recorded under it: INSERT refused",
            }
            cursor.execute((_SQLITE if is_sqlite else _POSTGRESQL).format(**parts))


def _of(model: type[models.Model]) -> LeadsTo:
    leads_to: LeadsTo = model.leads_to  # type: ignore[attr-defined]
    return leads_to
