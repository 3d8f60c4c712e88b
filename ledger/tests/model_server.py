"""A model's server, over real HTTP: it says what a test has it say, and keeps what it was asked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class ModelServerStub(ThreadingHTTPServer):
    """`reply` is JSON, bytes, or a function of the request's body; `requests` are (path, headers, body)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply: Any = {}
        self.status = 200
        self.headers: dict[str, str] = {}
        self.pause = 0.0
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: ModelServerStub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        names = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, names, body))
        time.sleep(self.server.pause)
        reply = self.server.reply
        if isinstance(reply, Callable):  # type: ignore[arg-type]
            reply = reply(json.loads(body))
        content = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(self.server.status)
        for name, value in {"Content-Type": "application/json", **self.server.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving_a_model() -> Iterator[ModelServerStub]:
    with ModelServerStub() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
