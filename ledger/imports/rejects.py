"""The file of rejected lines: the one place where the content of a line goes, because it is the user's own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from confidence_project.foundation.errors import InvalidInput


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


def _put(file: IO[bytes], piece: bytes) -> None:
    with _told_plainly():
        file.write(piece)


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"The rejects file cannot be written: {error.strerror}; see --rejects.") from error
