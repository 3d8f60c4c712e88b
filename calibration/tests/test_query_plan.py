"""The window is read through its index, and counted without sorting it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calibration.runner import run_calibration
from calibration.tests.factories import START, decision, outcome, store
from governance.tests.factories import WorkspaceFactory
from ledger.months.partitions import partitions

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's planner")


@pytest.mark.django_db
def test_plan__narrow_window__index_on_workspace_policy_and_time() -> None:
    plans = _plans_of_a_run()
    assert len(plans) == 4
    # Partitions without a row are read whole.
    assert all(f"Seq Scan on {partitions()[0].name}" not in plan for plan in plans)
    assert "ledger_calibration" in plans[0]
    assert "outcome_second" in plans[1]
    assert "ledger_outcomevoid" in plans[2]
    assert "ledger_cases" in plans[3]


@pytest.mark.django_db
def test_plan__billion_decisions__grouped_by_hashing() -> None:
    plans = _plans_of_a_run(taken_for=1_000_000_000)
    assert "HashAggregate" in plans[0]
    assert "Sort  (cost" not in plans[0]


def _plans_of_a_run(taken_for: int | None = None) -> list[str]:
    """Return the plans of a run's counting statements; `taken_for`: how many decisions the planner shall believe in."""
    workspace = WorkspaceFactory()
    made = [decision(workspace, confidence=0.9, minute=minute) for minute in range(20_000)]
    store(made, [outcome(each, True) for each in made])
    day = {"window_from": START, "window_to": START + timedelta(days=1), "maturity_days": 0}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE decision_ledger")
        cursor.execute("ANALYZE ledger_decisionoutcome")
    with CaptureQueriesContext(connection) as queries:
        run_calibration(workspace=workspace, policy_keys=["confidence_gate"], **day)
    with connection.cursor() as cursor:
        if taken_for is not None:
            cursor.execute(
                "UPDATE pg_class SET reltuples = %s WHERE oid = %s::regclass", [taken_for, partitions()[0].name]
            )
        plans = []
        for query in queries:
            if query["sql"].startswith("SET LOCAL"):
                cursor.execute(query["sql"])
            elif "evidence_success" in query["sql"]:
                cursor.execute(f"EXPLAIN {query['sql']}")
                plans.append("\n".join(row[0] for row in cursor.fetchall()))
    return plans
