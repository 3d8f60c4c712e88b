"""Labels that exist only for what was allowed."""

from __future__ import annotations

from typing import Any

import pytest

from calibration.tests.factories import WINDOW, decision, gated, history, outcome, review, store
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def finding_of(workspace: Workspace, policy_key: str = "confidence_gate") -> dict[str, Any]:
    run = review(workspace=workspace, policy_keys=[policy_key], **WINDOW)
    (finding,) = run.output["policies"][0]["findings"]
    return finding


def through_the_gate(workspace: Workspace, confidence: float, decisions: int, failures: int, **fields: Any) -> None:
    """Decisions of the gate, all with an outcome."""
    made = [gated(workspace, confidence=confidence, minute=minute, **fields) for minute in range(decisions)]
    store(made, [outcome(each, place >= failures) for place, each in enumerate(made)])


def test_selection__labels_below_the_threshold_in_force__do_not_count(workspace: Workspace) -> None:
    through_the_gate(workspace, 0.95, 200, 0, threshold=0.9)
    through_the_gate(workspace, 0.7, 200, 0, threshold=0.9)
    finding = finding_of(workspace)
    assert finding["recommended"] == 0.9
    assert finding["cohort"] == {
        "kind": "at_or_above_threshold_in_force",
        "threshold_in_force": 0.9,
        "risk_threshold_in_force": None,
        "decisions_before_collapse_by_case": 400,
        "labels_below_threshold_in_force": 200,
        "labels_not_pooled": 0,
        "labels_left_aside": 0,
        "labels_of_drawn": 0,
    }
    assert (finding["decisions"], finding["labelled"]) == (400, 200)


def test_selection__label_exactly_at_the_threshold_in_force__counts(
    workspace: Workspace,
) -> None:
    through_the_gate(workspace, 0.9, 100, 0, threshold=0.9)
    finding = finding_of(workspace)
    assert (finding["labelled"], finding["cohort"]["labels_below_threshold_in_force"]) == (100, 0)
    assert finding["recommended"] == 0.9


def test_selection__threshold_was_lowered_inside_the_window__the_highest_holds(workspace: Workspace) -> None:
    through_the_gate(workspace, 0.95, 100, 0, threshold=0.9)
    through_the_gate(workspace, 0.7, 300, 0, threshold=0.6)
    assert finding_of(workspace)["cohort"]["threshold_in_force"] == 0.9
    assert not ConfidencePolicyProposal.objects.filter(config__overrides__0__values__confidence_threshold=0.7).exists()


def test_selection__complete_history__counts_whole(workspace: Workspace) -> None:
    history(workspace, {0.95: (300, 0), 0.7: (300, 0)})
    finding = finding_of(workspace)
    assert finding["recommended"] == 0.7
    assert finding["cohort"]["kind"] == "complete_history"


def test_selection__history_with_gaps__is_not_complete(workspace: Workspace) -> None:
    history(workspace, {0.95: (300, 0), 0.7: (300, 0)})
    store([decision(workspace, confidence=0.7)])
    finding = finding_of(workspace)
    assert finding["cohort"]["threshold_in_force"] == 0.9
    assert finding["recommended"] == 0.9


def test_selection__history_beside_gated_decisions__is_not_pooled(workspace: Workspace) -> None:
    history(workspace, {0.95: (100, 0), 0.7: (70, 30)})
    through_the_gate(workspace, 0.95, 5_000, 0, threshold=0.9)
    finding = finding_of(workspace)
    # Together the two look harmless: 30 failures of 5,200.
    assert finding["recommended"] == 0.9
    assert finding["cohort"]["labels_below_threshold_in_force"] == 100


def test_selection__more_history_than_gated_decisions__the_gate_has_its_say(workspace: Workspace) -> None:
    history(workspace, {0.95: (300, 0), 0.7: (300, 0)})
    through_the_gate(workspace, 0.95, 50, 50, threshold=0.9)
    finding = finding_of(workspace)
    assert (finding["recommended"], finding["labelled"]) == (None, 350)
    assert finding["cohort"]["labels_below_threshold_in_force"] == 300


def test_selection__gated_decisions_without_a_label__history_speaks_alone(workspace: Workspace) -> None:
    history(workspace, {0.95: (300, 0), 0.7: (300, 0)})
    store([gated(workspace, confidence=0.95, minute=minute) for minute in range(50)])
    finding = finding_of(workspace)
    assert (finding["recommended"], finding["labelled"], finding["decisions"]) == (0.7, 600, 600)


def test_selection__blocked_by_something_else__left_out_and_counted(workspace: Workspace) -> None:
    through_the_gate(workspace, 0.95, 100, 0)
    store([gated(workspace, confidence=0.95, gate_verdict="block", gate_reason="kill_switch") for _ in range(7)])
    store([gated(workspace, confidence=0.95, llm_confidence=None) for _ in range(3)])
    finding = finding_of(workspace)
    assert finding["decisions"] == 100
    assert (finding["left_out"]["other_checks"], finding["left_out"]["no_confidence"]) == (7, 3)


def test_selection__label_coverage_by_bin__shows_where_outcomes_are(workspace: Workspace) -> None:
    through_the_gate(workspace, 0.95, 100, 0)
    store([gated(workspace, confidence=0.55, minute=minute) for minute in range(60)])
    bins = finding_of(workspace)["reliability"]["equal_width"]["bins"]
    assert (bins[9]["label_coverage"], bins[5]["label_coverage"], bins[0]["label_coverage"]) == (1.0, 0.0, None)


def test_selection__risk_threshold__only_what_passes_it_counts(workspace: Workspace) -> None:
    thresholds = {"llm_confidence_threshold": 0.6, "ml_risk_threshold": 0.7}
    given = {"policy_key": "decision_gate", "thresholds": thresholds}
    through_the_gate(workspace, 0.8, 100, 0, ml_risk_score="0.1000", **given)
    through_the_gate(workspace, 0.8, 40, 40, ml_risk_score="0.7000", gate_reason="ml_risk_threshold_exceeded", **given)
    through_the_gate(workspace, 0.8, 9, 9, ml_risk_score=None, gate_reason="missing_risk_score", **given)
    run = review(workspace=workspace, policy_keys=["decision_gate"], **WINDOW)
    for finding in run.output["policies"][0]["findings"]:
        assert (finding["decisions"], finding["labelled"], finding["successes"]) == (100, 100, 100)
        assert finding["left_out"]["blocked_by_risk"] == 40
        assert finding["left_out"]["other_checks"] == 9
