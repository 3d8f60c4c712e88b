"""The whole story by clicking: a calibration's proposal is approved, applied, in force, and rolled back."""

from __future__ import annotations

import pytest

from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision, Membership
from governance.policies import resolve_threshold

pytestmark = pytest.mark.browser


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
    superuser.page.get_by_label("no evidence bears this loosening out").check()
    superuser.page.get_by_role("button", name="Roll back to this").click()
    assert threshold(workspace) == 0.9
    superuser.open(page_of_proposal)
    superuser.picture("proposal-applied")


def test_story__a_viewer__is_told_who_may_and_gets_no_further_by_address_or_forged_form(visitor, workspace, proposal):
    page_of_proposal = f"/admin/governance/confidencepolicyproposal/{proposal.pk}/change/"
    viewer = visitor("viewer")
    viewer.open(page_of_proposal)
    assert viewer.page.get_by_role("link", name="Approve", exact=True).count() == 0
    assert "admin membership" in viewer.page.get_by_role("main").inner_text()
    viewer.picture("proposal-as-viewer")

    for verb in ("approve", "reject", "apply"):
        address = page_of_proposal.replace("change", verb)
        viewer.expect(403, address)
        assert viewer.post(address, reason="Forged.") == 403
        assert viewer.post(address, reason="Forged.", csrf=False) == 403
    viewer.picture("refused")
    proposal.refresh_from_db()
    assert proposal.status == ConfidencePolicyProposal.Status.PENDING


def test_story__a_member_of_another_workspace__finds_nothing(visitor, workspace, proposal):
    Membership.objects.filter(user__username="viewer").delete()
    viewer = visitor("viewer")
    viewer.picture("home-without-a-workspace")
    for address in (
        f"/admin/desk/proposal/{proposal.pk}/0/reliability.light.svg",
        f"/admin/governance/confidencepolicyproposal/{proposal.pk}/approve/",
    ):
        viewer.expect(404, address)
    assert viewer.post(f"/admin/governance/confidencepolicyproposal/{proposal.pk}/approve/") == 404


def test_story__reject__asks_for_the_reason_and_keeps_it(visitor, workspace, proposal):
    reviewer = visitor("reviewer")
    reviewer.open(f"/admin/governance/confidencepolicyproposal/{proposal.pk}/change/")
    reviewer.page.get_by_role("link", name="Reject", exact=True).click()
    reviewer.page.get_by_role("button", name="Reject").click()
    assert "required" in reviewer.page.get_by_role("main").inner_text()
    reviewer.picture("proposal-reject")
    reviewer.page.get_by_label("Reason").fill("Too few nights in the window.")
    reviewer.page.get_by_role("button", name="Reject").click()
    assert "Too few nights in the window." in reviewer.page.get_by_role("main").inner_text()
    assert threshold(workspace) == 0.9
