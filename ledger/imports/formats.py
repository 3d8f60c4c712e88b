"""From lines to rows: CSV with a header, and JSON Lines. A line that is not well formed never costs another."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from confidence_project.foundation.errors import InvalidInput
from ledger.imports.rows import COLUMNS, REQUIRED_COLUMNS, ImportedDecision, reason_of
from ledger.imports.source import Line, Rejected


class Format(ABC):
    """How rows stand in a file.

    Parameters
    ----------
    ignore_unknown
        Leave out columns that are not ours, instead of refusing them.

    `header` is what stands before rejected lines, so that the file of them can be imported once it is mended.
    """

    name: str
    header = b""

    def __init__(self, *, ignore_unknown: bool = False) -> None:
        self.ignore_unknown = ignore_unknown

    def read_header(self, lines: Iterator[Line]) -> None:  # noqa: B027
        """Take what stands before the rows; raise `InvalidInput` when no row could be read."""

    def row(self, line: Line, stand_ins: Mapping[str, str]) -> ImportedDecision:
        """Return the row on a line, with `stand_ins` for what is absent or blank.

        Raises
        ------
        Rejected
            There is no valid row on it.
        """
        try:
            return self.validate(line, stand_ins)
        except ValidationError as error:
            raise Rejected(reason_of(error)) from None

    @abstractmethod
    def validate(self, line: Line, stand_ins: Mapping[str, str]) -> ImportedDecision:
        """`row`, which may also raise pydantic's error."""


class CsvFormat(Format):
    """Comma-separated values with a header. A record is a line: no value of ours holds a line break."""

    name = "csv"
    columns: list[str]

    def read_header(self, lines: Iterator[Line]) -> None:
        line = next(lines, None)
        if line is None:
            raise InvalidInput("The file is empty.")
        try:
            self.columns = [name.strip() for name in _fields(line)]
        except Rejected as error:
            raise InvalidInput(f"The first line is not a CSV header: {error.detail}.") from error
        self.header = line.raw if line.raw.endswith(b"\n") else line.raw + b"\n"
        missing = [name for name in REQUIRED_COLUMNS if name not in self.columns]
        if missing:
            raise InvalidInput(f"The first line names the columns, with commas between; missing: {', '.join(missing)}.")
        if any(self.columns.count(name) > 1 for name in COLUMNS):
            raise InvalidInput("The first line names a column twice.")
        unknown = [str(place) for place, name in enumerate(self.columns, start=1) if name not in COLUMNS]
        if unknown and not self.ignore_unknown:
            raise InvalidInput(
                f"The names of columns {', '.join(unknown[:20])} are not known; known are {', '.join(COLUMNS)}. "
                "Rename them, or leave them out with --ignore-unknown."
            )

    def validate(self, line: Line, stand_ins: Mapping[str, str]) -> ImportedDecision:
        fields = _fields(line)
        if len(fields) != len(self.columns):
            raise Rejected(f"the line has {len(fields)} values for {len(self.columns)} columns")
        given = zip(self.columns, map(str.strip, fields), strict=True)
        present = {name: value for name, value in given if value and name in COLUMNS}
        return ImportedDecision.model_validate_strings({**stand_ins, **present})


def _fields(line: Line) -> list[str]:
    try:
        return next(csv.reader((line.text(),), strict=True))
    except csv.Error:
        raise Rejected("the quotes on the line do not match, or a carriage return stands inside of it") from None


class JsonLinesFormat(Format):
    """A JSON object a line."""

    name = "jsonl"

    def validate(self, line: Line, stand_ins: Mapping[str, str]) -> ImportedDecision:
        text = line.text()
        try:
            given: Any = from_json(text)
        except ValueError:
            raise Rejected("the line is not valid JSON") from None
        if not isinstance(given, dict):
            raise Rejected("the line is not a JSON object")
        present = {
            name: value
            for name, value in given.items()
            if value is not None and value != "" and (name in COLUMNS or not self.ignore_unknown)
        }
        return ImportedDecision.model_validate({**stand_ins, **present})


FORMATS: dict[str, type[Format]] = {"csv": CsvFormat, "jsonl": JsonLinesFormat}
_FORMAT_OF_SUFFIX = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def format_of(file_name: str) -> str | None:
    """Return the format that a file's name tells, None when it tells none."""
    stem = file_name.lower().removesuffix(".gz")
    return next((name for suffix, name in _FORMAT_OF_SUFFIX.items() if stem.endswith(suffix)), None)
