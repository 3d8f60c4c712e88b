"""A ledger that has been parted for a while: months behind it, and not only ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection

from confidence_project.foundation.append_only import append_only_models
from confidence_project.foundation.triggers import enforce
from confidence_project.foundation.triggers.guarding import leading_models
from confidence_project.foundation.triggers.leading import enforce_leading
from ledger.models.decisions import least_decision_id
from ledger.months.partitions import TABLE, first_of_next_month, partitions
from ledger.months.services import make_ahead


def parted_since(days_ago: int) -> None:
    """Part the empty ledger as if it had been so for that long, within the test's transaction."""
    drop_partitions(len(partitions()))
    until = first_of_next_month(datetime.now(UTC) - timedelta(days=days_ago))
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {TABLE}_until_{until:%Y_%m} PARTITION OF {TABLE} "
            f"FOR VALUES FROM (MINVALUE) TO ('{least_decision_id(until)}')"
        )
    enforce(connection, [model for model in append_only_models() if model._meta.db_table == TABLE])
    enforce_leading(connection, leading_models())
    make_ahead()


def drop_partitions(number: int) -> None:
    """Drop the last partitions, as an operator might by hand."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for partition in partitions()[-number:]:
            cursor.execute(f"DROP TABLE {partition.name}")
