"""Files of rejected records: the one place where the content of a line goes, because it is the user's own."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from confidence_project.foundation.errors import InvalidInput
from confidence_project.foundation.spreadsheets import harmless
from ledger.imports.records import Record


class RejectsFile:
    """Written when the first line is rejected, readable by its owner only. An older one makes way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            with _told_plainly():
                self._file.close()

    def write(self, header: bytes, pieces: Iterable[bytes]) -> None:
        """Add one line, given in pieces, verbatim; `header` goes before the first."""
        if self._file is None:
            with _told_plainly():
                self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
            _put(self._file, header)
        last = b""
        for last in pieces:
            _put(self._file, last)
        if not last.endswith(b"\n"):
            _put(self._file, b"\n")


class RejectsTable:
    """Rejected records with line and reason, to be looked at in a spreadsheet: no value in it is taken for a formula.

    It is not to be imported: the values of `RejectsFile` are as they were.
    """

    def __init__(self, path: Path) -> None:
        self._file = RejectsFile(path)
        self._columns: list[str] = []

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)

    def write(self, record: Record, reason: str) -> None:
        """Add a record; the columns are those of the first that has any."""
        values = record.values or {}
        self._columns = self._columns or list(values)
        header = _csv_line(["line", "reason", *self._columns])
        self._file.write(header, [_csv_line([record.number, reason, *(values.get(name) for name in self._columns)])])


def _csv_line(values: Iterable[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow([harmless(value) for value in values])
    return line.getvalue().encode("utf-8", "replace")


def _put(file: IO[bytes], piece: bytes) -> None:
    with _told_plainly():
        file.write(piece)


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"The rejects file cannot be written: {error.strerror}; see --rejects.") from error
