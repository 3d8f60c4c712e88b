"""ClickHouse's HTTP interface in front of chdb, which is ClickHouse without its server: `python clickhouse.py PORT`."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from urllib.parse import parse_qs, urlsplit

import chdb

SESSION, ONE_AT_A_TIME = chdb.connect(":memory:"), Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        asked = parse_qs(urlsplit(self.path).query)
        statement = "\n".join([*asked.get("query", []), *([body] if body else [])])
        try:
            with ONE_AT_A_TIME:
                told, status = SESSION.query(statement, "TabSeparated").bytes(), 200
        except RuntimeError as error:
            told, status = str(error).encode(), 500
        self.send_response(status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
