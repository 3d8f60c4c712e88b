"""DuckDB inside of this process: over Parquet files, or one database file that is only read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb
from django.conf import settings

from calibration.engines.column_types import kind_of
from calibration.engines.engine import DECISIONS, OUTCOMES, ColumnKind, Row
from calibration.engines.mapping import EngineMapping
from calibration.engines.places import files_of, fingerprint, table_in
from calibration.engines.statement import written
from calibration.evidence.contract import EvidenceRequest
from confidence_project.foundation.errors import Unavailable

FETCH = 5_000
"""Counts that are fetched at a time."""


class DuckDBEngine:
    """A session of its own, which sees nothing but the files that were declared."""

    def __init__(self, address: str, decisions: str, outcomes: str) -> None:
        path = Path(address)
        self._watched: list[Path] = []
        self._root = path if path.is_dir() else path.parent
        self._sources: Mapping[str, str] = {DECISIONS: decisions, OUTCOMES: outcomes}
        with _told():
            if path.is_dir():
                self._session = duckdb.connect(":memory:")
                for view, pattern in self._sources.items():
                    self._over_files(view, files_of(path, pattern))
            else:
                self._session = duckdb.connect(str(path), read_only=True)
                self._watched = [path.resolve()]
                above = self._session.execute("SELECT current_database(), current_schema()").fetchone() or ()
                for view, table in self._sources.items():
                    named = ".".join(_quoted(part) for part in table_in(above, table))
                    self._session.execute(f"CREATE TEMP VIEW {view} AS SELECT * FROM {named}")  # noqa: S608
            # From here on nothing else can be read, whatever a statement says.
            self._session.execute(f"SET allowed_directories = [{_literal(self._root.resolve())}]")
            self._session.execute("SET enable_external_access = false")
            self._session.execute("SET lock_configuration = true")

    def _over_files(self, view: str, files: Sequence[Path]) -> None:
        self._watched += files
        named = ", ".join(_literal(path) for path in files)
        parquet = f"read_parquet([{named}], union_by_name = true)"
        self._session.execute(f"CREATE TEMP VIEW {view} AS SELECT * FROM {parquet}")  # noqa: S608

    @property
    def snapshot(self) -> str | None:
        return fingerprint(self._root, self._watched)

    def columns(self, view: str) -> Mapping[str, ColumnKind]:
        with _told():
            described = self._session.execute(f"DESCRIBE {view}").fetchall()
        return {name: kind_of(kind, "duckdb") for name, kind, *_ in described}

    def text_for(self, mapping: EngineMapping, request: EvidenceRequest, *, are_in_one: bool) -> str:
        return written(self, mapping, request, are_in_one=are_in_one).sql(dialect="duckdb")

    def rows(self, text: str) -> Iterator[Sequence[Row]]:
        timer = Timer(settings.CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS, self._session.interrupt)
        timer.start()
        try:
            with _told():
                counted = self._session.execute(text)
                while batch := counted.fetchmany(FETCH):
                    yield batch
        finally:
            timer.cancel()

    def close(self) -> None:
        self._session.close()


@contextmanager
def _told() -> Iterator[None]:
    """Its messages may hold values, so only their kind is told."""
    try:
        yield
    except duckdb.Error as error:
        raise Unavailable(f"DuckDB could not read the declared sources ({type(error).__name__}).") from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"
