"""Reading a file of any size line by line, in bounded memory: plain or gzip, from disk or from standard input."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tempfile
import zlib
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, BinaryIO, cast

from confidence_project.foundation.errors import DomainError, InvalidInput

LONGEST_LINE = 1 << 20
"""Bytes. The values of a record are short, so a longer line is broken; it is never held in memory whole."""

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_BOM = b"\xef\xbb\xbf"
_PIECE = 1 << 20


class Rejected(DomainError):
    """A line that is not imported. The message is the reason and never holds what the line holds."""

    code = "rejected"
    title = "The line is not imported"


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its end, counted from 1. `complete` False: it is too long, and `raw` is only its beginning."""

    number: int
    raw: bytes
    complete: bool = True

    @property
    def is_blank(self) -> bool:
        return self.complete and not self.raw.strip()

    def text(self) -> str:
        """Return the line without its end; raise `Rejected` if it is too long or not UTF-8."""
        if not self.complete:
            raise Rejected(f"the line is longer than {LONGEST_LINE:,} bytes")
        try:
            return self.raw.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise Rejected("the line is not UTF-8") from None


class Source:
    """A file whose lines are read once, and whose hash is computed in a pass of its own when it is asked for."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        try:
            self.size = path.stat().st_size
            with path.open("rb") as file:
                start = file.read(3)
        except OSError as error:
            raise InvalidInput(f"The file cannot be read: {error.strerror}.") from error
        if not self.size:
            raise InvalidInput("The file is empty.")
        self.path = path
        self.name = path.name if name is None else name
        self._is_gzip = start.startswith(_GZIP)
        self._raw: BinaryIO | None = None
        self._content: IO[bytes] | None = None
        self._inside_line = False

    @property
    def position(self) -> int:
        """How many of the `size` bytes of the file, as it is stored, have been read."""
        return self._raw.tell() if self._raw and not self._raw.closed else self.size

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the content; packing a file does not make it another one."""
        digest = hashlib.sha256()
        with self._open() as (_, content):
            while piece := content.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()

    def content(self, limit: int) -> bytes:
        """Return the content whole; raise `InvalidInput` when it is longer than `limit` bytes or no UTF-8."""
        with self._open() as (_, file):
            content = file.read(limit + 1)
        if len(content) > limit:
            raise InvalidInput(f"The document is longer than {limit:,} bytes; write one JSON object a line.")
        if content.startswith(_UTF16):
            raise InvalidInput("The file is UTF-16; save it as UTF-8.")
        return content.removeprefix(_UTF8_BOM)

    def is_longer_than(self, limit: int) -> bool:
        """True when the content, unpacked, has more bytes; no more of it is read."""
        with self._open() as (_, file):
            return len(file.read(limit + 1)) > limit

    def lines(self) -> Generator[Line, None, None]:
        """Yield the lines. After one that is too long, `rest` gives what follows of it.

        Raises
        ------
        InvalidInput
            The content is UTF-16 or empty, or the gzip stream is broken.
        """
        with self._open() as (self._raw, self._content):
            first = self._content.readline(LONGEST_LINE)
            if not first or first.startswith(_UTF16):
                raise InvalidInput("The file is UTF-16; save it as UTF-8." if first else "The file is empty.")
            number, raw = 1, first.removeprefix(_UTF8_BOM)
            while raw:
                self._inside_line = len(raw) >= LONGEST_LINE - len(_UTF8_BOM) and not raw.endswith(b"\n")
                yield Line(number, raw, not self._inside_line)
                deque(self.rest(), maxlen=0)
                number, raw = number + 1, self._content.readline(LONGEST_LINE)

    def rest(self) -> Iterator[bytes]:
        """Yield what follows of the present line, in pieces; nothing when it was given whole."""
        while self._inside_line and self._content is not None:
            piece = self._content.readline(LONGEST_LINE)
            self._inside_line = bool(piece) and not piece.endswith(b"\n")
            yield piece

    @contextmanager
    def _open(self) -> Iterator[tuple[BinaryIO, IO[bytes]]]:
        try:
            with self.path.open("rb") as raw:
                if not self._is_gzip:
                    yield raw, raw
                    return
                with gzip.open(raw, "rb") as content:
                    yield raw, cast(IO[bytes], content)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InvalidInput("The gzip stream is broken or cut off.") from error


@contextmanager
def open_source(path: Path | None, stdin: BinaryIO) -> Iterator[Source]:
    """Open a file, or a copy of what can be read only once: standard input (None) or a pipe."""
    if path is not None and not path.is_fifo():
        yield Source(path)
        return
    with tempfile.NamedTemporaryFile(prefix="confidence-import-") as copy:
        with path.open("rb") if path else nullcontext(stdin) as stream:
            shutil.copyfileobj(stream, copy)
        copy.flush()
        yield Source(Path(copy.name), name="")
