"""Which decisions belong to a window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from freezegun import freeze_time

from calibration.models import ConfidenceCalibrationRun
from calibration.runner import run_calibration
from calibration.runs.report import run_as_text
from calibration.tests.factories import START, decision, outcome, store
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def run(workspace: Workspace, **options: Any) -> ConfidenceCalibrationRun:
    return run_calibration(workspace=workspace, policy_keys=["confidence_gate"], **options)


def at(workspace: Workspace, *times: datetime) -> None:
    made = [decision(workspace, confidence=0.9, occurred_at=time) for time in times]
    store(made, [outcome(each, True) for each in made])


def test_window__bounds__start_belongs_to_it_and_end_does_not(workspace: Workspace) -> None:
    end = START + timedelta(days=1)
    tick = timedelta(microseconds=1)
    at(workspace, START - tick, START, end - tick, end)
    assert run(workspace, window_from=START, window_to=end, maturity_days=0).samples == 2


def test_window__maturity_lag__young_decisions_are_left_out_and_counted(workspace: Workspace) -> None:
    end = START + timedelta(days=10)
    at(
        workspace,
        START,
        end - timedelta(days=3),
        end - timedelta(days=2, seconds=1),
        end - timedelta(days=2),
        end - timedelta(hours=1),
    )
    stored = run(workspace, window_from=START, window_to=end, maturity_days=2)
    (finding,) = stored.output["policies"][0]["findings"]
    assert (finding["decisions"], finding["left_out"]["too_young"]) == (3, 2)
    assert stored.output["parameters"]["maturity_days"] == 2


@freeze_time("2026-03-15 13:45:00")
def test_window__end_in_the_future__makes_nothing_older(workspace: Workspace) -> None:
    now = datetime(2026, 3, 15, 13, 45, tzinfo=UTC)
    at(workspace, now - timedelta(days=8), now - timedelta(days=6))
    stored = run(workspace, window_from=START, window_to=now + timedelta(days=30), maturity_days=7)
    (finding,) = stored.output["policies"][0]["findings"]
    assert (finding["decisions"], finding["left_out"]["too_young"]) == (1, 1)


@freeze_time("2026-03-15 13:45:00")
def test_window__default__whole_days_up_to_the_last_midnight(workspace: Workspace) -> None:
    stored = run(workspace, maturity_days=7)
    assert stored.window_to == datetime(2026, 3, 15, tzinfo=UTC)
    assert stored.window_from == datetime(2026, 2, 13, tzinfo=UTC)


@freeze_time("2026-03-15 13:45:00")
def test_window__default_without_maturity_lag__holds_today(workspace: Workspace) -> None:
    at(workspace, datetime(2026, 3, 15, 13, 44, tzinfo=UTC))
    assert run(workspace, maturity_days=0).samples == 1


@freeze_time("2026-03-15 13:45:00")
def test_window__only_end_given__starts_the_window_days_before(workspace: Workspace) -> None:
    stored = run(workspace, window_to=datetime(2026, 2, 1, tzinfo=UTC), maturity_days=0)
    assert stored.window_from == datetime(2026, 1, 2, tzinfo=UTC)


def test_window__periods__rates_follow_time(workspace: Workspace) -> None:
    made = [decision(workspace, confidence=0.95, minute=day * 1440 + place) for day in range(30) for place in range(10)]
    store(made, [outcome(each, place < 200 or place % 2 == 0) for place, each in enumerate(made)])
    stored = run(workspace, window_from=START, window_to=START + timedelta(days=30), maturity_days=0)
    (finding,) = stored.output["policies"][0]["findings"]
    assert [(period["n"], period["successes"]) for period in finding["periods"]] == [
        (50, 50), (50, 50), (50, 50), (50, 50), (50, 25), (50, 25),
    ]  # fmt: skip


@freeze_time("2026-03-15 13:45:00")
def test_window__everything_too_young__says_how_many_and_why(workspace: Workspace) -> None:
    at(workspace, *(datetime(2026, 3, 12, tzinfo=UTC) + timedelta(hours=hour) for hour in range(12)))
    stored = run(workspace, maturity_days=7)
    (finding,) = stored.output["policies"][0]["findings"]
    assert finding["reason"] == "INSUFFICIENT_DATA"
    assert "12 decisions are younger than the maturity period of 7 days" in finding["explanation"]


@freeze_time("2026-03-15 13:45:00")
def test_window__only_decisions_of_today__says_how_many_came_after_the_window(workspace: Workspace) -> None:
    at(workspace, *(datetime(2026, 3, 15, hour, tzinfo=UTC) for hour in range(13)))
    text = " ".join(run_as_text(run(workspace, maturity_days=7)).split())
    assert "No evidence in the window: confidence_gate." in text
    assert "confidence_gate: 13 decisions are younger than the maturity period of 7 days" in text


@freeze_time("2026-03-15 13:45:00")
def test_window__long_past_and_empty__the_maturity_period_is_not_blamed(workspace: Workspace) -> None:
    at(workspace, datetime(2026, 3, 15, 12, tzinfo=UTC), datetime(2026, 2, 20, tzinfo=UTC))
    stored = run(workspace, maturity_days=7, window_to=datetime(2026, 2, 1, tzinfo=UTC))
    assert stored.output["policies"][0]["too_young"] == 0
    assert "younger" not in run_as_text(stored)
