"""Local servers that the audio pipeline and the exporters talk to: real HTTP, real MCP."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer


class HttpServer(ThreadingHTTPServer):
    """Answers each POST with `status` and the JSON of `document`, after `then`; keeps what it was sent, by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.status = 200
        self.document: Any = {}
        self.then: Callable[[], object] = lambda: None
        self.requests: list[tuple[str, bytes]] = []
        self.authorizations: set[str | None] = set()

    def bodies(self, path: str) -> list[bytes]:
        return [body for sent_to, body in self.requests if sent_to == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.authorizations.add(self.headers["Authorization"])
        self.server.requests.append(
            (self.path, gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
        )
        self.server.then()
        reply = json.dumps(self.server.document).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@contextmanager
def http_server() -> Iterator[HttpServer]:
    server = HttpServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def mcp_server(push_turn: Callable[[str, str], Any]) -> Iterator[str]:
    """An MCP server with one tool, over Streamable HTTP; gives its URL."""
    agent = MCPServer("agent")
    agent.add_tool(push_turn, name="push_turn")
    config = uvicorn.Config(agent.streamable_http_app(), host="127.0.0.1", port=0, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.should_exit = True
        thread.join()
