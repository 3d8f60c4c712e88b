"""A host that receives webhooks, over real HTTP, and misbehaves on demand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from standardwebhooks.webhooks import Webhook


class Receiver(ThreadingHTTPServer):
    """Keeps what it receives in `requests`, as (headers, body), and answers as `behaviour` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.location = ""
        self.behaviour = "answer"
        self.closing = Event()
        self.released = Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks"

    def verified(self, secret: str) -> list[Any]:
        """The messages, each checked with the library."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.requests]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((dict(self.headers.items()), body))
        getattr(self, self.server.behaviour)()

    def answer(self) -> None:
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer_when_released(self) -> None:
        self.server.released.wait(60)
        self.answer()

    def hang(self) -> None:
        self.server.closing.wait(60)
        self.close_connection = True

    def trickle(self) -> None:
        """Begin a reply that never gets to its end, but is never silent for long either."""
        self._without_end(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", 0.05)

    def endless_body(self) -> None:
        self._without_end(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", b"a" * 65536, 0)

    def garbage(self) -> None:
        self.wfile.write(b"nothing that is HTTP\r\n\r\n")
        self.close_connection = True

    def _without_end(self, start: bytes, more: bytes, pause: float) -> None:
        self.close_connection = True
        try:
            self.wfile.write(start)
            while not self.server.closing.is_set():
                self.wfile.write(more)
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            pass  # the sender has had enough

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
