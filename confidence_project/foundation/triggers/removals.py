"""The one way out of an append-only table: a row may be deleted once another table says that it was removed.

A model names it as `removable`. Migrations know models without their attributes, so the rule is looked up by the table;
and while the table that records removals is not there yet, or not any more, nothing can be deleted.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True, slots=True)
class Removable:
    """When a row may be deleted.

    Parameters
    ----------
    recorded_in
        The append-only table in which removals are on record.
    postgresql, sqlite
        A condition in SQL over the row `OLD`, in the words of each database.
    """

    recorded_in: str
    postgresql: str
    sqlite: str


def removable(connection: BaseDatabaseWrapper, table: str) -> Removable | None:
    """Return when rows of `table` may be deleted; None: never."""
    rules = (getattr(model, "removable", None) for model in apps.get_models() if model._meta.db_table == table)
    rule: Removable | None = next(filter(None, rules), None)
    if rule is None or rule.recorded_in not in connection.introspection.table_names():
        return None
    return rule
