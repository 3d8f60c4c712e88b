"""Nobody decides: the proposal expires, lazily and by command."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from confidence_project.foundation.errors import Conflict
from governance.models import ConfidencePolicy, ConfidencePolicyProposal
from governance.tests.browser import page, signed_in, url, words
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, approved, pending, viewer_of
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    expire_proposals,
    list_confidence_policy_proposals,
    reject_confidence_policy_proposal,
)

pytestmark = pytest.mark.django_db


def let_time_pass(proposal):
    ConfidencePolicyProposal.objects.filter(pk=proposal.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    return proposal


ACTS = {
    "approve": (pending, admin_of, approve_confidence_policy_proposal, {}),
    "reject": (pending, admin_of, reject_confidence_policy_proposal, {"reason": "Late."}),
    "apply": (approved, lambda workspace: SuperuserFactory(), apply_confidence_policy_proposal, {}),
}


@pytest.mark.parametrize("verb", ACTS)
def test_verb__expired_proposal__conflict_and_the_expiry_is_marked(verb):
    make, actor, act, options = ACTS[verb]
    workspace = WorkspaceFactory()
    proposal = let_time_pass(make(workspace))
    with pytest.raises(Conflict, match="The proposal is EXPIRED"):
        act(actor=actor(workspace), workspace=workspace, proposal_id=proposal.pk, **options)
    proposal.refresh_from_db()
    assert proposal.status == "EXPIRED"
    event = proposal.events.last()
    assert (event.verb, event.actor_name, event.reason) == ("expire", "", "Nobody decided in time.")
    assert not ConfidencePolicy.objects.exists()


def test_expire__only_open_ones_whose_time_is_over():
    workspace = WorkspaceFactory()
    fresh = pending(workspace, policy_key="decision_gate", config={"values": {}})
    stale = let_time_pass(pending(workspace))
    elsewhere = let_time_pass(pending(WorkspaceFactory()))
    assert expire_proposals(workspace=workspace) == 1
    assert expire_proposals(workspace=workspace) == 0
    for proposal, status in [(stale, "EXPIRED"), (fresh, "PENDING"), (elsewhere, "PENDING")]:
        proposal.refresh_from_db()
        assert proposal.status == status


@pytest.mark.parametrize("make", [pending, approved])
def test_expired_but_not_yet_marked__every_list_says_so__and_filters_by_what_it_says(make):
    workspace = WorkspaceFactory()
    proposal = let_time_pass(make(workspace))
    marked = proposal.status
    person = viewer_of(workspace)
    client = signed_in(person)
    shown = words(client.get(url(ConfidencePolicyProposal, "changelist") + "?status=EXPIRED"))
    named = f"proposal {proposal.pk}"
    assert f"{named} {workspace.name} Expired" in shown
    assert named not in words(client.get(url(ConfidencePolicyProposal, "changelist") + f"?status={marked}"))
    assert "Expired" in words(client.get(page(proposal)))
    api = f"/api/v1/governance/workspaces/{workspace.slug}/proposals"
    for query, expected in [("", ["EXPIRED"]), ("?status=EXPIRED", ["EXPIRED"]), (f"?status={marked}", [])]:
        assert [each["status"] for each in client.get(api + query).json()["results"]] == expected
    assert client.get(f"{api}/{proposal.pk}").json()["status"] == "EXPIRED"
    assert "0 listed" in listed(workspace)
    assert "EXPIRED" in listed(workspace, "--status", "EXPIRED")
    chosen = {"actor": person, "workspace": workspace}
    assert list(list_confidence_policy_proposals(**chosen, status="EXPIRED")) == [proposal]
    assert not list_confidence_policy_proposals(**chosen, status=marked).exists()
    proposal.refresh_from_db()
    assert proposal.status == marked  # looking marks nothing


def test_expired_but_not_yet_marked__no_button_leads_on():
    workspace = WorkspaceFactory()
    proposal = let_time_pass(pending(workspace))
    client = signed_in(admin_of(workspace))
    assert page(proposal, "approve") not in client.get(page(proposal)).content.decode()
    assert client.post(page(proposal, "approve")).status_code == 409


def test_closed_before_its_time__keeps_its_status():
    workspace = WorkspaceFactory()
    proposal = let_time_pass(pending(workspace))
    ConfidencePolicyProposal.objects.filter(pk=proposal.pk).update(status="REJECTED")
    proposal.refresh_from_db()
    assert proposal.effective_status == "REJECTED"
    assert list(ConfidencePolicyProposal.objects.with_status("REJECTED")) == [proposal]
    assert not ConfidencePolicyProposal.objects.with_status("EXPIRED").exists()


def listed(workspace, *options):
    out = StringIO()
    call_command("list_proposals", "--workspace", workspace.slug, *options, stdout=out)
    return out.getvalue()
