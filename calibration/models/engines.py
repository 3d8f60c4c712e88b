"""Engines in which evidence lies that is not copied into the ledger."""

from __future__ import annotations

from django.db import models

from governance.models.controls import IN_FORCE, Control


class EvidenceEngine(Control):
    """Where a workspace's decisions and outcomes lie, and what their columns mean. Another mapping is another row."""

    class Kind(models.TextChoices):
        DUCKDB = "duckdb", "DuckDB"
        CLICKHOUSE = "clickhouse", "ClickHouse"
        SPARK = "spark", "Apache Spark"
        BIGQUERY = "bigquery", "BigQuery"
        SNOWFLAKE = "snowflake", "Snowflake"
        TRINO = "trino", "Trino"

    name = models.CharField(max_length=50, help_text="What runs and proposals call it.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    address_variable = models.CharField(
        max_length=100, help_text="The environment variable that holds the address: never stored here."
    )
    decisions = models.CharField(max_length=200, help_text="Files below the address, or a table.")
    outcomes = models.CharField(
        max_length=200, blank=True, default="", help_text="Blank: they stand in the rows of the decisions."
    )
    mapping = models.JSONField(help_text="Which column holds what.")

    class Meta(Control.Meta):
        verbose_name = "evidence engine"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], condition=IN_FORCE, name="evidence_engine_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_kind_display()})"
