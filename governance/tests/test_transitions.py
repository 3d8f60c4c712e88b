"""The state machine, every pair of it."""

from __future__ import annotations

import itertools

import pytest

from confidence_project.foundation.errors import Conflict
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, ConfidencePolicyRevision, ProposalEvent
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, pending
from governance.workflow import (
    TRANSITIONS,
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    reject_confidence_policy_proposal,
)

pytestmark = pytest.mark.django_db
Status = ConfidencePolicyProposal.Status

# As the architecture gives it, written a second time.
LEGAL = {
    ("PENDING", "APPROVED"),
    ("PENDING", "REJECTED"),
    ("PENDING", "SUPERSEDED"),
    ("PENDING", "EXPIRED"),
    ("APPROVED", "APPLIED"),
    ("APPROVED", "REJECTED"),
    ("APPROVED", "SUPERSEDED"),
    ("APPROVED", "EXPIRED"),
}

VERBS = {
    "approve": lambda workspace, proposal: approve_confidence_policy_proposal(
        actor=admin_of(workspace), workspace=workspace, proposal_id=proposal.pk
    ),
    "reject": lambda workspace, proposal: reject_confidence_policy_proposal(
        actor=admin_of(workspace), workspace=workspace, proposal_id=proposal.pk, reason="No."
    ),
    "apply": lambda workspace, proposal: apply_confidence_policy_proposal(
        actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk
    ),
}


def in_status(workspace, status):
    proposal = pending(workspace)
    ConfidencePolicyProposal.objects.filter(pk=proposal.pk).update(
        status=status, approved_evidence_sha256=proposal.evidence_sha256
    )
    proposal.refresh_from_db()
    return proposal


def test_table__is_the_documented_state_machine():
    table = {(source.value, rule.target.value) for rule in TRANSITIONS.values() for source in rule.sources}
    assert table == LEGAL


def test_table__nothing_leaves_a_final_state():
    final = {Status.APPLIED, Status.REJECTED, Status.SUPERSEDED, Status.EXPIRED}
    assert not {source for rule in TRANSITIONS.values() for source in rule.sources} & final


@pytest.mark.parametrize("verb, status", list(itertools.product(VERBS, Status.values)))
def test_verb__every_state__moves_on_if_legal_and_conflicts_naming_the_state_if_not(verb, status):
    workspace = WorkspaceFactory()
    proposal = in_status(workspace, status)
    events = ProposalEvent.objects.count()
    target = TRANSITIONS[verb].target.value
    if (status, target) in LEGAL:
        VERBS[verb](workspace, proposal)
        proposal.refresh_from_db()
        assert proposal.status == target
        event = proposal.events.last()
        assert (event.verb, event.from_status, event.to_status) == (verb, status, target)
        return
    with pytest.raises(Conflict, match=f"The proposal is {status}"):
        VERBS[verb](workspace, proposal)
    proposal.refresh_from_db()
    assert proposal.status == status
    assert ProposalEvent.objects.count() == events
    assert ConfidencePolicyRevision.objects.count() == ConfidencePolicy.objects.count() == 0
