"""How long a calibration takes beside the bare SQL of the same window, and beside reading the rows with pandas.

`CONFIDENCE_BENCH_ROWS` holds the numbers of decisions (default: 100000,1000000). Ten million take some
minutes to make and about 8 GB of disk. One million on SQLite: set `DATABASE_URL` to a file and the numbers to 1000000.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas
import uuid_utils
from django.db import connection, transaction
from scipy.special import logit
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import KFold

from calibration.runner import run_calibration
from governance.models import Workspace
from ledger.models import DecisionRecord

START = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = timedelta(days=30)
MODELS = ("small", "large", "reasoning", "vision")

BARE = """
SELECT d.provider, d.model, d.llm_confidence, COUNT(*), COUNT(o.success), COUNT(*) FILTER (WHERE o.success)
  FROM decision_ledger d
  LEFT JOIN ledger_decisionoutcome o ON o.decision_id = d.decision_id AND o.sequence = 1
 WHERE d.workspace_id = %s AND d.policy_key = 'confidence_gate' AND d.occurred_at >= %s AND d.occurred_at < %s
 GROUP BY 1, 2, 3
"""
ROWS = """
SELECT d.model, d.llm_confidence, o.success
  FROM decision_ledger d
  LEFT JOIN ledger_decisionoutcome o ON o.decision_id = d.decision_id AND o.sequence = 1
 WHERE d.workspace_id = %s AND d.policy_key = 'confidence_gate' AND d.occurred_at >= %s AND d.occurred_at < %s
"""
OUTCOME_COLUMNS = (
    "decision_id", "sequence", "workspace_id", "success", "source", "observed_at", "recorded_at", "reporter",
    "body_sha256",
)  # fmt: skip

DEFAULTS: dict[str, Any] = {
    str(field.column): field.get_default()
    for field in DecisionRecord._meta.concrete_fields
    if field.has_default() or field.null
}


def main() -> None:
    """Print one line for each number of decisions."""
    print(connection.vendor)
    print(f"{'decisions':>11} {'run':>8} {'bare SQL':>9} {'ratio':>6} {'pandas':>8} {'speed-up':>8} {'RSS grew':>9}")
    for rows in map(int, os.environ.get("CONFIDENCE_BENCH_ROWS", "100000,1000000").split(",")):
        workspace = Workspace.objects.create(slug=f"bench-{rows}-{time.time_ns()}", name="Benchmark")
        fill(workspace, rows)
        print(measured(workspace, rows), flush=True)


def measured(workspace: Workspace, rows: int) -> str:
    parameters = [workspace.pk, as_stored(START), as_stored(START + WINDOW)]
    bare = best_of(lambda: fetch(BARE, parameters))
    before = peak_mib()
    run = best_of(
        lambda: run_calibration(
            workspace=workspace,
            policy_keys=["confidence_gate"],
            window_from=START,
            window_to=START + WINDOW,
            maturity_days=0,
        )
    )
    grew = peak_mib() - before
    by_rows = best_of(lambda: with_pandas(parameters), times=1) if rows <= 1_000_000 else None
    pandas_columns = f"{by_rows:7.2f}s {by_rows / run:7.1f}x" if by_rows is not None else f"{'–':>8} {'–':>8}"
    return f"{rows:>11,} {run:7.2f}s {bare:8.2f}s {run / bare:5.2f}x {pandas_columns} {grew:5.0f} MiB"


def fill(workspace: Workspace, rows: int) -> None:
    """Decisions of the gate at 0.8 with an outcome for what was allowed, in chunks, and the planner's statistics."""
    draw = np.random.default_rng(rows)
    for begin in range(0, rows, 100_000):
        chunk = list(decisions(workspace, begin, min(begin + 100_000, rows), rows, draw))
        store("decision_ledger", list(chunk[0][0]), [list(decision.values()) for decision, _ in chunk])
        store("ledger_decisionoutcome", OUTCOME_COLUMNS, [outcome for _, outcome in chunk if outcome])
    with connection.cursor() as cursor:
        for table in ("decision_ledger", "ledger_decisionoutcome"):
            cursor.execute(f"VACUUM ANALYZE {table}" if connection.vendor == "postgresql" else f"ANALYZE {table}")


def store(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, with COPY where there is one."""
    names = ", ".join(columns)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)


def decisions(
    workspace: Workspace, begin: int, end: int, rows: int, draw: np.random.Generator
) -> Iterator[tuple[dict[str, Any], tuple[Any, ...] | None]]:
    confidence = draw.beta(8, 2, end - begin).round(4)
    success = draw.random(end - begin) < 1 - (1 - confidence) / 3.5
    for place in range(end - begin):
        at = START + WINDOW * ((begin + place) / rows)
        key, value, allowed = identifier(), float(confidence[place]), confidence[place] >= 0.8
        decision = {
            **DEFAULTS,
            "decision_id": key,
            "timestamp": as_stored(at),
            "occurred_at": as_stored(at),
            "provider": "acme",
            "model": MODELS[place % 4],
            "schema_version": "1",
            "schema_valid": True,
            "llm_confidence": f"{value:.4f}",
            "gate_verdict": "allow" if allowed else "block",
            "gate_reason": "allowed" if allowed else "llm_confidence_below_threshold",
            "workspace_id": workspace.pk,
            "policy_key": "confidence_gate",
            "policy_version": 0,
            "thresholds": '{"confidence_threshold": 0.8}',
            "confidence_kind": "self_reported",
        }
        later = as_stored(at + timedelta(hours=1))
        outcome = (key, 1, workspace.pk, bool(success[place]), "downstream_event", later, later, "bench", "")
        yield decision, outcome if allowed else None


def as_stored(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def identifier() -> str:
    """A decision id as the database keeps it."""
    made = str(uuid_utils.uuid7())
    return made if connection.features.has_native_uuid_field else made.replace("-", "")


def fetch(statement: str, parameters: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def with_pandas(parameters: list[Any]) -> None:
    """The same figures row by row, as a notebook would: every decision with its outcome, one segment at a time.

    Scores, reliability, equal-width and equal-mass bins with intervals, recalibrations with cross-validated gains, the
    noise floor by drawing outcomes. The threshold is left out: scikit-learn has nothing that certifies one.
    """
    frame = pandas.DataFrame(fetch(ROWS, parameters), columns=["model", "confidence", "success"])
    frame = frame.astype({"confidence": "float64"})
    for _, rows in frame.groupby("model"):
        labelled = rows.dropna(subset="success")
        success, confidence = labelled.success.astype(int).to_numpy(), labelled.confidence.to_numpy()
        clipped = confidence.clip(5e-5, 1 - 5e-5)
        for strategy in ("uniform", "quantile"):
            calibration_curve(success, confidence, n_bins=10, strategy=strategy)
        brier_score_loss(success, confidence)
        log_loss(success, clipped)
        roc_auc_score(success, confidence)
        intervals(success, confidence)
        folds = KFold(5, shuffle=True, random_state=0)
        for train, held_out in folds.split(confidence):
            isotonic = IsotonicRegression(out_of_bounds="clip").fit(confidence[train], success[train])
            brier_score_loss(success[held_out], isotonic.predict(confidence[held_out]))
            for features in (logit(clipped)[:, None], np.column_stack([np.log(clipped), -np.log1p(-clipped)])):
                fitted = LogisticRegression(C=np.inf).fit(features[train], success[train])
                brier_score_loss(success[held_out], fitted.predict_proba(features[held_out])[:, 1])
        draw = np.random.default_rng(0)
        for _ in range(999):
            expected_calibration_error(draw.random(confidence.size) < confidence, confidence)


def intervals(success: Any, confidence: Any) -> None:
    place = np.minimum((confidence * 10).astype(int), 9)
    for each in np.unique(place):
        test = binomtest(int(success[place == each].sum()), int((place == each).sum()))
        test.proportion_ci(method="wilson")
        test.proportion_ci(method="exact")


def expected_calibration_error(success: Any, confidence: Any) -> float:
    place = np.minimum((confidence * 10).astype(int), 9)
    gaps = np.bincount(place, success, 10) - np.bincount(place, confidence, 10)
    return float(np.abs(gaps).sum() / confidence.size)


def best_of(work: Callable[[], Any], times: int = 2) -> float:
    """Return the seconds of the fastest of some rounds."""
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
