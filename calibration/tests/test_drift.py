"""A window whose parts disagree says so."""

from __future__ import annotations

from typing import Any

import pytest
from scipy.stats import fisher_exact

from calibration.tests.factories import WINDOW, decision, outcome, review, store
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def finding_of(workspace: Workspace, failures_before: int, failures_recently: int) -> dict[str, Any]:
    """40 decisions a day for 30 days; the last ten days are the recent third."""
    days = [day for day in range(30) for _ in range(40)]
    made = [decision(workspace, confidence=0.95, minute=day * 1440 + place % 40) for place, day in enumerate(days)]
    lost = {*range(failures_before), *range(800, 800 + failures_recently)}
    store(made, [outcome(each, place not in lost) for place, each in enumerate(made)])
    run = review(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW)
    (finding,) = run.output["policies"][0]["findings"]
    return finding


def test_drift__recent_part_is_worse__said_and_certified_again(workspace: Workspace) -> None:
    finding = finding_of(workspace, 4, 36)
    recent = finding["drift"]["recent"]
    assert (recent["earlier_failures"], recent["recent_failures"]) == (4, 36)
    assert recent["p_value"] == pytest.approx(fisher_exact([[36, 364], [4, 796]]).pvalue)
    assert "Mind the time" in finding["explanation"]
    assert finding["drift"]["recertified"]["reason"] == "NOT_CERTIFIABLE"
    assert "no threshold is certified" in finding["explanation"]


def test_drift__steady__nothing_is_said(workspace: Workspace) -> None:
    finding = finding_of(workspace, 16, 8)
    assert not finding["drift"]["recent"]["flagged"]
    assert finding["drift"]["recertified"] is None
    assert "Mind the time" not in finding["explanation"]
    assert not finding["drift"]["alarm"]["reached"]
    assert finding["drift"]["confidences"]["psi"] == pytest.approx(0, abs=0.01)


def test_drift__failure_rate_far_above_the_target__alarm_names_the_period(workspace: Workspace) -> None:
    finding = finding_of(workspace, 0, 200)
    assert finding["drift"]["alarm"]["reached"]
    assert finding["drift"]["alarm"]["first_look"] == 4
