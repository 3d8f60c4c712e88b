"""How long a calibration takes beside the bare SQL of the same window, and beside reading the rows with pandas.

`CONFIDENCE_BENCH_ROWS` holds the numbers of decisions (default: 100000,1000000,10000000), `CONFIDENCE_BENCH_ROUNDS` how
often each is timed (default: 3). The rounds alternate and the fastest counts, so that what else the machine does weighs
less. Ten million take four minutes to make and 10 GB of disk; pandas then takes minutes and gigabytes. Less of it:

  CONFIDENCE_BENCH_ROWS=1000000 python .ci/with_postgres.py python -m benchmarks calibration_speed

The same on SQLite:

  CONFIDENCE_BENCH_ROWS=1000000 DATABASE_URL=sqlite:///bench.sqlite3 python -m benchmarks calibration_speed
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import django
import numpy as np
import pandas
from django.core.management import call_command
from django.db import connection
from scipy.special import logit
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import KFold

from benchmarks.generated import START, WINDOW, fill
from calibration.runner import run_calibration
from governance.models import Workspace

BARE = """
SELECT d.provider, d.model, d.llm_confidence, COUNT(*), COUNT(o.success), COUNT(*) FILTER (WHERE o.success)
  FROM decision_ledger d
  LEFT JOIN ledger_decisionoutcome o ON o.decision_id = d.decision_id AND o.sequence = 1
 WHERE d.workspace_id = %s AND d.policy_key = 'confidence_gate' AND d.occurred_at >= %s AND d.occurred_at < %s
 GROUP BY 1, 2, 3
"""
ROWS = """
SELECT d.provider, d.model, d.llm_confidence, o.success
  FROM decision_ledger d
  LEFT JOIN ledger_decisionoutcome o ON o.decision_id = d.decision_id AND o.sequence = 1
 WHERE d.workspace_id = %s AND d.policy_key = 'confidence_gate' AND d.occurred_at >= %s AND d.occurred_at < %s
"""


def main() -> None:
    """Print one line for each number of decisions."""
    call_command("migrate", verbosity=0)
    rounds = int(os.environ.get("CONFIDENCE_BENCH_ROUNDS", "3"))
    print(
        f"{connection.vendor}, fastest of {rounds} rounds; goals: 1.5x of the bare SQL, 20x faster than pandas, 150 MiB"
    )
    print(
        f"{'decisions':>11} {'fill':>8} {'run':>8} {'bare SQL':>9} {'ratio':>6} "
        f"{'pandas':>8} {'speed-up':>8} {'RSS grew':>9}"
    )
    for rows in map(int, os.environ.get("CONFIDENCE_BENCH_ROWS", "100000,1000000,10000000").split(",")):
        workspace = Workspace.objects.create(slug=f"bench-{rows}-{time.time_ns()}", name="Benchmark")
        filled = seconds_of(lambda: fill(workspace, rows))  # noqa: B023 - called at once
        print(measured(workspace, rows, rounds, filled), flush=True)


def measured(workspace: Workspace, rows: int, rounds: int, filled: float) -> str:
    parameters = [workspace.pk, *map(connection.ops.adapt_datetimefield_value, (START, START + WINDOW))]
    bare = run = float("inf")
    for _ in range(rounds):
        bare = min(bare, seconds_of(lambda: fetch(BARE, parameters)))
        run = min(run, seconds_of(lambda: calibrate(workspace)))
    by_rows = seconds_of(lambda: with_pandas(parameters))
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=django.setup) as fresh:
        grew = fresh.submit(growth, workspace.pk).result()
    return (
        f"{rows:>11,} {filled:7.1f}s {run:7.2f}s {bare:8.2f}s {run / bare:5.2f}x "
        f"{by_rows:7.2f}s {by_rows / run:7.1f}x {grew:5.0f} MiB"
    )


def calibrate(workspace: Workspace) -> None:
    run_calibration(
        workspace=workspace,
        policy_keys=["confidence_gate"],
        window_from=START,
        window_to=START + WINDOW,
        maturity_days=0,
    )


def growth(workspace_id: int) -> float:
    """Return by how many MiB the peak of a run lies above an idle process; in a process of its own."""
    workspace = Workspace.objects.get(pk=workspace_id)
    idle = mebibytes("VmRSS")
    calibrate(workspace)
    return mebibytes("VmHWM") - idle


def mebibytes(name: str) -> float:
    """Return a figure of Linux about this process. The peak of `getrusage` may be that of its parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def fetch(statement: str, parameters: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def with_pandas(parameters: list[Any]) -> None:
    """The same figures row by row, as a notebook would: every decision with its outcome, one segment at a time.

    Scores, reliability, equal-width and equal-mass bins with intervals, recalibrations with cross-validated gains, the
    noise floor by drawing outcomes. The threshold is left out: scikit-learn has nothing that certifies one.
    """
    frame = pandas.DataFrame(fetch(ROWS, parameters), columns=["provider", "model", "confidence", "success"])
    frame = frame.astype({"confidence": "float64"})
    for _, rows in frame.groupby(["provider", "model"]):
        labelled = rows.dropna(subset=["confidence", "success"])
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


def seconds_of(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
