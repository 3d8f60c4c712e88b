"""People and workspaces go; what was done stays on record."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import ProtectedError

from governance.controls.services import engage_kill_switch
from governance.models import ConfidencePolicyProposal, KillSwitch, Workspace
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, pending
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    reject_confidence_policy_proposal,
)
from governance.workspaces.services import issue_api_key

pytestmark = pytest.mark.django_db


def test_deleting_users__names_stay_on_proposal_events_and_revision():
    workspace = WorkspaceFactory()
    author, approver, applier = admin_of(workspace), admin_of(workspace), SuperuserFactory()
    names = [author.username, approver.username, applier.username]
    proposal = pending(workspace, 0.85, origin=ConfidencePolicyProposal.Origin.PERSON, author=author)
    known = {"workspace": workspace, "proposal_id": proposal.pk, "acknowledge_uncertified": True}
    approve_confidence_policy_proposal(actor=approver, **known)
    revision = apply_confidence_policy_proposal(actor=applier, **known)
    for user in (author, approver, applier):
        user.delete()
    connection.check_constraints()
    proposal.refresh_from_db()
    revision.refresh_from_db()
    assert [proposal.author_name, proposal.approver_name, proposal.applier_name] == names
    assert (proposal.author_id, proposal.approver_id, proposal.applier_id) == (None, None, None)
    assert list(proposal.events.values_list("actor_name", flat=True)) == names
    assert revision.actor_name == applier.username


def test_deleting_a_rejecter__the_name_stays():
    workspace = WorkspaceFactory()
    rejecter = admin_of(workspace)
    name = rejecter.username
    proposal = pending(workspace)
    reject_confidence_policy_proposal(actor=rejecter, workspace=workspace, proposal_id=proposal.pk, reason="No.")
    rejecter.delete()
    proposal.refresh_from_db()
    assert (proposal.rejecter, proposal.rejecter_name) == (None, name)


def test_deleting_who_engaged_a_switch__the_switch_stays_in_force_with_the_name():
    workspace = WorkspaceFactory()
    actor = admin_of(workspace)
    name = actor.username
    engage_kill_switch(actor=actor, workspace=workspace, reason="Smoke.")
    actor.delete()
    switch = KillSwitch.objects.in_force().get()
    assert (switch.started_by, switch.started_by_name) == (None, name)


@pytest.mark.parametrize("history", ["proposal", "key", "switch"])
def test_deleting_a_workspace_with_history__refused(history):
    workspace = WorkspaceFactory()
    admin = admin_of(workspace)
    if history == "proposal":
        pending(workspace)
    elif history == "key":
        issue_api_key(actor=admin, workspace=workspace, name="a machine", scopes=["read"])
    else:
        engage_kill_switch(actor=admin, workspace=workspace, reason="Smoke.")
    with pytest.raises(ProtectedError):
        workspace.delete()
    assert Workspace.objects.filter(pk=workspace.pk).exists()
