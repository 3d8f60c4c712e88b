"""Snowflake: tables of a warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import snowflake.connector
from django.conf import settings
from snowflake.connector.constants import FIELD_ID_TO_NAME

from calibration.engines.engine import Row
from calibration.engines.in_server import ServerEngine, fetched
from calibration.engines.places import server_at


class SnowflakeEngine(ServerEngine):
    """A session with a warehouse."""

    product = "Snowflake"
    dialect = "snowflake"
    failures = (snowflake.connector.errors.Error,)

    def __init__(self, address: str, decisions: str, outcomes: str) -> None:
        form = "snowflake://user:password@account/database/schema?warehouse=name&role=name"
        server = server_at(address, product=self.product, form=form)
        super().__init__(server.path, decisions, outcomes)
        named = {
            "user": server.user,
            "password": server.password,
            "port": server.port,
            **dict(zip(("database", "schema"), server.path, strict=False)),
            **server.options,
        }
        with self._told():
            self._session = snowflake.connector.connect(
                account=server.host,
                **{name: value for name, value in named.items() if value},
                application="confidence",
                session_parameters={
                    "STATEMENT_TIMEOUT_IN_SECONDS": int(settings.CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS),
                    # An account may read times in a form of its own.
                    "TIMESTAMP_INPUT_FORMAT": "AUTO",
                },
            )

    def _described(self, place: str) -> Iterable[tuple[str, str]]:
        described = self._session.cursor().describe(f"SELECT * FROM {place}")  # noqa: S608
        for column in described:
            kind = FIELD_ID_TO_NAME[column.type_code]
            yield column.name, f"NUMBER({column.precision}, {column.scale})" if kind == "FIXED" else kind

    def _counted(self, statement: str) -> Iterator[Sequence[Row]]:
        cursor = self._session.cursor()
        cursor.execute(statement)
        yield from fetched(cursor)

    def close(self) -> None:
        self._session.close()
