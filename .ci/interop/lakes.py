"""Where decisions lie in engines that are too large for every test run: each yields how tables get there, if any do.

Beside Apache's Spark and ClickHouse (without its server) stands what speaks for servers that cannot be installed:
emulators of BigQuery and Snowflake, and Trino's protocol. All three count in DuckDB, so that driver, address, types of
columns and dialect are held to the contract, and the arithmetic of what they stand for is not.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow.csv
import pyarrow.parquet
import pyspark
import pytest
import snowflake.connector
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from pyspark.sql import SparkSession

from calibration.tests.engine_contract import VARIABLE, Load, into_duckdb

HERE = Path(__file__).parent
READY_SECONDS = 120


@pytest.fixture
def files(folder: Path) -> None:
    """The folder itself, for what reads files."""


@pytest.fixture
def clickhouse_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    with _started(sys.executable, HERE / "servers" / "clickhouse.py", "{port}") as port:
        monkeypatch.setenv(VARIABLE, f"http://default:secret@127.0.0.1:{port}/default")

        def load(tables: Mapping[str, Sequence[Path]]) -> None:
            client = clickhouse_connect.get_client(host="127.0.0.1", port=port)
            for table, paths in tables.items():
                names = ",".join(path.name for path in paths)
                named = f"{folder}/{{{names}}}" if len(paths) > 1 else paths[0]
                stored = f"CREATE TABLE {table} ENGINE = MergeTree ORDER BY tuple()"
                client.command(f"{stored} AS SELECT * FROM file('{named}', Parquet)")

        yield load


@pytest.fixture
def spark_connect(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    home = Path(pyspark.__file__).parent
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.sql.warehouse.dir": folder / "warehouse",
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        # Another zone than UTC, as servers have.
        "spark.sql.session.timeZone": "America/New_York",
    }
    asked = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    command = [home / "bin" / "spark-submit", "--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    command += ["--master", "local[2]", *asked, "--conf", "spark.connect.grpc.binding.port={port}", "spark-internal"]
    with _started(*command, SPARK_HOME=str(home)) as port:
        address = f"sc://127.0.0.1:{port}"
        monkeypatch.setenv(VARIABLE, address)

        def load(tables: Mapping[str, Sequence[Path]]) -> None:
            session = SparkSession.builder.remote(address).create()
            for table, paths in tables.items():
                session.read.parquet(*map(str, paths)).write.saveAsTable(table)
            session.stop()

        yield load


@pytest.fixture
def trino(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    database = folder / "lake.duckdb"
    with _started(sys.executable, HERE / "servers" / "trino.py", "{port}", database) as port:
        monkeypatch.setenv(VARIABLE, f"http://ann@127.0.0.1:{port}/lake/main")
        yield partial(into_duckdb, database)


@pytest.fixture
def snowflake_emulator(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    with _started(_emulator("snowflake") / "fakesnow", "--server", "--port", "{port}") as port:
        query = f"?warehouse=small&host=127.0.0.1&port={port}&protocol=http"
        monkeypatch.setenv(VARIABLE, f"snowflake://ann:secret@acme/LAKE/AI{query}")
        known = {"host": "127.0.0.1", "port": port, "protocol": "http", "database": "LAKE", "schema": "AI"}

        def load(tables: Mapping[str, Sequence[Path]]) -> None:
            with snowflake.connector.connect(account="acme", user="ann", password="secret", **known) as session:
                cursor = session.cursor()
                cursor.execute("CREATE DATABASE IF NOT EXISTS LAKE")
                cursor.execute("CREATE SCHEMA IF NOT EXISTS LAKE.AI")
                for table, paths in tables.items():
                    for statement in _of_snowflake(table, paths):
                        cursor.execute(statement)

        yield load


@pytest.fixture
def bigquery_emulator(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    with _started(_emulator("bigquery") / "crucible", "serve", "--dialect", "bigquery", "--port", "{port}") as port:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        # Which credentials there are is Google's part, and the emulator asks for none.
        monkeypatch.setattr("google.auth.default", lambda **_: (AnonymousCredentials(), "acme-data"))
        monkeypatch.setenv(VARIABLE, "bigquery://acme-data/lake")
        client = bigquery.Client(project="acme-data")
        client.create_dataset("lake")

        def load(tables: Mapping[str, Sequence[Path]]) -> None:
            for table, paths in tables.items():
                _into_bigquery(client, table, paths)

        yield load


@contextmanager
def _started(*command: str | Path, **environment: str) -> Iterator[int]:
    """Run a server for as long as it is needed; yield its port, which stands for `{port}` in the command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    asked = [str(part).replace("{port}", str(port)) for part in command]
    with subprocess.Popen(asked, env={**os.environ, **environment}, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(process, port)
            yield port
        finally:
            process.terminate()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{process.args} did not become ready.")


def _emulator(name: str) -> Path:
    """The environment of an emulator, whose requirements go with nobody else's."""
    return Path(sys.prefix) / "emulators" / name / "bin"


_TYPES = {
    "string": ("VARCHAR", "STRING"),
    "bool": ("BOOLEAN", "BOOL"),
    "int32": ("NUMBER(10, 0)", "INT64"),
    "decimal128(5, 4)": ("NUMBER(5, 4)", "NUMERIC"),
    "decimal128(6, 5)": ("NUMBER(6, 5)", "NUMERIC"),
    "timestamp[us, tz=UTC]": ("TIMESTAMP_TZ", "TIMESTAMP"),
}
"""Of Parquet, in Snowflake and in BigQuery: neither emulator loads it."""
ROWS_AT_A_TIME = 500


def _into_bigquery(client: bigquery.Client, table: str, paths: Sequence[Path]) -> None:
    """Text first, cast by a statement: of CSV, the emulator reads no times with microseconds."""
    schema = pyarrow.parquet.read_schema(paths[0])
    fields = [bigquery.SchemaField(name, "STRING") for name in schema.names]
    asked = bigquery.LoadJobConfig(source_format="CSV", schema=fields, write_disposition="WRITE_APPEND")
    for path in paths:
        text = BytesIO()
        rows = pyarrow.parquet.read_table(path).select(schema.names)
        pyarrow.csv.write_csv(rows, text, pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed"))
        text.seek(0)
        client.load_table_from_file(text, f"acme-data.lake.{table}_text", job_config=asked).result()
    kinds = {field.name: _TYPES[str(field.type)][1] for field in schema}
    cast = ", ".join(f"CAST(NULLIF(`{name}`, '') AS {kind}) AS `{name}`" for name, kind in kinds.items())
    client.query(f"CREATE TABLE `lake.{table}` AS SELECT {cast} FROM `lake.{table}_text`").result()


def _of_snowflake(table: str, paths: Sequence[Path]) -> Iterator[str]:
    """Files as statements."""
    schema = pyarrow.parquet.read_schema(paths[0])
    kinds = {field.name: _TYPES[str(field.type)][0] for field in schema}
    columns = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
    yield f'CREATE TABLE "{table}" ({columns})'
    for path in paths:
        for batch in pyarrow.parquet.read_table(path).select(schema.names).to_batches(ROWS_AT_A_TIME):
            rows = ", ".join(f"({', '.join(map(_literal, row.values()))})" for row in batch.to_pylist())
            yield f'INSERT INTO "{table}" VALUES {rows}'


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f"'{value.isoformat(' ', 'microseconds')}'"
    return f"'{value}'" if isinstance(value, str) else str(value)
