"""A confidence ceiling: looked for where the calendar says so, certified with the threshold, and obeyed by the gate."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from calibration.findings.reading import read_evidence
from calibration.models import ReviewCalendar
from calibration.runs.report import run_as_text
from calibration.statistics.bands import recommend_band
from calibration.statistics.groups import Groups
from calibration.tests.factories import WINDOW, gated, history, outcome, review, store
from governance.models import ConfidencePolicyProposal, Workspace
from governance.policies import resolve_threshold
from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, applied
from governance.workflow import apply_confidence_policy_proposal, approve_confidence_policy_proposal
from ledger.tests.bodies import envelope, llm_decision

pytestmark = pytest.mark.django_db

RATES = {
    0.99: (90, 60),
    0.98: (30, 20),
    0.95: (50, 0),
    0.93: (50, 0),
    0.92: (100, 0),
    0.9: (399, 1),
    0.8: (297, 3),
    0.5: (60, 40),
}
"""Successes and failures of a model that is wrong in 40 % where it is surest, and hardly below."""

LABELS = Groups.from_arrays(list(RATES), [sum(each) for each in RATES.values()], [won for won, _ in RATES.values()])
EXPECTED = recommend_band(LABELS, alpha=0.05, delta=0.05)


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def findings(run: Any) -> dict[str, dict[str, Any]]:
    return {finding["field"]: finding for finding in run.output["policies"][0]["findings"]}


def banded(workspace: Workspace, **question: Any) -> Any:
    return review(workspace=workspace, policy_keys=["confidence_gate"], looks_for_band=True, **WINDOW, **question)


def test_band__of_a_bad_top__is_proposed_whole_and_the_gate_obeys_it(workspace: Workspace) -> None:
    history(workspace, RATES)
    run = banded(workspace)
    found = findings(run)
    threshold, ceiling = found["confidence_threshold"], found["confidence_ceiling"]
    assert (threshold["recommended"], ceiling["recommended"]) == (EXPECTED.threshold, EXPECTED.ceiling)
    assert EXPECTED.ceiling is not None
    assert 0.8 == EXPECTED.threshold < EXPECTED.ceiling < 0.98
    assert threshold["method"] == ceiling["method"] == "band"
    assert f"from 0.8000 to {EXPECTED.ceiling:.4f} exceeds 0.05 with probability at most 0.05" in ceiling["statement"]
    assert "The most confident fail too often" in threshold["explanation"]
    inside = LABELS.at_or_above(8_000).below(round(EXPECTED.ceiling * 10_000) + 1)
    assert ceiling["at_recommended"]["labelled"] == inside.labelled
    assert ceiling["at_recommended"]["failures"] == inside.labelled - inside.succeeded
    assert ceiling["at_recommended"]["coverage"] == pytest.approx(inside.decisions / LABELS.decisions)
    now = LABELS.at_or_above(9_000)
    assert (
        ceiling["change"]["allow_to_block"]
        == now.decisions - LABELS.at_or_above(9_000).below(round(EXPECTED.ceiling * 10_000) + 1).decisions
    )
    assert ceiling["change"]["block_to_allow"] == 300
    assert "confidence_ceiling" in run_as_text(run)

    proposal = ConfidencePolicyProposal.objects.get()
    evidence = read_evidence(json.loads(proposal.evidence))
    assert evidence is not None
    assert f"lowering “greatest confidence that is allowed” from 1 to {EXPECTED.ceiling:.4g}" in evidence.sentence
    approve_confidence_policy_proposal(actor=admin_of(workspace), workspace=workspace, proposal_id=proposal.pk)
    apply_confidence_policy_proposal(actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk)
    caller = Caller(workspace)
    said = []
    for confidence in (0.79, 0.8, EXPECTED.ceiling, 0.99):
        # History carries no kind, so that its override is for what carries none either.
        decision = llm_decision(confidence=confidence, model="m1")
        response = caller.post("decisions", envelope(decision=decision, confidence_kind="unspecified"))
        said.append(response.json()["reason"])
    assert said == ["llm_confidence_below_threshold", "allowed", "allowed", "llm_confidence_above_ceiling"]
    segment = {"provider": "acme", "model": "m1", "confidence_kind": "unspecified"}
    assert resolve_threshold(workspace, "confidence_gate", "confidence_ceiling", **segment) == EXPECTED.ceiling


def test_band__not_asked_for__no_ceiling_is_looked_for(workspace: Workspace) -> None:
    history(workspace, RATES)
    found = findings(review(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW))
    assert list(found) == ["confidence_threshold"]
    assert found["confidence_threshold"]["recommended"] is None


def test_band__top_is_not_bad__ceiling_stays_and_the_threshold_has_its_share_of_delta(workspace: Workspace) -> None:
    counts = {0.99: (496, 4), 0.95: (290, 10), 0.8: (160, 40)}
    history(workspace, counts)
    found = findings(banded(workspace))
    assert found["confidence_ceiling"]["recommended"] == 1.0
    assert found["confidence_threshold"]["recommended"] == 0.95
    assert found["confidence_threshold"]["answer"]["above"]["delta"] == pytest.approx(0.4 * 0.05)
    assert "confidence_ceiling stays at 1.0000." in found["confidence_ceiling"]["explanation"]


def test_ceiling__in_force__decisions_above_it_are_left_out_and_it_is_not_raised(workspace: Workspace) -> None:
    ceiling = {"values": {"confidence_threshold": 0.9, "confidence_ceiling": 0.96}, "overrides": []}
    applied(workspace, config=ceiling)
    made = [gated(workspace, confidence=0.95, minute=minute) for minute in range(300)]
    above = [
        gated(
            workspace, confidence=0.99, minute=minute, gate_verdict="block", gate_reason="llm_confidence_above_ceiling"
        )
        for minute in range(50)
    ]
    store([*made, *above], [outcome(each, True) for each in [*made, *above]])
    found = findings(banded(workspace))
    threshold = found["confidence_threshold"]
    assert (threshold["decisions"], threshold["labelled"], threshold["left_out"]["above_ceiling"]) == (300, 300, 50)
    assert threshold["at_current"]["coverage"] == pytest.approx(300 / 350)
    assert (found["confidence_ceiling"]["current"], found["confidence_ceiling"]["recommended"]) == (0.96, 0.96)
    assert threshold["recommended"] == 0.9


def test_calendar__band_for_a_policy_without_a_ceiling__refused() -> None:
    workspace = WorkspaceFactory(slug="acme")
    given = {"workspace": "acme", "reason": "Wrong where certain", "band": True, "stdout": StringIO()}
    with pytest.raises(CommandError, match="has no confidence ceiling"):
        call_command("set_review_calendar", policy_key="decision_gate", **given)
    call_command("set_review_calendar", policy_key="confidence_gate", **given)
    assert ReviewCalendar.objects.get(workspace=workspace).looks_for_band


def test_certify__with_band__says_both_ends(tmp_path: Path) -> None:
    path, thresholds = tmp_path / "labels.csv", tmp_path / "thresholds.json"
    rows = [f"{c},{int(i < won)}" for c, (won, lost) in RATES.items() for i in range(won + lost)]
    path.write_text("\n".join(["confidence,success", *rows]) + "\n", "utf-8")
    out = StringIO()
    call_command("certify", str(path), band=True, thresholds=thresholds, stdout=out)
    assert f"Allow from 0.8 to {EXPECTED.ceiling:.4g}." in out.getvalue()
    (written,) = json.loads(thresholds.read_text())["thresholds"]
    assert (written["at_least"], written["at_most"]) == (EXPECTED.threshold, EXPECTED.ceiling)
    call_command("certify", str(path), stdout=out)
    assert "No threshold is certified." in out.getvalue()
