"""Thresholds that were stricter in a part of the window, and labels that somebody picked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.test import override_settings

from calibration.tests.factories import WINDOW, decision, gated, history, outcome, review, store
from governance import definitions
from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.factories import WorkspaceFactory, applied
from ledger.models import DecisionRecord

pytestmark = pytest.mark.django_db

Rows = list[DecisionRecord]


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def findings_of(workspace: Workspace, policy_key: str = "confidence_gate", **options: Any) -> dict[str, dict[str, Any]]:
    run = review(workspace=workspace, policy_keys=[policy_key], **WINDOW, **options)
    return {finding["field"]: finding for finding in run.output["policies"][0]["findings"]}


def label(rows: Iterable[DecisionRecord], fails: Callable[[int, DecisionRecord], bool]) -> None:
    """Store decisions, with an outcome for each that was allowed."""
    made = list(rows)
    allowed = [row for row in made if row.gate_verdict == "allow"]
    store(made, [outcome(row, not fails(place, row)) for place, row in enumerate(allowed)])


def loosened(workspace: Workspace, confidences: list[float]) -> Rows:
    """Decisions under 0.9 in the first half of the window and under 0.7 in the second."""
    size = 3_000
    return [
        gated(
            workspace,
            confidence=confidences[place % len(confidences)],
            threshold=0.9 if place < size / 2 else 0.7,
            minute=place * 10,
        )
        for place in range(size)
    ]


def risky(workspace: Workspace, place: int, *, risk: float, in_force: float, **fields: Any) -> DecisionRecord:
    """A decision of the gate under a risk threshold and a confidence threshold of 0.6."""
    passes = risk < in_force
    return gated(
        workspace,
        **{
            "confidence": 0.9,
            "threshold": 0.6,
            "minute": place,
            "policy_key": "decision_gate",
            "ml_risk_score": f"{risk:.4f}",
            "thresholds": {"llm_confidence_threshold": 0.6, "ml_risk_threshold": in_force},
            "gate_verdict": "allow" if passes else "block",
            "gate_reason": "allowed" if passes else "ml_risk_threshold_exceeded",
            **fields,
        },
    )


def _proposes() -> bool:
    return ConfidencePolicyProposal.objects.filter(origin="calibration", status="PENDING").exists()


@pytest.mark.parametrize("options", [{}, {"tighten_only": True}])
def test_loosened__nothing_speaks_against_it__is_not_undone(workspace: Workspace, options: dict[str, Any]) -> None:
    applied(workspace, 0.7)
    label(loosened(workspace, [0.75, 0.8, 0.92, 0.97]), lambda place, row: place % 200 == 0)
    finding = findings_of(workspace, **options)["confidence_threshold"]
    assert (finding["recommended"], finding["reason"], finding["is_material"]) == (None, "NOT_YET_JUDGED", False)
    assert "cannot be judged yet" in finding["explanation"]
    assert finding["at_recommended"] is None
    assert not _proposes()


def test_loosened__failures_above_the_old_threshold__is_tightened(workspace: Workspace) -> None:
    applied(workspace, 0.7)
    label(loosened(workspace, [0.75, 0.8, 0.92, 0.97]), lambda place, row: row.llm_confidence < 0.95 and place % 3 == 0)
    finding = findings_of(workspace)["confidence_threshold"]
    assert (finding["recommended"], finding["reason"]) == (0.97, "OK")
    assert _proposes()


def test_loosened__failures_below_the_old_threshold__are_shown_as_known(workspace: Workspace) -> None:
    applied(workspace, 0.7)
    rows = loosened(workspace, [0.75, 0.8, 0.92, 0.97])
    label(rows, lambda place, row: row.llm_confidence < 0.9 and place % 2 == 0)
    finding = findings_of(workspace)["confidence_threshold"]
    now = finding["at_current"]
    allowed = [row for row in rows if row.gate_verdict == "allow"]
    failed = [row for place, row in enumerate(allowed) if row.llm_confidence < 0.9 and place % 2 == 0]
    assert (now["labelled"], now["failures"]) == (len(allowed), len(failed))
    assert now["failure_rate"] == pytest.approx(len(failed) / len(allowed))
    assert now["interval"] is None
    assert "stricter" in now["reason"]
    # No fair sample, but more failures than the target bears: reason enough to go back to what can be judged.
    assert finding["drift"]["alarm"]["reached"]
    assert (finding["recommended"], finding["reason"]) == (0.9, "OK")


@pytest.mark.parametrize("options", [{}, {"tighten_only": True}])
def test_risk_loosened__nothing_speaks_against_it__is_not_undone(workspace: Workspace, options: dict[str, Any]) -> None:
    rows = [
        risky(workspace, place, risk=(0.05, 0.15, 0.5)[place % 3], in_force=0.25 if place < 1_500 else 0.7)
        for place in range(3_000)
    ]
    label(rows, lambda place, row: place % 300 == 0)
    found = findings_of(workspace, "decision_gate", **options)
    for finding in found.values():
        assert (finding["recommended"], finding["reason"]) == (None, "NOT_YET_JUDGED")
    assert not _proposes()


def test_risk__threshold_of_the_window_below_every_other__refused_not_failed(workspace: Workspace) -> None:
    rows = [risky(workspace, place, risk=(0.01, 0.03, 0.04, 0.08)[place % 4], in_force=0.05) for place in range(800)]
    label(rows, lambda place, row: False)
    for finding in findings_of(workspace, "decision_gate").values():
        # The band of risks below 0.1 holds labelled and blocked decisions; as a whole it is no fair sample.
        assert (finding["recommended"], finding["reason"]) == (None, "INSUFFICIENT_DATA")
        assert finding["at_current"]["labelled"] == 600


def test_risk__audits__labels_of_what_was_blocked_for_risk_do_not_count(workspace: Workspace) -> None:
    rows, outcomes = [], []
    for place in range(2_000):
        risk, in_force = (0.1, 0.5)[place % 2], 0.3 if place < 1_000 else 0.7
        low = place % 5 == 0
        drawn = low and place % 20 < 10
        row = risky(
            workspace,
            place,
            risk=risk,
            in_force=in_force,
            **(
                {
                    "confidence": 0.55,
                    "llm_confidence": "0.5500",
                    "gate_verdict": "block",
                    "gate_reason": "llm_confidence_below_threshold",
                    "audit_selected": drawn,
                    "label_propensity": "0.5000",
                }
                if low
                else {}
            ),
        )
        rows.append(row)
        if row.gate_verdict == "allow" or drawn or (row.gate_reason == "ml_risk_threshold_exceeded" and place % 3):
            outcomes.append(outcome(row, True))
    store(rows, outcomes)
    finding = findings_of(workspace, "decision_gate")["llm_confidence_threshold"]
    assert finding["method"] == "audits"
    fair = {row.pk for row in rows if float(row.ml_risk_score) < 0.3 and float(row.llm_confidence) >= 0.6}
    assert finding["answer"]["above"]["labelled"] == sum(each.decision_id in fair for each in outcomes)


def test_pair__drift__is_that_of_the_decisions_that_the_pair_allows(workspace: Workspace) -> None:
    rows = [risky(workspace, place, risk=(0.05, 0.65)[place % 2], in_force=0.7) for place in range(3_000)]
    label(rows, lambda place, row: float(row.ml_risk_score) > 0.5 and place >= 1_500 and place % 4 == 1)
    finding = findings_of(workspace, "decision_gate")["ml_risk_threshold"]
    assert finding["recommended"] in (0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    assert not finding["drift"]["recent"]["flagged"]
    assert finding["drift"]["recent"]["recent_failure_rate"] == 0.0
    # What is in force now is another matter.
    assert finding["drift"]["alarm"]["reached"]


def test_history__beside_labels_of_the_gate__loosens_nothing(workspace: Workspace) -> None:
    history(workspace, {0.95: (400, 0), 0.5: (400, 0)})
    rows = [gated(workspace, confidence=0.95, minute=20_000 + place) for place in range(400)]
    label(rows, lambda place, row: True)
    finding = findings_of(workspace)["confidence_threshold"]
    assert (finding["recommended"], finding["reason"]) == (None, "NOT_CERTIFIABLE")
    assert (finding["at_current"]["labelled"], finding["at_current"]["failures"]) == (800, 400)
    assert not _proposes()


def test_history__blocked_and_labelled_in_part__its_labels_do_not_count(workspace: Workspace) -> None:
    rows, outcomes = [], []
    for place in range(1_500):
        confidence = (0.91, 0.95, 0.98)[place % 3]
        blocked = confidence < 0.97
        row = decision(workspace, confidence=confidence, minute=place, gate_verdict="block" if blocked else "allow")
        rows.append(row)
        # Of what was blocked somebody labelled some of the good ones.
        if not blocked or place % 5 == 0:
            outcomes.append(outcome(row, True))
    store(rows, outcomes)
    finding = findings_of(workspace)["confidence_threshold"]
    assert (finding["recommended"], finding["labelled"]) == (0.98, 500)


def test_history__blocked_and_labelled_whole__counts(workspace: Workspace) -> None:
    history(workspace, {0.95: (300, 0)})
    history(workspace, {0.7: (300, 0)}, gate_verdict="block")
    finding = findings_of(workspace)["confidence_threshold"]
    assert (finding["recommended"], finding["cohort"]["kind"]) == (0.7, "complete_history")


def test_overrides__for_a_part_of_the_segment__are_named(workspace: Workspace) -> None:
    override = {"match": {"channel": "email"}, "values": {"confidence_threshold": 0.9}}
    applied(workspace, 0.7, config={"values": {"confidence_threshold": 0.7}, "overrides": [override]})
    label((gated(workspace, confidence=0.95, threshold=0.7, minute=minute) for minute in range(300)), lambda *_: False)
    part = findings_of(workspace)["confidence_threshold"]
    whole = findings_of(workspace, segment_by=["channel"])["confidence_threshold"]
    assert "(email: 0.9000)" in part["explanation"]
    assert "overrides" not in whole["explanation"]


def test_bounds__certified_value_outside__is_refused_with_the_reason(workspace: Workspace) -> None:
    field = FieldDefinition(
        name="least", kind=FieldKind.CONFIDENCE_THRESHOLD, default=0.8, title="Least", minimum=0.5, maximum=0.9
    )
    before = definitions.DEFINITIONS.things["confidence_gate"]
    definitions.DEFINITIONS.things["confidence_gate"] = PolicyDefinition(
        key="confidence_gate", title="Bounded", description="", fields=(field,)
    )
    try:
        history(workspace, {0.95: (300, 0), 0.85: (100, 100)})
        finding = findings_of(workspace)["least"]
    finally:
        definitions.DEFINITIONS.things["confidence_gate"] = before
    assert (finding["recommended"], finding["reason"]) == (None, "OUT_OF_BOUNDS")
    assert "must lie between 0.5 and 0.9" in finding["explanation"]


@override_settings(CONFIDENCE_MATERIALITY=0.005)
@pytest.mark.parametrize(("confidence", "material"), [(0.905, False), (0.9051, True), (0.895, False), (0.8949, True)])
def test_materiality__compared_on_the_lattice(workspace: Workspace, confidence: float, material: bool) -> None:
    history(workspace, {confidence: (300, 0)})
    finding = findings_of(workspace)["confidence_threshold"]
    assert (finding["recommended"], finding["is_material"]) == (confidence, material)
