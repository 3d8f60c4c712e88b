"""BigQuery: tables of a project, read with the credentials that Google's libraries find."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import requests
from django.conf import settings
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from calibration.engines.engine import Row
from calibration.engines.in_server import FETCH, ServerEngine
from calibration.engines.places import server_at


class BigQueryEngine(ServerEngine):
    """A client of a project, whose data set tables are looked for in."""

    product = "BigQuery"
    dialect = "bigquery"
    failures = (GoogleAPIError, GoogleAuthError, requests.RequestException, TimeoutError)

    def __init__(self, address: str, decisions: str, outcomes: str) -> None:
        server = server_at(address, product=self.product, form="bigquery://project/dataset?location=EU")
        super().__init__([server.host, *server.path], decisions, outcomes)
        with self._told():
            self._session = bigquery.Client(project=server.host, location=server.options.get("location"))

    def _described(self, place: str) -> Iterable[tuple[str, str]]:
        for column in self._session.get_table(place.replace("`", "")).schema:
            yield column.name, "ARRAY" if column.mode == "REPEATED" else column.field_type

    def _counted(self, statement: str) -> Iterator[Sequence[Row]]:
        seconds = int(settings.CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS)
        asked = bigquery.QueryJobConfig(job_timeout_ms=seconds * 1000)
        counted = self._session.query(statement, job_config=asked).result(page_size=FETCH, timeout=seconds)
        for page in counted.pages:
            yield [row.values() for row in page]

    def close(self) -> None:
        self._session.close()
