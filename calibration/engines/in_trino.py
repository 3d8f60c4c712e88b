"""Trino over HTTP: tables of any catalog that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import requests
import trino
from django.conf import settings
from sqlglot import exp

from calibration.engines.engine import Row
from calibration.engines.in_server import ServerEngine, fetched
from calibration.engines.places import server_at
from confidence_project.foundation.errors import InvalidInput


class TrinoEngine(ServerEngine):
    """A session with a coordinator."""

    product = "Trino"
    dialect = "trino"
    failures = (trino.exceptions.Error, trino.exceptions.HttpError, requests.RequestException)

    def __init__(self, address: str, decisions: str, outcomes: str) -> None:
        server = server_at(address, product=self.product, form="https://user:password@host:443/catalog/schema")
        if server.password and server.scheme == "http":
            raise InvalidInput("A password goes to Trino over https: write the address so, or leave the password out.")
        super().__init__(server.path, decisions, outcomes)
        seconds = int(settings.CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS)
        self._session = trino.dbapi.connect(
            host=server.host,
            port=server.port or (443 if server.scheme == "https" else 8080),
            http_scheme=server.scheme,
            user=server.user or "confidence",
            auth=trino.auth.BasicAuthentication(server.user, server.password) if server.password else None,
            source="confidence",
            session_properties={"query_max_run_time": f"{seconds}s"},
        )

    def _described(self, place: str) -> Iterable[tuple[str, str]]:
        cursor = self._session.cursor()
        cursor.execute(f"SELECT * FROM {place} LIMIT 0")  # noqa: S608
        cursor.fetchall()
        return [(name, kind) for name, kind, *_ in cursor.description]

    def _counted(self, statement: str) -> Iterator[Sequence[Row]]:
        cursor = self._session.cursor()
        cursor.execute(statement)
        yield from fetched(cursor)

    def _in_dialect(self, statement: exp.Expr) -> str:
        return super()._in_dialect(statement.transform(_with_microseconds))

    def close(self) -> None:
        self._session.close()


def _with_microseconds(node: exp.Expr) -> exp.Expr:
    """A time of no declared precision has milliseconds there."""
    if isinstance(node, exp.DataType) and node.is_type("timestamptz", "timestamp"):
        node.set("expressions", [exp.DataTypeParam(this=exp.Literal.number(6))])
    return node
