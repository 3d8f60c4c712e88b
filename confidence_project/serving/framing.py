"""Where a request ends. Its bytes are judged by gunicorn's parser, which gets them once they are all there."""

from __future__ import annotations

import re
from tempfile import SpooledTemporaryFile
from typing import IO

HEAD_MOST = 64 * 1024
LINE_MOST = 8 * 1024
IN_MEMORY = 256 * 1024

_LENGTH = re.compile(rb"\r\ncontent-length:([^\r]*)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_CONTINUE = re.compile(rb" HTTP/1\.1\r\n(?:.*\r\n)?expect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE | re.DOTALL)


class Arriving:
    """One request while it comes in, in memory or, when it is large, in a temporary file.

    Where the end cannot be told (a head or a body above the limit, a chunk without a size), it counts as whole at once:
    the parser then runs out of bytes, refuses it, and the connection is closed.

    Attributes
    ----------
    held
        What came of the request.
    size
        How many bytes that is.
    over
        What came behind its end.
    """

    def __init__(self, body_most: int) -> None:
        self.held: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed with its connection
        self.size = 0
        self.over = b""
        self.whole = False
        self.has_head = False
        self.wants_continue = False
        self._body_most = body_most
        self._line = bytearray()
        self._left = 0
        self._chunked = False
        self._in_trailer = False

    @property
    def begun(self) -> bool:
        return bool(self.size or self._line)

    def end(self) -> None:
        """Nothing more will come."""
        self._keep(bytes(self._line))
        self._line.clear()
        self.whole = True
        self.held.seek(0)

    def take(self, data: bytes) -> None:
        """Take what has just come."""
        if not self.has_head:
            data = self._take_head(data)
        if self.has_head and not self.whole:
            data = self._take_chunks(data) if self._chunked else self._take_length(data)
        if self.whole:
            self.over = data
            self.held.seek(0)

    def _keep(self, data: bytes) -> None:
        self.held.write(data)
        self.size += len(data)

    def _take_head(self, data: bytes) -> bytes:
        searched = max(0, len(self._line) - 3)
        self._line += data
        end = self._line.find(b"\r\n\r\n", searched) + 4
        if end < 4:
            if len(self._line) > HEAD_MOST:
                self.end()
            return b""
        head, rest = bytes(self._line[:end]), bytes(self._line[end:])
        self._line.clear()
        self._keep(head)
        self.has_head = True
        self.wants_continue = bool(_CONTINUE.search(head))
        self._chunked = bool(_CHUNKED.search(head))
        if not self._chunked and (length := _LENGTH.search(head)):
            digits = length[1].strip()
            self._left = int(digits) if digits.isdigit() and len(digits) < 16 else self._body_most + 1
            self.whole = self._left > self._body_most
        return rest

    def _take_length(self, data: bytes) -> bytes:
        self._keep(data[: self._left])
        rest = data[self._left :]
        self._left -= len(data) - len(rest)
        self.whole = not self._left
        return rest

    def _take_chunks(self, data: bytes) -> bytes:
        while data and not self.whole:
            if self._left:
                data = self._take_length(data)
                # With the end of a chunk the next one begins.
                self.whole = self.size > self._body_most
                continue
            line, newline, data = data.partition(b"\n")
            self._line += line + newline
            if newline:
                self._end_line()
            elif len(self._line) > LINE_MOST:
                self.whole = True
        return data

    def _end_line(self) -> None:
        line = bytes(self._line).strip()
        self._keep(bytes(self._line))
        self._line.clear()
        if self._in_trailer:
            self.whole = not line or self.size > self._body_most
            return
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            size = -1
        self._in_trailer = size == 0
        # The line that ends a chunk counts with it.
        self._left = size + 2 if size > 0 else 0
        self.whole = size < 0 or size > self._body_most
