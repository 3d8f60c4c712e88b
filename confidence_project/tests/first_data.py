"""A process of its own that fills the tables as the first migrations made them, upgrades, and verifies what it finds.

Run with the URL of an empty database in DATABASE_URL.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django is set up first
from django.db import connection, models  # noqa: E402
from django.db.migrations.executor import MigrationExecutor  # noqa: E402

APPS = ("governance", "telemetry", "ledger", "calibration")
FIRST = [(app, "0001_initial") for app in APPS]
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

OF_TYPES: dict[str, Any] = {
    "CharField": "word",
    "TextField": "{}",
    "SlugField": "word",
    "DateTimeField": AT,
    "DateField": AT.date(),
    "DecimalField": Decimal("0.5"),
    "FloatField": 0.5,
    "BooleanField": False,
    "JSONField": {},
    "UUIDField": UUID("0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a11"),
}
OF_FIELDS: dict[str, Any] = {
    "decisionrecord.decision_id": OF_TYPES["UUIDField"],
    "decisionrecord.external_id": "word",
    "confidencecalibrationrun.window_to": AT + timedelta(days=1),
}
"""What has to fit something else: a host's id is that of its decision, a window ends after it begins."""

NOT_NULL = {"breakglassreview.revision"}
"""May be null, and a constraint says that it is not."""

OF_THE_LOG = {"logleaf", "lognode", "checkpoint"}
"""Left empty: the log that is made after the upgrade is over all that is older."""


def fill(apps: Any) -> dict[str, list[Any]]:
    """Insert a row into each table, and return their keys by table."""
    rows: dict[type[models.Model], Any] = {}
    tables = [model for app in APPS for model in apps.get_app_config(app).get_models()]
    for model in tables:
        row_of(model, rows)
    return {model._meta.db_table: [row.pk] for model, row in rows.items() if model._meta.app_label in APPS}


def row_of(model: type[models.Model], rows: dict[type[models.Model], Any]) -> Any:
    """Return the row of a table, inserted with those that it refers to."""
    name = model._meta.model_name
    if model not in rows and name not in OF_THE_LOG:
        given = {
            field.name: value_of(field, rows)
            for field in model._meta.concrete_fields
            if f"{name}.{field.name}" in {*OF_FIELDS, *NOT_NULL} or is_needed(field)
        }
        rows[model] = model._default_manager.create(**given)
    return rows.get(model)


def is_needed(field: Any) -> bool:
    has_default = field.has_default() and field.get_default() is not None
    return not (field.null or has_default or isinstance(field, models.AutoField))


def value_of(field: Any, rows: dict[type[models.Model], Any]) -> Any:
    name = f"{field.model._meta.model_name}.{field.name}"
    if name in OF_FIELDS:
        return OF_FIELDS[name]
    if field.is_relation:
        return row_of(field.related_model, rows)
    if field.choices:
        return field.choices[0][0]
    if isinstance(field, models.IntegerField):
        return 1
    return OF_TYPES[field.get_internal_type()]


def main() -> None:
    """Migrate to the first state, fill, upgrade, and look at every row again."""
    for app, name in FIRST:
        call_command("migrate", app, name, verbosity=0)
    was = fill(MigrationExecutor(connection).loader.project_state(FIRST).apps)
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        for table, keys in was.items():
            cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")
            assert cursor.fetchone()[0] >= len(keys), f"{table} lost its rows"
    print(f"{len(was)} tables kept their rows.")
    call_command("check", databases=["default"])
    call_command("checkpoint_ledger")
    call_command("verify_ledger")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM decision_ledger")


if __name__ == "__main__":
    main()
