"""A connection as a thread of the server sees it: it reads what has come, and writes without waiting."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import IO

from confidence_project.serving.framing import IN_MEMORY, Arriving

RECEIVED_AT_ONCE = 256 * 1024
# A thread that has answered waits so many moments for its client's next request, if nobody waits for a thread: most
# come so soon, and the way over the main loop would change threads twice.
MOMENTS = 5
MOMENT = struct.pack("@ll", 0, 4_000)  # a timeval: four milliseconds
# A request or a reply may take the seconds of the settings, and one more for so many bytes.
BYTES_A_SECOND = 10_000


class BufferedSocket:
    """Stands between gunicorn's threads and a socket that does not block.

    Attributes
    ----------
    arriving
        The request that is coming in, or that a thread works on.
    """

    def __init__(self, connected: socket.socket, *, seconds: float, body_most: int) -> None:
        # It blocks for a moment where a thread waits, and nowhere else: any other call says that it does not wait.
        connected.setblocking(True)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, MOMENT)
        self._socket = connected
        self._seconds = seconds
        self._body_most = body_most
        self._backlog: IO[bytes] | None = None
        self._sent = self._kept = 0
        self.next_request()

    def next_request(self, data: bytes = b"") -> None:
        """Begin with the next request, of which `data` has come already."""
        self.arriving = Arriving(self._body_most)
        self._since = time.monotonic()
        self._ran_out = False
        self._head: bytes | None = None
        if data:
            self.arriving.take(data)

    def receive(self) -> bool:
        """Take what has come, without waiting; whether the request is worth going on with."""
        try:
            data = self._socket.recv(RECEIVED_AT_ONCE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return self._take(data)

    def _take(self, data: bytes) -> bool:
        arriving, had_head = self.arriving, self.arriving.has_head
        if not data:
            # Who has only said that nothing more comes is answered that it was too little.
            arriving.end()
            return arriving.begun
        arriving.take(data)
        if arriving.wants_continue and not had_head and not arriving.whole:
            self.send_at_once(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def next_comes(self, may_wait: Callable[[], bool]) -> bool:
        """Send what is kept, and wait a little for the next request while `may_wait`; whether all of it is there."""
        if not self.flush():
            return False
        for _ in range(MOMENTS):
            if not may_wait():
                return False
            if over := self.arriving.over:
                self.next_request(over)
                return self.arriving.whole
            with suppress(BlockingIOError):
                data = self._socket.recv(RECEIVED_AT_ONCE)
                self.next_request()
                return self._take(data) and self.arriving.whole
        return False

    def discard(self) -> bool:
        """Read and forget what still comes after the reply; whether more may come."""
        try:
            return bool(self._socket.recv(RECEIVED_AT_ONCE, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def arrives_until(self) -> float:
        """When the request has to be whole."""
        return self._since + self._seconds + self.arriving.size / BYTES_A_SECOND

    def leaves_until(self) -> float:
        """When the reply has to be gone that is ready now."""
        return time.monotonic() + self._seconds + (self._kept - self._sent) / BYTES_A_SECOND

    @property
    def may_go_on(self) -> bool:
        """Whether the request was read to its end and not beyond, so that the next one begins behind it."""
        return not self._ran_out and self.arriving.held.tell() == self.arriving.size

    def flush(self) -> bool:
        """Send what is kept, as far as it goes without waiting; whether nothing is left."""
        if self._head:
            self.sendall(b"")
        if self._backlog is None:
            return True
        while self._sent < self._kept:
            self._backlog.seek(self._sent)
            try:
                self._sent += self._socket.send(self._backlog.read(RECEIVED_AT_ONCE), socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
        self._backlog.close()
        self._backlog, self._sent, self._kept = None, 0, 0
        return True

    def send_at_once(self, data: bytes) -> None:
        """Send as far as it goes without waiting, and keep the rest."""
        left = memoryview(data)
        if self.flush():
            with suppress(BlockingIOError):
                left = left[self._socket.send(left, socket.MSG_DONTWAIT) :]
        if left:
            if self._backlog is None:
                self._backlog = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed when it is sent
            self._backlog.seek(self._kept)
            self._kept += self._backlog.write(left)

    # What gunicorn calls, as of a socket -----------------------------------------------------------------------------

    def recv(self, size: int) -> bytes:
        data = self.arriving.held.read(size)
        self._ran_out = self._ran_out or not data
        return data

    def send(self, data: bytes) -> int:
        """Gunicorn's "100 Continue", which went out when the head was there."""
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Send a part of the reply: the head, which comes first, leaves with what follows it."""
        if self._head is None:
            self._head = data
            return
        data, self._head = self._head + data, b""
        self.send_at_once(data)

    def setblocking(self, flag: bool) -> None:
        """It waits for nothing, whatever gunicorn asks."""

    def gettimeout(self) -> float:
        return 0.0

    def fileno(self) -> int:
        return self._socket.fileno()

    def shutdown(self, how: int) -> None:
        self._socket.shutdown(how)

    def close(self) -> None:
        self.arriving.held.close()
        if self._backlog is not None:
            self._backlog.close()
        self._socket.close()
