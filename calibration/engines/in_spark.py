"""Apache Spark: a session of its own over Parquet files, or a server over Spark Connect with its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Timer

from django.conf import settings
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from calibration.engines.column_types import kind_of
from calibration.engines.engine import DECISIONS, OUTCOMES, ColumnKind, Row
from calibration.engines.mapping import EngineMapping
from calibration.engines.places import files_of, fingerprint, table_in
from calibration.engines.statement import written
from calibration.evidence.contract import EvidenceRequest
from confidence_project.foundation.errors import InvalidInput, Unavailable

FETCH = 5_000
"""Counts that are fetched at a time."""


class SparkEngine:
    """A session in which the declared sources are views."""

    def __init__(self, address: str, decisions: str, outcomes: str) -> None:
        self._root = Path(address)
        self._watched: list[Path] = []
        sources = {DECISIONS: decisions, OUTCOMES: outcomes}
        with _told():
            if address.startswith("sc://"):
                self._session = SparkSession.builder.remote(address).create()
                catalog = self._session.catalog
                above = (catalog.currentCatalog(), catalog.currentDatabase())
                for view, table in sources.items():
                    named = ".".join(f"`{part}`" for part in table_in(above, table))
                    self._session.table(named).createOrReplaceTempView(view)
                return
            if not self._root.is_dir():
                raise InvalidInput("The address of Spark is a folder of Parquet files, or a server: sc://host:15002.")
            self._session = _local_session()
            for view, pattern in sources.items():
                files = files_of(self._root, pattern)
                self._watched += files
                read = self._session.read.option("mergeSchema", "true")
                read.parquet(*(str(path) for path in files)).createOrReplaceTempView(view)

    @property
    def snapshot(self) -> str | None:
        return fingerprint(self._root, self._watched) if self._watched else None

    def columns(self, view: str) -> Mapping[str, ColumnKind]:
        with _told():
            return {name: kind_of(kind, "spark") for name, kind in self._session.table(view).dtypes}

    def text_for(self, mapping: EngineMapping, request: EvidenceRequest, *, are_in_one: bool) -> str:
        return written(self, mapping, request, are_in_one=are_in_one).sql(dialect="spark")

    def rows(self, text: str) -> Iterator[Sequence[Row]]:
        timer = Timer(settings.CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS, self._session.interruptAll)
        timer.start()
        try:
            with _told():
                counted = self._session.sql(text).toLocalIterator()
                while batch := [tuple(row) for row in islice(counted, FETCH)]:
                    yield batch
        finally:
            timer.cancel()

    def close(self) -> None:
        self._session.stop()


def _local_session() -> SparkSession:
    """All cores of this machine, and no port that anybody could call."""
    return (
        SparkSession.builder.master("local[*]")
        .appName("confidence")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )


@contextmanager
def _told() -> Iterator[None]:
    """Its messages may hold values, so only their kind is told."""
    try:
        yield
    except PySparkException as error:
        raise Unavailable(f"Spark could not read the declared sources ({type(error).__name__}).") from error
