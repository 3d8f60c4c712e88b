"""A calibration of the same decisions in the ledger and in DuckDB over Parquet, beside the bare GROUP BY of each.

`CONFIDENCE_BENCH_ROWS` holds the numbers of decisions (default: 1000000), `CONFIDENCE_BENCH_ROUNDS` how often each is
timed (default: 3). The rounds alternate; medians are printed. CPU seconds count this process and PostgreSQL's.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import pyarrow
import pyarrow.parquet
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection

from benchmarks.calibration_speed import BARE, fetch
from benchmarks.generated import START, WINDOW, fill
from calibration.engines.declaring import declare_engine
from calibration.models import ConfidenceCalibrationRun, EvidenceEngine
from calibration.runner import run_calibration
from governance.models import Workspace

VARIABLE = "CONFIDENCE_ENGINE_BENCH"
BATCH = 200_000

DECISIONS = """
SELECT CAST(decision_id AS text) AS id, occurred_at, timestamp AS recorded_at, policy_key, provider, model, prompt_hash,
       channel, llm_confidence, confidence_kind, case_key, gate_verdict, origin, gate_reason,
       CAST(thresholds ->> 'confidence_threshold' AS double precision) AS threshold
  FROM decision_ledger WHERE workspace_id = %s ORDER BY decision_id
"""
OUTCOMES = """
SELECT CAST(decision_id AS text) AS decision, success, source, observed_at, recorded_at, sequence
  FROM ledger_decisionoutcome WHERE workspace_id = %s ORDER BY id
"""
MAPPING = {
    "columns": {
        "external_id": "id", "decided_at": "occurred_at", "recorded_at": "recorded_at", "policy_key": "policy_key",
        "provider": "provider", "model": "model", "prompt_hash": "prompt_hash", "channel": "channel",
        "confidence": "llm_confidence", "confidence_kind": "confidence_kind", "case_key": "case_key",
        "gate_verdict": "gate_verdict", "origin": "origin", "gate_reason": "gate_reason", "threshold": "threshold",
    },
    "outcome_columns": {
        "external_id": "decision", "success": "success", "outcome_source": "source", "observed_at": "observed_at",
        "recorded_at": "recorded_at", "sequence": "sequence",
    },
}  # fmt: skip
BARE_IN_DUCKDB = """
SELECT d.provider, d.model, d.llm_confidence, COUNT(*), COUNT(o.success), COUNT(*) FILTER (WHERE o.success)
  FROM read_parquet('{0}/decisions.parquet') d
  LEFT JOIN read_parquet('{0}/outcomes.parquet') o ON o.decision = d.id AND o.sequence = 1
 GROUP BY 1, 2, 3
"""


def main() -> None:
    """Print one line for each number of decisions."""
    call_command("migrate", verbosity=0)
    rounds = int(os.environ.get("CONFIDENCE_BENCH_ROUNDS", "3"))
    print(f"{connection.vendor} and DuckDB over Parquet, medians of {rounds} rounds, wall (CPU) seconds")
    print(f"{'decisions':>11}  {'run, ledger':>16} {'run, DuckDB':>16} {'bare, ledger':>16} {'bare, DuckDB':>16}")
    for rows in map(int, os.environ.get("CONFIDENCE_BENCH_ROWS", "1000000").split(",")):
        workspace = Workspace.objects.create(slug=f"engines-{rows}-{time.time_ns()}", name="Benchmark")
        fill(workspace, rows)
        with tempfile.TemporaryDirectory() as folder:
            print(f"{rows:>11,}  {measured(workspace, Path(folder), rounds)}", flush=True)


def measured(workspace: Workspace, folder: Path, rounds: int) -> str:
    for name, statement in (("decisions", DECISIONS), ("outcomes", OUTCOMES)):
        export(statement, workspace, folder / f"{name}.parquet")
    engine = declared(workspace, folder)
    parameters = [workspace.pk, START, START + WINDOW]
    works: list[Callable[[], Any]] = [
        lambda: calibrated(workspace, None),
        lambda: calibrated(workspace, engine),
        lambda: fetch(BARE, parameters),
        lambda: duckdb.connect().execute(BARE_IN_DUCKDB.format(folder)).fetchall(),
    ]
    taken: list[list[tuple[float, float]]] = [[] for _ in works]
    for _ in range(rounds):
        for place, work in enumerate(works):
            taken[place].append(cost_of(work))
    hashes = {each.inputs_sha256 for each in ConfidenceCalibrationRun.objects.in_workspace(workspace)}
    assert len(hashes) == 1, "the ledger and DuckDB gave different counts"
    cells = [(median(wall for wall, _ in each), median(cpu for _, cpu in each)) for each in taken]
    return " ".join(f"{f'{wall:.2f} ({cpu:.2f})':>16}" for wall, cpu in cells)


def export(statement: str, workspace: Workspace, path: Path) -> None:
    writer = None
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, [workspace.pk])
        while batch := cursor.fetchmany(BATCH):
            names = [each.name for each in cursor.description]
            table = pyarrow.table(dict(zip(names, map(pyarrow.array, zip(*batch, strict=True)), strict=True)))
            writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
    assert writer is not None
    writer.close()


def declared(workspace: Workspace, folder: Path) -> EvidenceEngine:
    os.environ[VARIABLE] = str(folder)
    person = get_user_model().objects.create_superuser(f"bench-{workspace.pk}", password=None)
    return declare_engine(
        actor=person,
        workspace=workspace,
        name="parquet",
        kind="duckdb",
        address_variable=VARIABLE,
        decisions="decisions.parquet",
        outcomes="outcomes.parquet",
        mapping=MAPPING,
        reason="Benchmark",
    )


def calibrated(workspace: Workspace, engine: EvidenceEngine | None) -> None:
    run_calibration(
        workspace=workspace,
        engine=engine,
        policy_keys=["confidence_gate"],
        window_from=START,
        window_to=START + WINDOW,
        maturity_days=0,
        dry_run=True,
    )


def cost_of(work: Callable[[], Any]) -> tuple[float, float]:
    """Return wall and CPU seconds, of this process and of the database server's."""
    wall, cpu = time.perf_counter(), _cpu()
    work()
    return time.perf_counter() - wall, _cpu() - cpu


def _cpu() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    if connection.vendor != "postgresql":
        return own.ru_utime + own.ru_stime
    (backend,) = fetch("SELECT pg_backend_pid()", [])[0]
    # Workers that have ended count for the server that they were children of.
    fields = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
    ended = Path(f"/proc/{fields[1]}/stat").read_text().rpartition(")")[2].split()[13:15]
    ticks = sum(map(int, (*fields[11:13], *ended)))
    return own.ru_utime + own.ru_stime + ticks / os.sysconf("SC_CLK_TCK")
