"""Which triggers and views should be in a database, which are missing, and putting them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from confidence_project.foundation.append_only import append_only_models
from confidence_project.foundation.triggers.guards import Guard, guards_in
from confidence_project.foundation.triggers.leading import enforce_leading, leads_to_of, release_leading
from confidence_project.foundation.triggers.operations import EnforceAppendOnly
from confidence_project.foundation.triggers.statements import append_only_guards, enforce, write_once, write_once_guard
from confidence_project.foundation.triggers.versions import enforce_versions, version_guards


def write_once_models() -> list[type[models.Model]]:
    """Every model of the installed apps that names columns in `written_once`."""
    return [model for model in apps.get_models() if getattr(model, "written_once", None)]


def versioned_models() -> list[type[models.Model]]:
    """Every model of the installed apps whose rows govern an owner that has a version."""
    return [model for model in apps.get_models() if hasattr(model, "versioned")]


def leading_models() -> list[type[models.Model]]:
    """Every model of the installed apps whose rows lead to a row of another table."""
    return [model for model in apps.get_models() if hasattr(model, "leads_to")]


def missing_triggers(connection: BaseDatabaseWrapper) -> list[Guard]:
    """Return the triggers that should be in the database and are not, or do something else (migrated tables only)."""
    found = guards_in(connection)
    existing = set(connection.introspection.table_names())
    tables = {model: model._meta.db_table for model in apps.get_models() if model._meta.db_table in existing}
    expected = [
        *(guard for m in append_only_models() if m in tables for guard in append_only_guards(connection, tables[m])),
        *(write_once_guard(tables[m], connection.vendor) for m in write_once_models() if m in tables),
        *(guard for m in versioned_models() if m in tables for guard in version_guards(connection, m)),
        *(guard for m in leading_models() if m in tables for guard in leads_to_of(m).guards(connection, tables[m])),
    ]
    first = {guard.name: guard for guard in reversed(expected)}
    missing = [guard for guard in expected if guard not in found]
    # Where a table has lost one, its partitions have, too.
    return [guard for guard in missing if guard == first[guard.name] or first[guard.name] in found]


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
            enforce_versions(connection, versioned_models())
            enforce_leading(connection, leading_models())
        for model in write_once_models():
            if write_once_guard(model._meta.db_table, connection.vendor) in triggers:
                write_once(connection, model, model.written_once)  # type: ignore[attr-defined]
        for name, select in views.items():
            cursor.execute(f"CREATE VIEW {connection.ops.quote_name(name)} AS {select}")
    return [*map(str, triggers), *views]


def release_before_migrations(using: str, **kwargs: Any) -> None:
    """Take off what would keep SQLite from rebuilding a table."""
    release_leading(connections[using], _leading_in(connections[using]))


def keep_leading(using: str, **kwargs: Any) -> None:
    """Put the triggers of rows that lead somewhere in place after migrations."""
    enforce_leading(connections[using], _leading_in(connections[using]))


def _leading_in(connection: BaseDatabaseWrapper) -> list[type[models.Model]]:
    existing = set(connection.introspection.table_names())
    tables = [(model, {model._meta.db_table, leads_to_of(model).table}) for model in leading_models()]
    return [model for model, of_it in tables if of_it <= existing]


def _error_id(guard: Guard) -> str:
    if guard.name.endswith("_write_once"):
        return "confidence.E003"
    if guard.name.endswith(("_leads_to", "_led_to")):
        return "confidence.E005"
    return "confidence.E004" if "_version" in guard.name else "confidence.E001"


def check_triggers(databases: Sequence[str] | None = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Fail `manage.py check --database …` when a trigger over history, or over what governs, is missing."""
    return [
        checks.Error(
            f"The trigger {guard}, which guards its table, is missing on database {alias!r}, or was changed.",
            hint="Restore it with `manage.py enforce_append_only`, and find out who removed it.",
            id=_error_id(guard),
        )
        for alias in databases or []
        for guard in missing_triggers(connections[alias])
    ]
