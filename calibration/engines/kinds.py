"""Which kinds of engines there are, what each needs to be installed, and how it is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from calibration.engines.engine import Engine
from calibration.engines.places import address_in
from calibration.models import EvidenceEngine
from confidence_project.foundation.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Where its class is, in a module that is loaded only when it is opened, for its libraries are large."""

    module: str
    name: str
    needs: tuple[str, ...]
    requirements: str


KINDS: Mapping[str, _Kind] = {
    EvidenceEngine.Kind.DUCKDB: _Kind(
        module="calibration.engines.in_duckdb",
        name="DuckDBEngine",
        needs=("sqlglot", "duckdb"),
        requirements="requirements-engines.txt",
    ),
    EvidenceEngine.Kind.CLICKHOUSE: _Kind(
        module="calibration.engines.in_clickhouse",
        name="ClickHouseEngine",
        needs=("sqlglot", "chdb"),
        requirements="requirements-clickhouse.txt",
    ),
    EvidenceEngine.Kind.SPARK: _Kind(
        module="calibration.engines.in_spark",
        name="SparkEngine",
        needs=("sqlglot", "pyspark"),
        requirements="requirements-spark.txt",
    ),
    EvidenceEngine.Kind.BIGQUERY: _Kind(
        module="calibration.engines.in_bigquery",
        name="BigQueryEngine",
        needs=("sqlglot", "google.cloud.bigquery"),
        requirements="requirements-bigquery.txt",
    ),
    EvidenceEngine.Kind.SNOWFLAKE: _Kind(
        module="calibration.engines.in_snowflake",
        name="SnowflakeEngine",
        needs=("sqlglot", "snowflake.connector"),
        requirements="requirements-snowflake.txt",
    ),
    EvidenceEngine.Kind.TRINO: _Kind(
        module="calibration.engines.in_trino",
        name="TrinoEngine",
        needs=("sqlglot", "trino"),
        requirements="requirements-trino.txt",
    ),
}

AT_A_SERVER: Mapping[str, _Kind] = {
    EvidenceEngine.Kind.CLICKHOUSE: _Kind(
        module="calibration.engines.in_clickhouse_server",
        name="ClickHouseServerEngine",
        needs=("sqlglot", "clickhouse_connect"),
        requirements="requirements-clickhouse-server.txt",
    ),
}
"""In place of those above, where the address is that of a server."""


@contextmanager
def opened(declared: EvidenceEngine) -> Iterator[Engine]:
    """Open the engine that a workspace declared, for as long as it is read.

    Raises
    ------
    Unavailable
        What it needs is not installed, its address is not set, or it cannot be reached.
    InvalidInput
        What is declared does not go with the address.
    """
    address = address_in(declared.address_variable)
    kind = AT_A_SERVER.get(declared.kind, KINDS[declared.kind]) if "://" in address else KINDS[declared.kind]
    if not all(_is_installed(library) for library in kind.needs):
        raise Unavailable(
            f"This installation cannot read {declared.get_kind_display()}: pip install -r {kind.requirements}."
        )
    engine: Engine = getattr(import_module(kind.module), kind.name)(
        address, declared.decisions, declared.outcomes or declared.decisions
    )
    try:
        yield engine
    finally:
        engine.close()


def _is_installed(library: str) -> bool:
    """`find_spec` loads what a name is part of, and raises where that is missing."""
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:
        return False
