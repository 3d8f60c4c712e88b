"""Below the threshold in force only decisions that were drawn for audit count."""

from __future__ import annotations

from typing import Any

import pytest

from calibration.statistics.intervals import clopper_pearson
from calibration.statistics.stratified import Stratum, stratified_failure_rate
from calibration.tests.factories import WINDOW, gated, outcome, review, store
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db

RATE = "0.2500"


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory()
    allowed = [gated(workspace, confidence=0.95, minute=minute) for minute in range(1_000)]
    store(allowed, [outcome(each, place >= 5) for place, each in enumerate(allowed)])
    return workspace


def blocked(workspace: Workspace, decisions: int, *, drawn: int, failures: int, **fields: Any) -> None:
    """Blocked decisions under a lottery, of which the drawn ones have a person's label."""
    made = [
        gated(workspace, confidence=0.85, minute=m, audit_selected=m < drawn, label_propensity=RATE, **fields)
        for m in range(decisions)
    ]
    labelled = made[:drawn]
    store(made, [outcome(each, place >= failures, source="human_review") for place, each in enumerate(labelled)])


def finding_of(workspace: Workspace) -> dict[str, Any]:
    run = review(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW)
    (finding,) = run.output["policies"][0]["findings"]
    return finding


def test_audits__drawn_decisions_do_well__threshold_may_be_lowered(workspace: Workspace) -> None:
    blocked(workspace, 1_000, drawn=250, failures=2)
    finding = finding_of(workspace)
    assert (finding["method"], finding["recommended"]) == ("audits", 0.85)
    assert ConfidencePolicyProposal.objects.get().config["overrides"][0]["values"] == {"confidence_threshold": 0.85}
    # Half of the decisions were allowed and half blocked; the label of a drawn one stands for four.
    step = finding["answer"]["steps"][0]
    level = finding["answer"]["level"]
    strata = [
        Stratum(decisions=1_000, labelled=1_000, failures=5),
        Stratum(decisions=1_000, labelled=250, failures=2),
    ]
    assert step["upper"] == stratified_failure_rate(strata, level=level)[1]
    assert finding["at_recommended"]["failure_rate"] == pytest.approx((5 / 1_000 + 2 / 250) / 2)
    ends = [clopper_pearson([k], [n], confidence=0.975) for k, n in [(5, 1_000), (2, 250)]]
    low, high = (sum(end[side][0] for end in ends) / 2 for side in (0, 1))
    assert finding["at_recommended"]["interval"] == pytest.approx([low, high], abs=1e-12)
    assert "audits below 0.9000 drawn at random" in finding["statement"]


def test_audits__drawn_decisions_fail__threshold_stays(workspace: Workspace) -> None:
    blocked(workspace, 1_000, drawn=250, failures=60)
    finding = finding_of(workspace)
    assert finding["recommended"] == 0.9
    assert "do not bear a lower one out" in finding["explanation"]
    assert "50.0% of the decisions that passed the other checks are allowed." in finding["explanation"]


def test_audits__nothing_certified_above__refusal_speaks_of_that_part_only() -> None:
    workspace = WorkspaceFactory()
    allowed = [gated(workspace, confidence=0.95, minute=minute) for minute in range(200)]
    store(allowed, [outcome(each, place % 2 == 0) for place, each in enumerate(allowed)])
    blocked(workspace, 100, drawn=25, failures=0)
    finding = finding_of(workspace)
    assert (finding["method"], finding["reason"]) == ("audits", "NOT_CERTIFIABLE")
    assert finding["explanation"].startswith(
        "At or above 0.9000, the strictest of the window: No threshold keeps the failure rate"
    )
    assert "at the 200 most confident of the 200 labelled decisions, 100 failed (50.00%)" in finding["explanation"]


def test_audits__labels_of_decisions_that_were_not_drawn__do_not_count(workspace: Workspace) -> None:
    blocked(workspace, 1_000, drawn=250, failures=60)
    volunteered = [gated(workspace, confidence=0.85, minute=m, label_propensity=RATE) for m in range(500)]
    store(volunteered, [outcome(each, True) for each in volunteered])
    assert finding_of(workspace)["recommended"] == 0.9


def test_audits__most_blocked_ones_were_outside_of_the_lottery__they_count_as_unknown(
    workspace: Workspace,
) -> None:
    blocked(workspace, 1_000, drawn=250, failures=0)
    store([gated(workspace, confidence=0.85, minute=minute) for minute in range(1_000)])
    assert finding_of(workspace)["recommended"] == 0.9


def test_audits__policy_with_a_risk_threshold__certified_at_the_one_in_force_only(workspace: Workspace) -> None:
    gate = {
        "policy_key": "decision_gate",
        "thresholds": {"llm_confidence_threshold": 0.9, "ml_risk_threshold": 0.7},
        "ml_risk_score": "0.2000",
    }
    allowed = [gated(workspace, confidence=0.95, minute=minute, **gate) for minute in range(1_000)]
    store(allowed, [outcome(each, place >= 5) for place, each in enumerate(allowed)])
    blocked(workspace, 1_000, drawn=250, failures=2, **gate)
    run = review(workspace=workspace, policy_keys=["decision_gate"], **WINDOW)
    confidence, risk = run.output["policies"][0]["findings"]
    assert (confidence["recommended"], risk["recommended"]) == (0.85, risk["current"])
    for finding in (confidence, risk):
        assert "have a risk below 0.7000 and lie at or above 0.8500" in finding["statement"]
        assert finding["statement"].endswith("Only the risk threshold in force was looked at.")
