"""Nobody decides: the proposal expires, lazily and by command."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from confidence_project.errors import Conflict
from governance.models import ConfidencePolicy, ConfidencePolicyProposal
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, approved, pending
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    expire_proposals,
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
