"""Trino's statement protocol in front of DuckDB, which is told in its own dialect: `python trino.py PORT FILE`.

No Trino can be installed from a package registry, so that the driver and the dialect are put to the test, and Trino's
arithmetic is not. The file is a database of DuckDB.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import duckdb
import sqlglot

BATCH = 1_000
LONGEST = 2**31 - 1
TYPES = {
    "VARCHAR": "varchar",
    "BOOLEAN": "boolean",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
    "DOUBLE": "double",
    "TIMESTAMP WITH TIME ZONE": "timestamp(6) with time zone",
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    results: dict[str, tuple[list[Any], list[Any]]] = {}

    def do_POST(self) -> None:
        statement = self.rfile.read(int(self.headers["Content-Length"])).decode()
        query = f"q{len(self.results)}"
        try:
            session = duckdb.connect(sys.argv[2], read_only=True)
            counted = session.execute(sqlglot.transpile(statement, read="trino", write="duckdb")[0])
        except (duckdb.Error, sqlglot.errors.SqlglotError) as error:
            failure = {"errorType": "USER_ERROR", "errorName": "SYNTAX_ERROR", "errorCode": 1, "message": str(error)}
            return self._reply({"id": query, "stats": {"state": "FAILED"}, "error": failure})
        columns = [_column(name, str(kind)) for name, kind, *_ in counted.description]
        self.results[query] = columns, [[_plain(value) for value in row] for row in counted.fetchall()]
        return self._reply(self._page(query, -1))

    def do_GET(self) -> None:
        _, query, page = urlsplit(self.path).path.rsplit("/", 2)
        self._reply(self._page(query, int(page)))

    def do_DELETE(self) -> None:
        self._reply({})

    def _page(self, query: str, page: int) -> dict[str, Any]:
        columns, rows = self.results[query]
        base = f"http://{self.headers['Host']}/v1/statement/executing/{query}"
        told: dict[str, Any] = {"id": query, "infoUri": base, "columns": columns}
        is_last = page >= 0 and (page + 1) * BATCH >= len(rows)
        told["stats"] = {"state": "FINISHED" if is_last else "RUNNING"}
        if page >= 0:
            told["data"] = rows[page * BATCH : (page + 1) * BATCH]
        if not is_last:
            told["nextUri"] = f"{base}/{page + 1}"
        return told

    def _reply(self, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def _column(name: str, kind: str) -> dict[str, Any]:
    called = kind.lower() if kind.startswith("DECIMAL") else TYPES[kind]
    raw, _, inside = called.partition("(")
    numbers, _, rest = inside.partition(")")
    given = [int(each) for each in numbers.split(",") if each] or [LONGEST] * (called == "varchar")
    arguments = [{"kind": "LONG", "value": each} for each in given]
    return {"name": name, "type": called, "typeSignature": {"rawType": raw + rest, "arguments": arguments}}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
