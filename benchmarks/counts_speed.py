"""A calibration from the daily counts, beside the same run in the ledger and the bare GROUP BY; and keeping them.

`CONFIDENCE_BENCH_ROWS` holds the numbers of decisions (default: 1000000,10000000), `CONFIDENCE_BENCH_ROUNDS` how often
each is timed (default: 3). The rounds alternate; medians are printed, as wall (CPU) seconds, and ratios beside their
goals. CPU counts this process and PostgreSQL's.

  CONFIDENCE_BENCH_ROWS=1000000 python .ci/with_postgres.py python -m benchmarks counts_speed
  CONFIDENCE_BENCH_ROWS=1000000 DATABASE_URL=sqlite:///bench.sqlite3 python -m benchmarks counts_speed
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from statistics import median
from typing import Any

import django
from django.core.management import call_command
from django.db import connection
from django.db.models import F

from benchmarks.calibration_speed import BARE, calibrate, fetch, growth
from benchmarks.engines_speed import cost_of
from benchmarks.generated import START, WINDOW, fill
from benchmarks.goals import line
from calibration.models import ConfidenceCalibrationRun
from governance.models import Workspace
from ledger.counts.following import follow
from ledger.counts.services import keep_counts
from ledger.models import CountedDay, CountMark, DailyCount

A_DAY = timedelta(days=1)
FULL = 10_000_000
"""From so many decisions on the goal of a run is the stricter one."""


def main() -> None:
    """Print the figures of each number of decisions, the bare GROUP BY of the same rows as 1."""
    call_command("migrate", verbosity=0)
    rounds = int(os.environ.get("CONFIDENCE_BENCH_ROUNDS", "3"))
    print(f"{connection.vendor}, medians of {rounds} rounds, wall (CPU) seconds; ratios are of CPU seconds")
    runs: dict[int, float] = {}
    for rows in map(int, os.environ.get("CONFIDENCE_BENCH_ROWS", "1000000,10000000").split(",")):
        workspace = Workspace.objects.create(slug=f"counts-{rows}-{time.time_ns()}", name="Benchmark")
        fill(workspace, rows)
        print(f"{rows:,} decisions")
        runs[rows] = measured(workspace, rounds, goal=0.5 if rows < FULL else 0.1)
    if len(runs) > 1:
        grew = runs[max(runs)] / runs[min(runs)]
        line(f"a run over {max(runs):,}, of one over {min(runs):,}", grew, "<= 1.5", met=grew <= 1.5)


def measured(workspace: Workspace, rounds: int, *, goal: float) -> float:
    """Print what a workspace's runs and counts cost, and return the CPU seconds of a run."""
    first = cost_of(keep_counts)
    works: dict[str, Callable[[], Any]] = {
        "bare GROUP BY of the window": lambda: fetch(BARE, _parameters(workspace)),
        "run, daily counts": lambda: calibrate(workspace),
        "run, the ledger alone": lambda: _in_the_ledger(workspace),
        "bare GROUP BY of a day": lambda: fetch(BARE, _parameters(workspace, A_DAY)),
        "one day counted anew": lambda: _count_a_day(workspace),
        "nothing new to follow": follow,
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(cost_of(work))
    assert ConfidenceCalibrationRun.objects.in_workspace(workspace).values("inputs_sha256").distinct().count() == 1
    costs = {name: (median(w for w, _ in each), median(c for _, c in each)) for name, each in taken.items()}
    whole, day = costs["bare GROUP BY of the window"], costs["bare GROUP BY of a day"]
    for name, cost in {"every day counted, once": first, **costs}.items():
        of = day if "day" in name and "every" not in name and "daily" not in name else whole
        print(f"  {name:30} {cost[0]:8.2f} ({cost[1]:.2f})  {cost[1] / of[1]:6.2f} x", flush=True)
    counts = DailyCount.objects.filter(counted_day__workspace=workspace)
    packed = sum(len(row) for row in counts.values_list("packed", flat=True))
    print(f"  {counts.count():,} rows, {packed:,} bytes packed")
    run, anew = costs["run, daily counts"][1], costs["one day counted anew"][1]
    ratios = {"run, of the bare GROUP BY": (run / whole[1], goal)}
    ratios["keeping up, of the bare GROUP BY"] = first[1] / whole[1], 0.2
    ratios["a day anew, of its bare GROUP BY"] = anew / day[1], 0.2
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=django.setup) as fresh:
        ratios["memory of a run above an idle process, MiB"] = fresh.submit(growth, workspace.pk).result(), 100
    for name, (seen, limit) in ratios.items():
        line(name, seen, f"<= {limit:g}", met=seen <= limit)
    return run


def _parameters(workspace: Workspace, width: timedelta = WINDOW) -> list[Any]:
    return [workspace.pk, *map(connection.ops.adapt_datetimefield_value, (START, START + width))]


def _count_a_day(workspace: Workspace) -> None:
    CountedDay.objects.filter(workspace=workspace, day=START.date()).update(touched=F("touched") + 1)
    keep_counts()


def _in_the_ledger(workspace: Workspace) -> None:
    with _without_marks():
        calibrate(workspace)


@contextmanager
def _without_marks() -> Iterator[None]:
    """Without marks no counts hold."""
    marks = list(CountMark.objects.all())
    CountMark.objects.all().delete()
    try:
        yield
    finally:
        CountMark.objects.bulk_create(marks)
