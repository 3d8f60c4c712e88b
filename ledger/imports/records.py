"""From a file to its records, in bounded memory: CSV as RFC 4180 has it, JSON Lines, JSON documents.

What is no record of the format is never taken for one. CSV whose quoting is broken is refused whole, before anything
is stored: behind a quote that does not close nobody can tell a record from a customer's text.
"""

from __future__ import annotations

import csv
import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json, to_json

from confidence_project.foundation.errors import InvalidInput
from ledger.imports.paths import Path
from ledger.imports.source import LONGEST_LINE, Line, Rejected, Source

LONGEST_RECORD = LONGEST_LINE
"""Bytes of a CSV record with its quoted line breaks."""

# Of the module `csv`, for the whole process: else it raises at a quoted value that is longer than 131,072 characters.
csv.field_size_limit(LONGEST_RECORD)

LARGEST_DOCUMENT = 512 << 20
"""Bytes of a JSON document, which is read whole."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands in the file: its values by the file's own names, or why it has none.

    `number` is that of its first line, in a JSON document of the record, counted from 1. `raw` is what goes to the
    file of rejects, with `rest` where the line was too long to be held.
    """

    number: int
    raw: bytes
    values: Mapping[str, Any] | None = None
    problem: str = ""
    is_cut: bool = False


class Format(ABC):
    """How records stand in a file. `columns` is known once `records` was begun; None: each record names its own.

    `header` is what stands before rejected records, so that the file of them can be imported once it is mended.
    """

    name: str
    is_text: bool = False
    """Every value is text, so that numbers, times and truth values are read from text."""
    rejects: str
    """Suffix of the file of rejects."""
    header = b""
    columns: list[str] | None = None
    largest = LARGEST_DOCUMENT
    """Bytes of what is held whole, by formats that hold anything whole."""

    @abstractmethod
    def records(self, source: Source) -> Generator[Record, None, None]:
        """Yield the records in their order; raise `InvalidInput` for a file that is not of the format."""


class CsvFormat(Format):
    """Values with a header before them. A quoted value may hold separators, quotes (doubled) and line breaks."""

    name = "csv"
    is_text = True
    rejects = "csv"

    def __init__(self, separator: str = ",") -> None:
        self.separator = separator
        value = rf'(?:"(?:[^"]|"")*"|[^"\r\n{re.escape(separator)}]*)'
        self._record = re.compile(rf"{value}(?:{re.escape(separator)}{value})*")

    def records(self, source: Source) -> Generator[Record, None, None]:
        with closing(source.lines()) as lines:
            whole = self._whole(lines)
            first = next(whole, None)
            if first is None:
                raise InvalidInput("The file is empty.")
            try:
                self.columns = [name.strip() for name in self._values(first)]
            except Rejected as error:
                raise InvalidInput(f"The first line is not a CSV header: {error.detail}.") from error
            self.header = first.raw if first.raw.endswith(b"\n") else first.raw + b"\n"
            for line in whole:
                yield self._record_on(line, self.columns)

    def _whole(self, lines: Iterator[Line]) -> Iterator[Line]:
        """Join the lines of each record: it goes on as long as a quote is open."""
        for line in lines:
            if line.raw.count(b'"') % 2:
                yield self._joined(line, lines)
            elif not line.is_blank:
                yield line

    def _joined(self, first: Line, lines: Iterator[Line]) -> Line:
        pieces, length, is_open = [first.raw], len(first.raw), True
        if not first.complete:
            raise _broken(first.number, "holds a quote, and is too long to look for its end")
        while is_open:
            line = next(lines, None)
            if line is None:
                raise _broken(first.number, "opens a quote that is never closed")
            pieces.append(line.raw)
            length += len(line.raw)
            is_open = not line.raw.count(b'"') % 2
            if length > LONGEST_RECORD or not line.complete:
                raise _broken(first.number, f"opens a quote that is not closed within {LONGEST_RECORD:,} bytes")
        return Line(first.number, b"".join(pieces))

    def _record_on(self, line: Line, columns: list[str]) -> Record:
        try:
            values = self._values(line)
        except Rejected as rejection:
            return Record(line.number, line.raw, problem=rejection.detail, is_cut=not line.complete)
        if len(values) != len(columns):
            problem = f"the line has {len(values)} values for {len(columns)} columns"
            return Record(line.number, line.raw, problem=problem)
        return Record(line.number, line.raw, dict(zip(columns, map(str.strip, values), strict=True)))

    def _values(self, line: Line) -> list[str]:
        if not line.complete and b'"' in line.raw:
            raise _broken(line.number, "holds a quote, and is too long to look for its end")
        text = line.text()
        if '"' not in text and "\r" not in text:
            return text.split(self.separator)
        if not self._record.fullmatch(text):
            raise _broken(line.number, "has a quote or a carriage return where RFC 4180 allows none")
        return next(csv.reader((text,), delimiter=self.separator, strict=True))


def _broken(number: int, how: str) -> InvalidInput:
    return InvalidInput(
        f"The quoting of the file is broken: the record that begins in line {number} {how}. Nothing is imported. "
        "Export the file anew as RFC 4180 has it (values with quotes or line breaks in quotes, quotes doubled), "
        "or without the columns of text."
    )


class JsonLinesFormat(Format):
    """A JSON object a line."""

    name = "jsonl"
    rejects = "jsonl"

    def records(self, source: Source) -> Generator[Record, None, None]:
        with closing(source.lines()) as lines:
            for line in lines:
                if line.is_blank:
                    continue
                try:
                    record = Record(line.number, line.raw, self._object(line))
                except Rejected as rejection:
                    record = Record(line.number, line.raw, problem=rejection.detail, is_cut=not line.complete)
                yield record

    @staticmethod
    def _object(line: Line) -> Mapping[str, Any]:
        text = line.text()
        try:
            given: Any = from_json(text)
        except ValueError:
            if text.strip() == "[":
                raise InvalidInput("The file is a JSON array, not JSON Lines: give --format json.") from None
            raise Rejected("the line is not valid JSON") from None
        if isinstance(given, list) and any(isinstance(each, dict) for each in given):
            raise InvalidInput("The file is a JSON array, not JSON Lines: give --format json.")
        if not isinstance(given, dict):
            raise Rejected("the line is not a JSON object")
        return given


class JsonFormat(Format):
    """One JSON document: an array of objects, or an object of columns (arrays, or objects as pandas writes them).

    `at` says where the records stand in a larger document.
    """

    name = "json"
    rejects = "jsonl"

    def __init__(self, at: str | None = None) -> None:
        self._at = Path(at) if at else None

    def records(self, source: Source) -> Generator[Record, None, None]:
        for number, item in enumerate(self._items(source), start=1):
            if isinstance(item, dict):
                yield Record(number, to_json(item), item)
            else:
                yield Record(number, to_json(item), problem="the item is not a JSON object")

    def _items(self, source: Source) -> list[Any]:
        content = source.content(self.largest)
        try:
            document: Any = from_json(content)
        except ValueError:
            raise InvalidInput("The file is no valid JSON document; for an object a line: --format jsonl.") from None
        found = self._at.lists(document) if self._at else None
        if found is not None:
            return found
        if isinstance(document, list):
            return document
        columns = list(document.values()) if isinstance(document, dict) and not self._at else []
        if columns and all(isinstance(column, list) and len(column) == len(columns[0]) for column in columns):
            return [dict(zip(document, row, strict=True)) for row in zip(*columns, strict=True)]
        if columns and all(isinstance(column, dict) and column.keys() == columns[0].keys() for column in columns):
            return [{name: document[name][key] for name in document} for key in columns[0]]
        raise InvalidInput(
            "The JSON document is neither an array of objects nor an object of columns of one length; where the "
            "records stand deeper in it, say so with --records (results.results), or with --form."
        )


FORMATS: dict[str, type[Format]] = {each.name: each for each in (CsvFormat, JsonLinesFormat, JsonFormat)}
_FORMAT_OF_SUFFIX = {
    ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".parquet": "parquet",
}  # fmt: skip


def format_of(file_name: str) -> str | None:
    """Return the format that a file's name tells, None when it tells none."""
    stem = file_name.lower().removesuffix(".gz")
    return next((name for suffix, name in _FORMAT_OF_SUFFIX.items() if stem.endswith(suffix)), None)
