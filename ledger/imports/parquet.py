"""Parquet, where pyarrow is installed: it is large, so it is loaded for the first such file only."""

from __future__ import annotations

from collections.abc import Generator
from importlib import import_module
from typing import Any

from pydantic_core import to_json

from confidence_project.foundation.errors import InvalidInput
from ledger.imports.records import Format, Record
from ledger.imports.source import Source

BATCH = 10_000
"""Rows that are held at a time."""


class ParquetFormat(Format):
    """Rows of a Parquet file, a batch at a time. Rejected ones are written as JSON Lines."""

    name = "parquet"
    rejects = "jsonl"

    def records(self, source: Source) -> Generator[Record, None, None]:
        try:
            library, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        except ImportError as error:
            raise InvalidInput("Parquet needs pyarrow: pip install -r requirements-parquet.txt.") from error
        try:
            with parquet.ParquetFile(source.path) as file:
                self.columns = list(file.schema_arrow.names)
                yield from self._rows(file)
        except library.ArrowException as error:
            raise InvalidInput("The file is not Parquet, or it is broken.") from error

    @staticmethod
    def _rows(file: Any) -> Generator[Record, None, None]:
        number = 0
        for batch in file.iter_batches(BATCH):
            for row in batch.to_pylist():
                number += 1
                yield Record(number, to_json(row, fallback=str), row)
