"""Buttons for those who may, a sentence for the others, the facts before the act, and no way round."""

from __future__ import annotations

import pytest

from governance.models import (
    ConfidencePolicy,
    ConfidencePolicyRevision,
)
from governance.tests.browser import page, signed_in, text, words
from governance.tests.factories import (
    KEY,
    SuperuserFactory,
    UserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    config_of,
    pending,
    viewer_of,
)
from governance.workflow import (
    approve_confidence_policy_proposal,
)

pytestmark = pytest.mark.django_db


def test_proposal_page__shows_values_and_evidence_and_the_buttons_of_an_admin():
    workspace = WorkspaceFactory()
    proposal = pending(workspace, 0.8, evidence={"failures": 17})
    response = signed_in(admin_of(workspace)).get(page(proposal))
    assert "0.9 0.8" in words(response)
    assert '"failures": 17' in words(response)
    shown = text(response)
    assert page(proposal, "approve") in shown
    assert page(proposal, "reject") in shown
    assert page(proposal, "apply") not in shown


def test_proposal_page__viewer__reads_who_may_instead_of_buttons():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    shown = text(signed_in(viewer_of(workspace)).get(page(proposal)))
    assert page(proposal, "approve") not in shown
    assert "A staff member with an admin membership of the workspace, or a superuser, may approve" in shown


def test_proposal_page__approver__reads_that_another_superuser_applies():
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    proposal = pending(workspace)
    approve_confidence_policy_proposal(actor=superuser, workspace=workspace, proposal_id=proposal.pk)
    shown = text(signed_in(superuser).get(page(proposal)))
    assert page(proposal, "apply") not in shown
    assert "whoever approved the proposal may not" in shown


@pytest.mark.parametrize("name", ["approve", "reject"])
def test_confirmation__shows_the_facts_and_changes_nothing_on_get(name):
    workspace = WorkspaceFactory()
    proposal = pending(workspace, evidence={"failures": 17})
    response = signed_in(admin_of(workspace)).get(page(proposal, name))
    assert "0.9 0.8" in words(response)
    assert '"failures": 17' in words(response)
    proposal.refresh_from_db()
    assert proposal.status == "PENDING"


def test_approve_then_apply_then_roll_back__through_the_pages():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    reviewer, superuser = signed_in(admin_of(workspace)), signed_in(SuperuserFactory())
    assert "approved" in text(reviewer.post(page(proposal, "approve"), follow=True))
    assert "applied" in text(superuser.post(page(proposal, "apply"), follow=True))
    baseline = ConfidencePolicyRevision.objects.get(version=0)
    confirmation = superuser.get(page(baseline, "roll-back"))
    assert "0.8 0.9" in words(confirmation)
    data = {"reason": "It went wrong.", f"version_seen_{baseline.pk}": 1}
    superuser.post(page(baseline, "roll-back"), data)
    assert ConfidencePolicy.objects.get().config["values"]["confidence_threshold"] == 0.9


def test_roll_back__policy_moved_on_since_the_page_was_shown__refused_on_the_page():
    workspace = WorkspaceFactory()
    baseline = applied(workspace).policy.revisions.get(version=0)
    applied(workspace, 0.7)
    data = {"reason": "It went wrong.", f"version_seen_{baseline.pk}": 1}
    response = signed_in(SuperuserFactory()).post(page(baseline, "roll-back"), data)
    assert "The policy is at version 2 now" in text(response)
    assert ConfidencePolicy.objects.get().version == 2


def test_reject__without_a_reason__asks_for_it():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    client = signed_in(admin_of(workspace))
    assert "This field is required" in text(client.post(page(proposal, "reject"), {"reason": " "}))
    client.post(page(proposal, "reject"), {"reason": "Too bold."})
    proposal.refresh_from_db()
    assert (proposal.status, proposal.reject_reason) == ("REJECTED", "Too bold.")


def test_reject__reason_with_nul__refused_on_the_page():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    response = signed_in(admin_of(workspace)).post(page(proposal, "reject"), {"reason": "a\x00b"})
    assert "Null characters are not allowed" in text(response)


def test_approve__large_step__the_box_must_be_ticked():
    workspace = WorkspaceFactory()
    proposal = pending(workspace, 0.5)
    client = signed_in(admin_of(workspace))
    assert "acknowledge" in text(client.post(page(proposal, "approve")))
    client.post(page(proposal, "approve"), {"acknowledge_large_step": "on"})
    proposal.refresh_from_db()
    assert (proposal.status, proposal.large_step_acknowledged) == ("APPROVED", True)


def test_apply__stale__page_says_so_and_nothing_changes():
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    ConfidencePolicy.objects.create(workspace=workspace, policy_key=KEY, config=config_of(0.5), version=4)
    client = signed_in(SuperuserFactory())
    assert "Stale: the policy is at version 4 now" in text(client.get(page(proposal, "apply")))
    assert "Stale: made for version 0" in text(client.post(page(proposal, "apply")))
    assert ConfidencePolicy.objects.get().version == 4


@pytest.mark.parametrize(
    "who, name, status",
    [
        (viewer_of, "approve", 403),
        (viewer_of, "reject", 403),
        (viewer_of, "apply", 403),
        (admin_of, "apply", 403),
        (lambda workspace: UserFactory(), "approve", 404),
        (lambda workspace: admin_of(WorkspaceFactory()), "apply", 404),
    ],
)
def test_forged_post__who_may_not__refused_and_nothing_changes(who, name, status):
    workspace = WorkspaceFactory()
    proposal = approved(workspace) if name == "apply" else pending(workspace)
    before = proposal.status
    response = signed_in(who(workspace)).post(page(proposal, name), {"reason": "Mine."})
    assert response.status_code == status
    proposal.refresh_from_db()
    assert proposal.status == before


def test_forged_post__without_csrf_token__refused():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    client = signed_in(admin_of(workspace), enforce_csrf_checks=True)
    assert client.post(page(proposal, "approve")).status_code == 403
    proposal.refresh_from_db()
    assert proposal.status == "PENDING"


def test_verb__in_the_wrong_state__conflict_page():
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    response = signed_in(admin_of(workspace)).post(page(proposal, "approve"))
    assert response.status_code == 409
    assert "There is nothing left to do here" in text(response)
