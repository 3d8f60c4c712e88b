"""Part the ledger by month (PostgreSQL). What is there becomes the first partition as it is: no row is written anew.

Only the check of its ids reads the table, beside readers and writers. What follows takes it alone for a moment, and gives
up after `LOCK_TIMEOUT`, so that nobody waits longer; `migrate`, run again, goes on.
"""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from uuid import UUID

from django.db import migrations

from confidence_project.foundation.triggers import EnforceAppendOnly
from ledger.models.decisions import least_decision_id, moment_of
from ledger.months.partitions import first_of_next_month
from ledger.months.services import keep_partitions

EFFECTIVE = import_module("ledger.migrations.0006_one_book").EFFECTIVE
TABLE, CHECK = "decision_ledger", "decision_ledger_is_before"
LOCK_TIMEOUT = "5s"
SLACK = timedelta(days=3)
"""The check holds from its first moment on, and a migration that was broken off must not refuse a new month."""

CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
 WHERE conrelid = 'decision_ledger'::regclass AND contype IN ('p', 'u', 'f')
"""
INDEXES = """
SELECT c.relname, pg_get_indexdef(c.oid), EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = c.oid)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'decision_ledger'::regclass
"""
GRANTS = """
SELECT format('GRANT %s ON decision_ledger TO %s', privilege_type,
              CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
  FROM pg_class, aclexplode(relacl) WHERE oid = 'decision_ledger'::regclass
"""


def check_ids(apps, schema_editor):
    """Have the database know before which time all ids lie, and see to it from here on."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"SELECT decision_id FROM {TABLE} ORDER BY decision_id DESC LIMIT 1")
        newest = [datetime.now(UTC), *(moment_of(decision_id) for (decision_id,) in cursor.fetchall())]
        until = least_decision_id(first_of_next_month(max(newest) + SLACK))
        cursor.execute("SET lock_timeout = %s", [LOCK_TIMEOUT])
        cursor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS {CHECK}")
        cursor.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {CHECK} CHECK (decision_id < '{until}') NOT VALID")
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {CHECK}")
        cursor.execute("RESET statement_timeout")


def take_over(apps, schema_editor):
    """Put a table that is parted in the place of the one that is there, with the latter as its first partition."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:

        def rows_of(query):
            cursor.execute(query)
            return cursor.fetchall()

        ((until,),) = rows_of(
            f"SELECT substring(pg_get_constraintdef(oid) FROM '[0-9a-f-]{{36}}') FROM pg_constraint "
            f"WHERE conname = '{CHECK}' AND conrelid = '{TABLE}'::regclass"
        )
        constraints, indexes, grants = rows_of(CONSTRAINTS), rows_of(INDEXES), rows_of(GRANTS)
        suffix = f"until_{moment_of(UUID(until)):%Y_%m}"
        first = f"{TABLE}_{suffix}"
        for name, _, _ in indexes:
            cursor.execute(f'ALTER INDEX "{name}" RENAME TO "{name}_{suffix}"')
        cursor.execute(f"ALTER TABLE {TABLE} RENAME TO {first}")
        like = f"LIKE {first} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE"
        cursor.execute(f"CREATE TABLE {TABLE} ({like}) PARTITION BY RANGE (decision_id)")
        cursor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {CHECK}")
        for name, definition in constraints:
            cursor.execute(f'ALTER TABLE {TABLE} ADD CONSTRAINT "{name}" {definition}')
        for statement in [definition for _, definition, of_a_constraint in indexes if not of_a_constraint]:
            cursor.execute(statement)
        cursor.execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ('{until}')")
        cursor.execute(f"ALTER TABLE {first} DROP CONSTRAINT {CHECK}")
        for (statement,) in grants:
            cursor.execute(statement)


def make_months(apps, schema_editor):
    """Make the partitions of the months to come."""
    keep_partitions()
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ("ledger", "0028_no_constraint_on_the_ledger"),
    ]

    operations = [
        migrations.RunPython(check_ids, migrations.RunPython.noop),
        EnforceAppendOnly(
            ["DecisionRecord"],
            views={"decision_ledger_effective": EFFECTIVE},
            operations=[migrations.RunPython(take_over, migrations.RunPython.noop)],
        ),
        migrations.RunPython(make_months, migrations.RunPython.noop),
    ]
