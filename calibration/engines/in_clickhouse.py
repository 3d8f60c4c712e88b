"""ClickHouse inside of this process (chdb), over Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import chdb

from calibration.engines.clickhouse_dialect import in_clickhouse
from calibration.engines.column_types import kind_of
from calibration.engines.engine import DECISIONS, OUTCOMES, ColumnKind, Row
from calibration.engines.mapping import EngineMapping
from calibration.engines.places import files_of, fingerprint
from calibration.engines.statement import written
from calibration.evidence.contract import EvidenceRequest
from confidence_project.foundation.errors import InvalidInput, Unavailable

FETCH = 5_000
"""Counts that are fetched at a time."""


class ClickHouseEngine:
    """A session of its own over the files that were declared."""

    def __init__(self, address: str, decisions: str, outcomes: str) -> None:
        self._root = Path(address)
        if not self._root.is_dir():
            raise InvalidInput("The address of this kind of engine is a folder of Parquet files.")
        self._watched: list[Path] = []
        self._session = chdb.connect(":memory:")
        try:
            for view, pattern in {DECISIONS: decisions, OUTCOMES: outcomes}.items():
                self._over_files(view, files_of(self._root, pattern))
        except BaseException:
            self._session.close()
            raise

    def _over_files(self, view: str, files: Sequence[Path]) -> None:
        self._watched += files
        # By one name, so that columns go by theirs, whatever their order in a file.
        below = ",".join(str(path.relative_to(self._root.resolve())) for path in files)
        named = _literal(f"{self._root.resolve()}/{{{below}}}" if len(files) > 1 else str(files[0]))
        with _told():
            self._session.query(f"CREATE VIEW {view} AS SELECT * FROM file({named}, 'Parquet')")  # noqa: S608

    @property
    def snapshot(self) -> str | None:
        return fingerprint(self._root, self._watched)

    def columns(self, view: str) -> Mapping[str, ColumnKind]:
        with _told():
            cursor = self._session.cursor()
            cursor.execute(f"DESCRIBE TABLE {view}")
            return {name: kind_of(kind, "clickhouse") for name, kind, *_ in cursor.fetchall()}

    def text_for(self, mapping: EngineMapping, request: EvidenceRequest, *, are_in_one: bool) -> str:
        return in_clickhouse(written(self, mapping, request, are_in_one=are_in_one))

    def rows(self, text: str) -> Iterator[Sequence[Row]]:
        with _told():
            cursor = self._session.cursor()
            cursor.execute(text)
            while batch := cursor.fetchmany(FETCH):
                yield batch

    def close(self) -> None:
        self._session.close()


@contextmanager
def _told() -> Iterator[None]:
    """Its messages may hold values, so only their kind is told."""
    try:
        yield
    except RuntimeError as error:
        raise Unavailable(f"ClickHouse could not read the declared sources ({type(error).__name__}).") from error


def _literal(path: str) -> str:
    return "'" + path.replace("\\", "\\\\").replace("'", "\\'") + "'"
