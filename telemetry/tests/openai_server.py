"""A local server that speaks the OpenAI protocol, well or badly, as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "marked-secret 4711 of Ann Example"
"""Every reply and every error of this server holds it; no database, log or error of ours may."""

USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 12},
}

Behaviour = Callable[["_Handler"], None]


def completion(content: str, *, finish_reason: str = "stop", model: str = "local-model-2026-01-31") -> Behaviour:
    """A chat completion that says `content`."""
    return reply(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "system_fingerprint": SECRET,
            "choices": [
                {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": content}}
            ],
            "usage": USAGE,
        }
    )


def reply(document: Any, status: int = 200, **headers: str) -> Behaviour:
    """A JSON reply."""
    body = json.dumps(document).encode()
    return lambda handler: handler.send(body, status, headers)


def failure(status: int, **headers: str) -> Behaviour:
    """An error of the protocol; header names with `_` for `-`."""
    return reply({"error": {"message": SECRET, "type": SECRET, "code": SECRET}}, status, **headers)


def broken_json(handler: _Handler) -> None:
    handler.send(b'{"id": "chatcmpl-1", "choices": [' + SECRET.encode())


def cut_off(handler: _Handler) -> None:
    """Half of the body that Content-Length promises, and then nothing."""
    handler.send(b'{"id": "chatcmpl-1", "choices": [', content_length=10_000)
    handler.close_connection = True


def silence(handler: _Handler) -> None:
    """No answer until the server stops."""
    handler.local.stopping.wait()
    handler.close_connection = True


def stream(*, cut: bool) -> Behaviour:
    """Server-sent events: two chunks of a completion, and the end or its absence."""

    def behave(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for number in range(2):
            chunk = {
                "id": "chatcmpl-2",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "local-model-2026-01-31",
                "choices": [{"index": 0, "delta": {"content": SECRET}, "finish_reason": None}],
                "usage": USAGE if number else None,
            }
            handler.chunk(f"data: {json.dumps(chunk)}\n\n".encode())
        if not cut:
            handler.chunk(b"data: [DONE]\n\n")
            handler.chunk(b"")
        handler.close_connection = True

    return behave


class LocalServer(ThreadingHTTPServer):
    """Answers the requests with the planned behaviours, in their order; the last one stays."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.stopping = threading.Event()
        self.requests: list[dict[str, Any]] = []
        self.behaviours: list[Behaviour] = [completion("{}")]

    def plan(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)

    def next_behaviour(self) -> Behaviour:
        return self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LocalServer

    @property
    def local(self) -> LocalServer:
        return self.server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.local.requests.append(json.loads(body))
        self.local.next_behaviour()(self)

    def send(
        self, body: bytes, status: int = 200, headers: dict[str, str] | None = None, content_length: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) if content_length is None else content_length))
        # Clients live on in a cache; a connection that they keep would keep its thread here.
        self.send_header("Connection", "close")
        for name, value in (headers or {}).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@contextmanager
def running_server() -> Iterator[LocalServer]:
    server = LocalServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
