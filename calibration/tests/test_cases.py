"""Several decisions of one case count once: the earliest."""

from __future__ import annotations

from typing import Any

import pytest

from calibration.runner import run_calibration
from calibration.tests.factories import WINDOW, decision, outcome, store
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def findings(workspace: Workspace) -> list[dict[str, Any]]:
    run = run_calibration(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW)
    return run.output["policies"][0]["findings"]


def test_cases__decisions_of_one_case__the_earliest_counts(workspace: Workspace) -> None:
    late, early = (decision(workspace, confidence=c, minute=m, case_key="t-1") for c, m in [(0.5, 9), (0.8, 3)])
    alone = decision(workspace, confidence=0.8, minute=5)
    store([late, early, alone], [outcome(late, True), outcome(early, False), outcome(alone, True)])
    (finding,) = findings(workspace)
    assert (finding["decisions"], finding["labelled"], finding["successes"]) == (2, 2, 1)
    assert finding["cohort"]["decisions_before_collapse_by_case"] == 3
    assert "Of 3 decisions 2 count: of each case the earliest." in finding["explanation"]


@pytest.mark.parametrize(("copies", "unit"), [(1, "first decisions of the labelled cases"), (0, "labelled decisions")])
def test_cases__the_statement__names_what_counts_once(workspace: Workspace, copies: int, unit: str) -> None:
    made = [decision(workspace, confidence=0.95, minute=minute, case_key=f"t-{minute}") for minute in range(100)]
    again = [decision(workspace, confidence=0.95, minute=200, case_key="t-1")] * copies
    store([*made, *again], [outcome(each, True) for each in [*made, *again]])
    (finding,) = findings(workspace)
    assert unit in finding["statement"]


def test_cases__earliest_is_unlabelled__the_case_is(workspace: Workspace) -> None:
    # To take the labelled one instead would let the label choose.
    early, late = (decision(workspace, confidence=0.8, minute=minute, case_key="t-1") for minute in (1, 2))
    store([early, late], [outcome(late, True)])
    (finding,) = findings(workspace)
    assert (finding["decisions"], finding["labelled"]) == (1, 0)


def test_cases__earliest_is_no_evidence__the_first_that_is_counts(workspace: Workspace) -> None:
    switched_off = decision(
        workspace,
        confidence=0.8,
        minute=1,
        case_key="t-1",
        origin="gate",
        gate_verdict="block",
        gate_reason="kill_switch",
    )
    judged = decision(workspace, confidence=0.7, minute=2, case_key="t-1")
    store([switched_off, judged], [outcome(judged, True)])
    (finding,) = findings(workspace)
    assert (finding["decisions"], finding["labelled"]) == (1, 1)


def test_cases__same_case_for_two_models__counts_for_each(workspace: Workspace) -> None:
    made = [decision(workspace, confidence=0.8, minute=m, model=f"m{m}", case_key="t-1") for m in (1, 2)]
    store(made, [outcome(each, True) for each in made])
    assert [finding["labelled"] for finding in findings(workspace)] == [1, 1]


def test_cases__blank_case_keys__are_no_case(workspace: Workspace) -> None:
    made = [decision(workspace, confidence=0.8, minute=minute) for minute in range(5)]
    store(made, [outcome(each, True) for each in made])
    (finding,) = findings(workspace)
    assert finding["labelled"] == 5


def test_cases__copy_that_is_no_evidence__is_no_decision_before_the_collapse(workspace: Workspace) -> None:
    first, again = (decision(workspace, confidence=0.8, minute=minute, case_key="t-1") for minute in (1, 2))
    switched_off = decision(
        workspace,
        confidence=0.8,
        minute=3,
        case_key="t-1",
        origin="gate",
        gate_verdict="block",
        gate_reason="kill_switch",
    )
    store([first, again, switched_off], [outcome(first, True)])
    (finding,) = findings(workspace)
    assert finding["decisions"] == 1
    assert finding["cohort"]["decisions_before_collapse_by_case"] == 2
