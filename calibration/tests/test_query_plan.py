"""The window is read through its index."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calibration.runner import run_calibration
from calibration.tests.factories import START, decision, outcome, store
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's planner")


@pytest.mark.django_db
def test_plan__narrow_window__index_on_workspace_policy_and_time() -> None:
    workspace = WorkspaceFactory()
    made = [decision(workspace, confidence=0.9, minute=minute) for minute in range(20_000)]
    store(made, [outcome(each, True) for each in made])
    day = {"window_from": START, "window_to": START + timedelta(days=1), "maturity_days": 0}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE decision_ledger")
        cursor.execute("ANALYZE ledger_decisionoutcome")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        run_calibration(workspace=workspace, policy_keys=["confidence_gate"], **day)
    counting = [query["sql"] for query in queries if "evidence_success" in query["sql"]]
    assert len(counting) == 3
    for statement in counting:
        plan = _plan(statement)
        assert "Seq Scan on decision_ledger" not in plan
    assert "ledger_calibration" in _plan(counting[0])
    assert "outcome_second" in _plan(counting[1])
    assert "ledger_cases" in _plan(counting[2])


def _plan(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        rows: list[Any] = cursor.fetchall()
    return "\n".join(row[0] for row in rows)
