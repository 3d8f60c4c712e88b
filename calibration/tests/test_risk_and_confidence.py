"""A policy with a confidence and a risk threshold: both are certified together."""

from __future__ import annotations

import random
from typing import Any

import pytest

from calibration.models import Recommendation
from calibration.statistics.joint import recommend_pair
from calibration.tests.factories import WINDOW, decision, outcome, review, store
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def run(workspace: Workspace, **options: Any) -> dict[str, dict[str, Any]]:
    stored = review(workspace=workspace, policy_keys=["decision_gate"], **WINDOW, **options)
    return {finding["field"]: finding for finding in stored.output["policies"][0]["findings"]}


def generate(workspace: Workspace, **fields: Any) -> tuple[list[float], list[float], list[bool]]:
    """History whose failures come with high risk more than with low confidence."""
    draw = random.Random(5)
    risks, confidences, won = [], [], []
    for _ in range(4_000):
        risk, confidence = round(draw.random(), 4), round(draw.betavariate(5, 1.5), 4)
        risks.append(risk)
        confidences.append(confidence)
        won.append(draw.random() > (0.01 if risk < 0.5 else 0.3) + 0.05 * (1 - confidence))
    made = [
        decision(workspace, confidence=c, minute=m, policy_key="decision_gate", ml_risk_score=f"{r:.4f}", **fields)
        for m, (r, c) in enumerate(zip(risks, confidences, strict=True))
    ]
    store(made, [outcome(each, each_won) for each, each_won in zip(made, won, strict=True)])
    return risks, confidences, won


def test_pair__history__same_answer_as_from_the_exact_risks(workspace: Workspace) -> None:
    risks, confidences, won = generate(workspace)
    found = run(workspace)
    expected = recommend_pair(risks, confidences, [1] * len(won), won, alpha=0.05, delta=0.05, current_risk=0.7)
    confidence, risk = found["llm_confidence_threshold"], found["ml_risk_threshold"]
    assert (confidence["recommended"], risk["recommended"]) == (expected.confidence_threshold, 0.5)
    assert confidence["change"]["expected_coverage"] == pytest.approx(expected.coverage)
    assert confidence["at_recommended"]["coverage"] == pytest.approx(expected.coverage)
    said = f"{expected.coverage:.1%} of all decisions with a risk score are allowed."
    assert said in confidence["explanation"]
    values = {"llm_confidence_threshold": expected.confidence_threshold, "ml_risk_threshold": 0.5}
    proposal = ConfidencePolicyProposal.objects.get()
    assert "new thresholds for" not in proposal.title
    assert "ml_risk_threshold 0.7 → 0.5, acme · m1" in proposal.title
    (override,) = proposal.config["overrides"]
    assert override["values"] == values
    assert Recommendation.objects.filter(proposal__isnull=False).count() == 2
    for finding in (confidence, risk):
        assert (
            f"have a risk below 0.5000 and lie at or above {expected.confidence_threshold:.4f}" in finding["statement"]
        )
        assert "exceeds 0.05 with probability at most 0.05," in finding["statement"]


def test_pair__gated__risk_thresholds_above_the_one_in_force_are_not_tried(workspace: Workspace) -> None:
    thresholds = {"llm_confidence_threshold": 0.2, "ml_risk_threshold": 0.4}
    gate = {"origin": "gate", "gate_reason": "allowed", "thresholds": thresholds}
    generate(workspace, **gate)
    found = run(workspace)
    assert {risk for risk, _ in found["ml_risk_threshold"]["answer"]["grid"]} == {0.4, 0.3, 0.2, 0.1}


def test_pair__refusal__says_of_which_risk_threshold_it_speaks(workspace: Workspace) -> None:
    thresholds = {"llm_confidence_threshold": 0.2, "ml_risk_threshold": 0.4}
    made = [
        decision(
            workspace, confidence=0.9, minute=m, policy_key="decision_gate", ml_risk_score="0.1000", origin="gate",
            gate_reason="allowed", thresholds=thresholds,
        )
        for m in range(200)
    ]  # fmt: skip
    store(made, [outcome(each, place % 2 == 0) for place, each in enumerate(made)])
    said = run(workspace)["ml_risk_threshold"]["explanation"]
    # 0.7 is in force now; the window had 0.4, and no risk above it was let pass.
    assert "No pair of a risk and a confidence threshold is certified. With risks below 0.4000: No threshold" in said
    assert "It is not shown that no threshold would do." in said


def test_pair__dry_run__no_more_lenient_risk_threshold_is_named(workspace: Workspace) -> None:
    made = [
        decision(workspace, confidence=0.9, minute=m, policy_key="decision_gate", ml_risk_score=risk)
        for m, risk in enumerate(["0.1000", "0.8000"] * 300)
    ]
    store(made, [outcome(each, True) for each in made])
    dry = run(workspace, dry_run=True)
    assert [dry[name]["recommended"] for name in ("llm_confidence_threshold", "ml_risk_threshold")] == [0.6, 0.7]
    assert run(workspace)["ml_risk_threshold"]["recommended"] == 0.9


def test_pair__one_of_the_two_stays__is_said_so(workspace: Workspace) -> None:
    made = [
        decision(workspace, confidence=0.6, minute=m, policy_key="decision_gate", ml_risk_score=risk)
        for m, risk in enumerate(["0.1000", "0.8000"] * 300)
    ]
    store(made, [outcome(each, True) for each in made])
    found = run(workspace)
    assert found["llm_confidence_threshold"]["explanation"].startswith("llm_confidence_threshold stays at 0.6000.")
    assert found["ml_risk_threshold"]["explanation"].startswith("Raise ml_risk_threshold from 0.7000 to 0.9000.")
