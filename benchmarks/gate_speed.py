"""How fast decisions are gated and recorded, and policies read, beside the bare SQL of the same rows in the same run.

Each figure is the best of several rounds: what else the machine does only ever makes a round slower.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import override_settings

from confidence_project.foundation.submissions import Submission
from governance.models import ApiKey, ConfidencePolicy, Workspace
from governance.policies import resolve_threshold
from ledger.contracts import DecisionEnvelope
from ledger.models import DecisionExternalId, DecisionRecord
from ledger.models.decisions import new_decision_id
from ledger.pipelines.decisions import decide, decide_many

SINGLE = 500
BULK = 5_000
ROUNDS = 4
PORT = 8765

_numbers = itertools.count()
_random = random.Random(7)


def main() -> None:
    if connection.vendor != "postgresql":
        sys.exit("These ratios are measured on PostgreSQL: run `make bench`.")
    call_command("migrate", verbosity=0)
    workspace, key = _workspace()
    with _server(), httpx.Client(base_url=f"http://127.0.0.1:{PORT}", headers={"X-API-Key": key}) as client:
        rows = [
            ("bare INSERT + COMMIT, one at a time", SINGLE, _best(lambda: _bare_inserts(SINGLE, workspace)), None),
            ("in process, one at a time", SINGLE, _best(lambda: _in_process(SINGLE, workspace)), 0),
            ("HTTP, one at a time", SINGLE, _best(lambda: _over_http(SINGLE, client)), 0),
            ("bare COPY + COMMIT", BULK, _best(lambda: _bare_copy(workspace)), None),
            ("in process, in bulk", BULK, _best(lambda: _in_process_bulk(workspace)), 3),
            ("HTTP, NDJSON in bulk", BULK, _best(lambda: _over_http_bulk(client)), 3),
            ("bare SELECT of a policy", SINGLE, _best(lambda: _bare_selects(SINGLE, workspace)), None),
            ("resolve_threshold", SINGLE, _best(lambda: _resolves(SINGLE, workspace)), 6),
            ("resolve_threshold, configs kept", SINGLE, _best(lambda: _resolves_kept(SINGLE, workspace)), 6),
            ("OFREP, one flag at a time", SINGLE, _best(lambda: _over_ofrep(SINGLE, client)), 6),
        ]
    print(f"{'':38}{'per second':>12}{'each, µs':>12}{'× bare':>9}")
    for name, count, seconds, base in rows:
        ratio = "" if base is None else f"{(seconds / count) / (rows[base][2] / rows[base][1]):.1f}"
        print(f"{name:38}{count / seconds:>12,.0f}{seconds / count * 1e6:>12,.0f}{ratio:>9}")


def _best(work: Callable[[], None]) -> float:
    def timed() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return min(timed() for _ in range(ROUNDS))


def _workspace() -> tuple[Workspace, str]:
    workspace = Workspace.objects.create(slug=f"bench-{secrets.token_hex(4)}", name="Benchmark")
    ConfidencePolicy.objects.create(
        workspace=workspace,
        policy_key="confidence_gate",
        version=1,
        config={
            "values": {"confidence_threshold": 0.8},
            "overrides": [
                {"match": {"provider": "acme", "model": f"m{n}"}, "values": {"confidence_threshold": 0.7 + n / 100}}
                for n in range(10)
            ],
        },
    )
    _, key = ApiKey.objects.create_key(name="bench", workspace=workspace, scopes=["decide", "read"])
    return workspace, key


def _body() -> dict[str, Any]:
    number = next(_numbers)
    return {
        "external_id": f"bench-{number}",
        "policy_key": "confidence_gate",
        "case_key": f"case-{number}",
        "confidence_kind": "self_reported",
        "decision": {
            "risk_summary": "The reply may be read as a promise.",
            "likely_root_cause": "The template leaves the date open.",
            "confidence": round(_random.betavariate(8, 2), 4),
            "recommended_action": {"type": "retry", "parameters": {"attempts": 2}},
            "provider": "acme",
            "model": f"m{number % 10}",
            "prompt_hash": "ab" * 32,
        },
    }


def _submission() -> Submission[DecisionEnvelope]:
    body = _body()
    return Submission(body["external_id"], "cd" * 32, DecisionEnvelope.model_validate(body))


def _in_process(count: int, workspace: Workspace) -> None:
    for _ in range(count):
        decide(workspace=workspace, submission=_submission())


def _in_process_bulk(workspace: Workspace) -> None:
    decide_many(workspace=workspace, submissions=[_submission() for _ in range(BULK)])


def _over_http(count: int, client: httpx.Client) -> None:
    for _ in range(count):
        client.post("/api/v1/decisions", json=_body()).raise_for_status()


def _over_http_bulk(client: httpx.Client) -> None:
    lines = "\n".join(json.dumps(_body()) for _ in range(BULK))
    headers = {"Content-Type": "application/x-ndjson"}
    client.post("/api/v1/decisions", content=lines, headers=headers, timeout=60).raise_for_status()


def _resolves(count: int, workspace: Workspace) -> None:
    for number in range(count):
        resolve_threshold(
            workspace, "confidence_gate", "confidence_threshold", provider="acme", model=f"m{number % 10}"
        )


def _resolves_kept(count: int, workspace: Workspace) -> None:
    with override_settings(CONFIDENCE_POLICY_CACHE_SECONDS=60.0):
        _resolves(count, workspace)


def _over_ofrep(count: int, client: httpx.Client) -> None:
    for number in range(count):
        context = {"targetingKey": f"case-{number}", "provider": "acme", "model": f"m{number % 10}"}
        path = "/ofrep/v1/evaluate/flags/confidence_gate.confidence_threshold"
        client.post(path, json={"context": context}).raise_for_status()


def _bare_selects(count: int, workspace: Workspace) -> None:
    query = "SELECT config, version FROM governance_confidencepolicy WHERE workspace_id = %s AND policy_key = %s"
    with closing(_bare_connection()) as bare:
        for _ in range(count):
            bare.execute(query, (workspace.pk, "confidence_gate")).fetchone()


def _bare_connection() -> psycopg.Connection[Any]:
    database = settings.DATABASES["default"]
    host = database["HOST"] or database["OPTIONS"].get("host")
    return psycopg.connect(
        dbname=database["NAME"],
        user=database["USER"],
        password=database["PASSWORD"] or None,
        host=host,
        port=database["PORT"] or None,
        autocommit=True,
    )


class _Table:
    """The columns of a model and rows that copy an existing row under new ids."""

    def __init__(self, model: type[DecisionRecord] | type[DecisionExternalId], workspace: Workspace) -> None:
        self.name = model._meta.db_table
        self.columns = [
            str(field.column) for field in model._meta.concrete_fields if field is not model._meta.auto_field
        ]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(self.columns)} FROM {self.name} LIMIT 1")
            self.sample = cursor.fetchone()

    def row(self, decision_id: Any, external_id: str) -> list[Any]:
        changed = {"decision_id": decision_id, "external_id": external_id}
        return [changed.get(column, value) for column, value in zip(self.columns, self.sample, strict=True)]

    @property
    def insert(self) -> str:
        return f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES ({', '.join(['%s'] * len(self.columns))})"

    @property
    def copy(self) -> str:
        return f"COPY {self.name} ({', '.join(self.columns)}) FROM STDIN"


def _tables(workspace: Workspace) -> list[_Table]:
    decide(workspace=workspace, submission=_submission())
    return [_Table(DecisionExternalId, workspace), _Table(DecisionRecord, workspace)]


def _rows(count: int) -> Iterator[tuple[Any, str]]:
    return ((new_decision_id(), f"bare-{next(_numbers)}") for _ in range(count))


def _bare_inserts(count: int, workspace: Workspace) -> None:
    tables = _tables(workspace)
    with closing(_bare_connection()) as bare:
        for decision_id, external_id in _rows(count):
            with bare.transaction():
                for table in tables:
                    bare.execute(table.insert, table.row(decision_id, external_id))


def _bare_copy(workspace: Workspace) -> None:
    tables, ids = _tables(workspace), list(_rows(BULK))
    with closing(_bare_connection()) as bare, bare.transaction():
        for table in tables:
            with bare.cursor() as cursor, cursor.copy(table.copy) as copy:
                for decision_id, external_id in ids:
                    copy.write_row(table.row(decision_id, external_id))


@contextmanager
def _server() -> Iterator[None]:
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--bind", f"127.0.0.1:{PORT}"]
    command += ["--log-level", "error", "confidence_project.wsgi"]
    environment = {**os.environ, "CONFIDENCE_RATE_LIMIT": "10000000/min", "LOG_LEVEL": "ERROR", "DEBUG": "0"}
    process = subprocess.Popen(command, env=environment)
    try:
        _wait_until_ready()
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_until_ready() -> None:
    for _ in range(100):
        try:
            httpx.get(f"http://127.0.0.1:{PORT}/readyz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    sys.exit("The server did not become ready.")
