"""A ClickHouse server over HTTP, or ClickHouse Cloud."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError
from django.conf import settings
from sqlglot import exp

from calibration.engines.clickhouse_dialect import in_clickhouse
from calibration.engines.engine import Row
from calibration.engines.in_server import ServerEngine
from calibration.engines.places import server_at


class ClickHouseServerEngine(ServerEngine):
    """A client of a database."""

    product = "ClickHouse"
    dialect = "clickhouse"
    failures = (ClickHouseError,)
    depth = 2

    def __init__(self, address: str, decisions: str, outcomes: str) -> None:
        server = server_at(address, product=self.product, form="https://user:password@host:8443/database")
        super().__init__(server.path, decisions, outcomes)
        with self._told():
            self._session = clickhouse_connect.get_client(
                host=server.host,
                port=server.port or 0,
                interface=server.scheme,
                username=server.user or None,
                password=server.password,
                send_receive_timeout=int(settings.CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS),
            )

    def _described(self, place: str) -> Iterable[tuple[str, str]]:
        return [(name, kind) for name, kind, *_ in self._session.query(f"DESCRIBE TABLE {place}").result_rows]

    def _counted(self, statement: str) -> Iterator[Sequence[Row]]:
        with self._session.query_row_block_stream(statement) as blocks:
            yield from blocks

    def _in_dialect(self, statement: exp.Expr) -> str:
        return in_clickhouse(statement)

    def close(self) -> None:
        self._session.close()
