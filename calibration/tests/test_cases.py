"""Several decisions of one case count once: the earliest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from calibration.findings.reading import read_evidence
from calibration.runner import run_calibration
from calibration.tests.factories import WINDOW, decision, outcome, review, store
from governance.models import ConfidencePolicyProposal, Workspace
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


@pytest.fixture
def hard_cases(workspace: Workspace) -> None:
    """1,000 cases, every twentieth with ten decisions: 31 fail at their first one, 172 of 1,450 decisions do."""
    made, outcomes, easy, others = [], [], 0, 0
    for case in range(1_000):
        is_hard = case % 20 == 0
        for place in range(10 if is_hard else 1):
            failed = easy % 50 == 0 if not is_hard else case // 20 < 12
            if place:
                others += 1
                failed = others * 141 // 450 > (others - 1) * 141 // 450
            each = decision(workspace, confidence=(0.85, 0.95)[case % 3 > 0], minute=len(made), case_key=f"case-{case}")
            made.append(each)
            outcomes.append(outcome(each, not failed))
        easy += not is_hard
    store(made, outcomes)


@pytest.mark.usefixtures("hard_cases")
def test_cases__later_decisions_fail_more_often__a_warning_comes_first(workspace: Workspace) -> None:
    run = review(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW)
    ((finding,),) = [policy["findings"] for policy in run.output["policies"]]
    assert (finding["recommended"], finding["labelled"], finding["successes"]) == (0.85, 1_000, 969)
    assert finding["every_decision"] == {
        "threshold": 0.85, "labelled": 1_450, "failures": 172, "failure_rate": 172 / 1_450,
    }  # fmt: skip
    warning = (
        "Mind the later decisions of the cases: counting every decision at or above 0.8500 and not only the first of "
        "each case, 172 of 1,450 with a label failed (11.86%), more than the 5 % that are wanted."
    )
    assert finding["explanation"].startswith(warning)
    evidence = read_evidence(json.loads(ConfidencePolicyProposal.objects.get().evidence))
    assert evidence is not None
    assert evidence.sentence.startswith(warning)
    assert "of the cases that it allows fail at their first decision" in evidence.sentence
    assert "450 are later decisions of a case, of which only the first counts." in evidence.subjects[0].not_covered


def test_cases__later_decisions_below_the_threshold__are_not_counted_beside_it(workspace: Workspace) -> None:
    made = [decision(workspace, confidence=0.95, minute=minute, case_key=f"t-{minute}") for minute in range(100)]
    below = decision(workspace, confidence=0.2, minute=200, case_key="t-1")
    above = decision(workspace, confidence=0.97, minute=201, case_key="t-1")
    unlabelled = decision(workspace, confidence=0.97, minute=202, case_key="t-2")
    store([*made, below, above, unlabelled], [outcome(each, each is not above) for each in [*made, below, above]])
    (finding,) = findings(workspace)
    every = finding["every_decision"]
    assert (every["labelled"], every["failures"]) == (101, 1)
    assert "Counting every decision at or above" in finding["explanation"]


def test_cases__no_case_twice__nothing_is_said_of_every_decision(workspace: Workspace) -> None:
    made = [decision(workspace, confidence=0.95, minute=minute, case_key=f"t-{minute}") for minute in range(100)]
    store(made, [outcome(each, True) for each in made])
    (finding,) = findings(workspace)
    assert finding["every_decision"] is None
    assert "every decision" not in finding["explanation"]
