"""The whole story by clicking: a calibration's proposal is approved, applied, in force, and rolled back."""

from __future__ import annotations

import random

import pytest
from django.core.management import call_command

from confidence_project.submissions import Submission
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision
from governance.policies import resolve_threshold
from ledger.contracts import OutcomeEnvelope
from ledger.pipelines.decisions import decide_many
from ledger.services import record_outcomes
from ledger.tests.bodies import submission

pytestmark = pytest.mark.browser


@pytest.fixture
def proposal(workspace, tmp_path) -> ConfidencePolicyProposal:
    """A proposal from real evidence: a model whose confidence of 0.9 is too little and of 0.97 is enough."""
    dice = random.Random(20)
    confidences = [round(dice.uniform(0.9, 1), 4) for _ in range(1200)]
    asked = [
        submission(external_id=f"d{number}", decision=_decision(confidence))
        for number, confidence in enumerate(confidences)
    ]
    decide_many(workspace=workspace, submissions=asked)
    outcomes = [
        OutcomeEnvelope(
            external_id=f"o{number}",
            decision_external_id=f"d{number}",
            success=dice.random() < (0.995 if confidence > 0.95 else 0.8),
            source="human_review",
        )
        for number, confidence in enumerate(confidences)
    ]
    record_outcomes(
        workspace=workspace,
        submissions=[Submission(outcome.external_id, "00" * 32, outcome) for outcome in outcomes],
        reporter="test",
    )
    arguments = ["--workspace", workspace.slug, "--policy-key", "confidence_gate", "--maturity-days", "0"]
    with (tmp_path / "table.txt").open("w") as table:
        call_command("run_calibration", *arguments, stdout=table)
    return ConfidencePolicyProposal.objects.get(workspace=workspace)


def _decision(confidence):
    from ledger.tests.bodies import llm_decision

    return llm_decision(confidence=confidence)


def threshold(workspace) -> float:
    segment = {"provider": "acme", "model": "acme-1", "confidence_kind": "unspecified"}
    return resolve_threshold(workspace, "confidence_gate", "confidence_threshold", **segment)


def test_story__approve_apply_roll_back__the_threshold_follows(visitor, workspace, proposal):
    page_of_proposal = f"/admin/governance/confidencepolicyproposal/{proposal.pk}/change/"

    reviewer = visitor("reviewer")
    reviewer.open(page_of_proposal)
    reviewer.picture("proposal-pending")
    reviewer.page.get_by_role("link", name="Approve", exact=True).click()
    reviewer.picture("proposal-approve")
    reviewer.page.get_by_role("button", name="Approve").click()
    assert "approved" in reviewer.page.locator(".messagelist").inner_text()
    assert threshold(workspace) == 0.9
    assert reviewer.page.get_by_role("link", name="Apply", exact=True).count() == 0

    superuser = visitor("superuser")
    superuser.open(page_of_proposal)
    superuser.page.get_by_role("link", name="Apply", exact=True).click()
    superuser.picture("proposal-apply")
    superuser.page.get_by_role("button", name="Apply").click()
    assert "applied" in superuser.page.locator(".messagelist").inner_text()
    assert threshold(workspace) > 0.94

    baseline = ConfidencePolicyRevision.objects.get(workspace=workspace, version=0)
    superuser.open(f"/admin/governance/confidencepolicyrevision/{baseline.pk}/change/")
    superuser.picture("revision-baseline")
    superuser.page.get_by_role("link", name="Roll back to this").click()
    superuser.page.get_by_label("Reason").fill("The new threshold holds too much back.")
    superuser.page.get_by_role("button", name="Roll back to this").click()
    assert threshold(workspace) == 0.9
    superuser.open(page_of_proposal)
    superuser.picture("proposal-applied")


def test_story__a_viewer__is_told_who_may(visitor, workspace, proposal):
    viewer = visitor("viewer")
    viewer.open(f"/admin/governance/confidencepolicyproposal/{proposal.pk}/change/")
    assert viewer.page.get_by_role("link", name="Approve", exact=True).count() == 0
    assert "admin membership" in viewer.page.locator("main, #content").first.inner_text()
