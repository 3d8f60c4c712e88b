"""What the months behind it cost a ledger: inserts of the gate, pages of the explorer, and a run over the last month.

`CONFIDENCE_BENCH_MONTHS` holds numbers of months (default: 1,10,30) and `CONFIDENCE_BENCH_MONTH_ROWS` the decisions of
each (default: 1000000). They are made with COPY, the last month first, so that the run reads the same rows each time;
a million with their outcomes take half a minute and 1.2 GB. Inserts go through the gate in process, one at a time, into
this month. Wall (CPU) seconds, medians; CPU counts this process and PostgreSQL's.

  CONFIDENCE_BENCH_MONTHS=1,10 python .ci/with_postgres.py python -m benchmarks years
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from statistics import median

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from benchmarks.engines_speed import cost_of
from benchmarks.gate.bodies import POLICY, decision
from benchmarks.generated import WINDOW, fill
from benchmarks.pages_speed import RARE, list_of, timed
from calibration.runner import run_calibration
from confidence_project.foundation.submissions import Submission
from governance.models import ConfidencePolicy, Workspace
from ledger.contracts import DecisionEnvelope
from ledger.models import DecisionRecord
from ledger.models.decisions import least_decision_id
from ledger.months.partitions import TABLE, first_of_next_month, partitions
from ledger.months.services import make_ahead
from ledger.pipelines.decisions import decide

INSERTS, ROUNDS = 500, 9


def main() -> None:
    """Print a line for each figure and number of months, and how it compares with the first one's."""
    assert connection.vendor == "postgresql", "SQLite has no months."
    call_command("migrate", verbosity=0)
    stages = [int(each) for each in os.environ.get("CONFIDENCE_BENCH_MONTHS", "1,10,30").split(",")]
    rows = int(os.environ.get("CONFIDENCE_BENCH_MONTH_ROWS", "1000000"))
    months = _months_before(max(stages))
    _part_since(months[-1])
    workspace = Workspace.objects.create(slug=f"years-{time.time_ns()}", name="Benchmark")
    ConfidencePolicy.objects.create(workspace=workspace, policy_key="confidence_gate", version=1, config=POLICY)
    print(f"{rows:,} decisions a month, {len(partitions())} partitions; {ROUNDS} rounds of {INSERTS} inserts")
    before: dict[str, float] = {}
    for have, wanted in zip([0, *stages], stages, strict=False):
        for start in months[have:wanted]:
            fill(workspace, rows, start)
        for name, (wall, cpu) in _measured(workspace, months, wanted).items():
            ratio = cpu / before.setdefault(name, cpu)
            print(f"{wanted:3} months  {name:36} {wall:9.4f} ({cpu:.4f})  {ratio:5.2f} x the CPU", flush=True)


def _months_before(number: int) -> list[datetime]:
    """The first moments of so many months before this one, the last of them first."""
    this = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = [this]
    for _ in range(number):
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return months[1:]


def _part_since(month: datetime) -> None:
    """Part the empty ledger as if it had been so since that month."""
    until = least_decision_id(first_of_next_month(month))
    with transaction.atomic(), connection.cursor() as cursor:
        for partition in partitions():
            cursor.execute(f"DROP TABLE {partition.name}")
        cursor.execute(f"CREATE TABLE {TABLE}_first PARTITION OF {TABLE} FOR VALUES FROM (MINVALUE) TO ('{until}')")
        make_ahead()
    call_command("enforce_append_only", verbosity=0)


def _measured(workspace: Workspace, months: list[datetime], number: int) -> dict[str, tuple[float, float]]:
    last = {"window_from": months[0], "window_to": months[0] + WINDOW, "maturity_days": 0}
    works = {
        f"{INSERTS} inserts": lambda: _insert(workspace),
        "run over the last month": lambda: run_calibration(
            workspace=workspace, policy_keys=["confidence_gate"], **last
        ),
    }
    figures = {}
    for name, work in works.items():
        work()
        taken = [cost_of(work) for _ in range(ROUNDS if "inserts" in name else 3)]
        figures[name] = (median(wall for wall, _ in taken), median(cpu for _, cpu in taken))
    return {**figures, **_pages(workspace, months[number - 1])}


def _insert(workspace: Workspace) -> None:
    for _ in range(INSERTS):
        item = DecisionEnvelope.model_validate(decision())
        decide(workspace=workspace, submission=Submission(item.external_id, "00" * 32, item))


def _pages(workspace: Workspace, first_month: datetime) -> dict[str, tuple[float, float]]:
    person, _ = get_user_model().objects.get_or_create(
        username="bench-years", defaults={"is_staff": True, "is_superuser": True}
    )
    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    oldest = DecisionRecord.objects.filter(pk__lt=least_decision_id(first_month + WINDOW / 2)).order_by("-pk").first()
    assert oldest is not None
    asked = {
        "first page": {},
        "page in the oldest month": {"after": oldest.pk},
        "no such model": {"model": RARE["model"]},
        "reason": {"reason": "kill_switch"},
        "one day of the oldest month": {"from": f"{first_month:%Y-%m-%dT%H:%M}", "to": f"{first_month:%Y-%m-02T00:00}"},
    }
    figures = {}
    for name, query in asked.items():
        address = list_of(query, workspace)
        seconds = timed(client, address).seconds
        cost = cost_of(lambda address=address: client.get(address, secure=True))  # type: ignore[misc]
        figures[f"page, worst: {name}"] = (max(seconds), cost[1])
    return figures
