"""Every role, every verb, in the own workspace and in a foreign one."""

from __future__ import annotations

import itertools

import pytest
from django.contrib.auth.models import AnonymousUser

from confidence_project.foundation.errors import NotFound, PermissionRefused
from governance.access.permissions import Verb, may, who_may
from governance.models import ConfidencePolicyProposal, Membership
from governance.tests.factories import (
    MembershipFactory,
    SuperuserFactory,
    UserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    pending,
)
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    list_confidence_policy_proposals,
    open_proposal,
    reject_confidence_policy_proposal,
    rollback_confidence_policy_revision,
    start_rollout,
)

pytestmark = pytest.mark.django_db
Role = Membership.Role


def member(role, **flags):
    return lambda workspace: MembershipFactory(workspace=workspace, role=role, user=UserFactory(**flags)).user


ROLES = {
    "anonymous": lambda workspace: AnonymousUser(),
    "stranger": lambda workspace: UserFactory(),
    "viewer": member(Role.VIEWER),
    "admin": member(Role.ADMIN),
    "admin who is not staff": member(Role.ADMIN, is_staff=False),
    "inactive admin": member(Role.ADMIN, is_active=False),
    "superuser": lambda workspace: SuperuserFactory(),
    "inactive superuser": lambda workspace: SuperuserFactory(is_active=False),
}


def approve(actor, workspace):
    approve_confidence_policy_proposal(actor=actor, workspace=workspace, proposal_id=pending(workspace).pk)


def reject(actor, workspace):
    reject_confidence_policy_proposal(actor=actor, workspace=workspace, proposal_id=pending(workspace).pk, reason="No.")


def apply(actor, workspace):
    apply_confidence_policy_proposal(actor=actor, workspace=workspace, proposal_id=approved(workspace).pk)


def roll_out(actor, workspace):
    start_rollout(actor=actor, workspace=workspace, proposal_id=approved(workspace).pk)


def roll_back(actor, workspace):
    baseline = applied(workspace).policy.revisions.get(version=0)
    rollback_confidence_policy_revision(actor=actor, workspace=workspace, revision_id=baseline.pk, reason="Back.")


def propose(actor, workspace):
    open_proposal(
        workspace=workspace,
        policy_key="confidence_gate",
        origin=ConfidencePolicyProposal.Origin.PERSON,
        author=actor,
        title="A change",
        summary="Because.",
        config={"values": {"confidence_threshold": 0.85}},
        evidence={},
    )


def see(actor, workspace):
    list(list_confidence_policy_proposals(actor=actor, workspace=workspace))


ACTS = {
    Verb.SEE: see,
    Verb.PROPOSE: propose,
    Verb.APPROVE: approve,
    Verb.REJECT: reject,
    Verb.APPLY: apply,
    Verb.ROLL_OUT: roll_out,
    Verb.ROLL_BACK: roll_back,
}
ALLOWED = {
    "viewer": {Verb.SEE},
    "admin who is not staff": {Verb.SEE},
    "admin": {Verb.SEE, Verb.PROPOSE, Verb.APPROVE, Verb.REJECT},
    "superuser": set(ACTS),
}


@pytest.mark.parametrize("role, verb", list(itertools.product(ROLES, ACTS)))
def test_verb__role_in_own_workspace__allowed_refused_or_not_found(role, verb):
    workspace = WorkspaceFactory()
    actor = ROLES[role](workspace)
    assert may(verb, actor, workspace) is (verb in ALLOWED.get(role, set()))
    if verb in ALLOWED.get(role, set()):
        ACTS[verb](actor, workspace)
    elif role in ALLOWED:
        with pytest.raises(PermissionRefused, match="may") as caught:
            ACTS[verb](actor, workspace)
        assert caught.value.detail == who_may(verb)
    else:
        with pytest.raises(NotFound):
            ACTS[verb](actor, workspace)


@pytest.mark.parametrize("role, verb", list(itertools.product(sorted(set(ROLES) - {"superuser"}), ACTS)))
def test_verb__role_in_a_foreign_workspace__not_found(role, verb):
    own, foreign = WorkspaceFactory(), WorkspaceFactory()
    actor = ROLES[role](own)
    assert not may(verb, actor, foreign)
    with pytest.raises(NotFound):
        ACTS[verb](actor, foreign)


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT, Verb.APPLY, Verb.ROLL_BACK])
def test_verb__row_of_another_workspace_named_through_the_own__not_found(verb):
    own, foreign = WorkspaceFactory(), WorkspaceFactory()
    revision = applied(foreign)
    proposal = pending(foreign, 0.7)
    actor = SuperuserFactory()
    acts = {
        Verb.APPROVE: lambda: approve_confidence_policy_proposal(actor=actor, workspace=own, proposal_id=proposal.pk),
        Verb.REJECT: lambda: reject_confidence_policy_proposal(
            actor=actor, workspace=own, proposal_id=proposal.pk, reason="No."
        ),
        Verb.APPLY: lambda: apply_confidence_policy_proposal(actor=actor, workspace=own, proposal_id=proposal.pk),
        Verb.ROLL_BACK: lambda: rollback_confidence_policy_revision(
            actor=actor, workspace=own, revision_id=revision.pk, reason="Back."
        ),
    }
    with pytest.raises(NotFound):
        acts[verb]()
    proposal.refresh_from_db()
    assert proposal.status == "PENDING"


def test_approve__author__needs_a_second_person():
    workspace = WorkspaceFactory()
    author, other = admin_of(workspace), admin_of(workspace)
    propose(author, workspace)
    proposal = workspace.proposals.get()
    assert not may(Verb.APPROVE, author, workspace, proposal)
    with pytest.raises(PermissionRefused, match="second person"):
        approve_confidence_policy_proposal(actor=author, workspace=workspace, proposal_id=proposal.pk)
    approve_confidence_policy_proposal(
        actor=other, workspace=workspace, proposal_id=proposal.pk, acknowledge_uncertified=True
    )


@pytest.mark.parametrize("four_eyes", [True, False])
def test_apply__approver__needs_a_second_person_unless_the_setting_is_off(settings, four_eyes):
    settings.CONFIDENCE_APPLIER_IS_NOT_APPROVER = four_eyes
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    proposal = pending(workspace)
    approve_confidence_policy_proposal(actor=superuser, workspace=workspace, proposal_id=proposal.pk)
    if four_eyes:
        with pytest.raises(PermissionRefused, match="second person"):
            apply_confidence_policy_proposal(actor=superuser, workspace=workspace, proposal_id=proposal.pk)
        superuser = SuperuserFactory()
    apply_confidence_policy_proposal(actor=superuser, workspace=workspace, proposal_id=proposal.pk)


def test_verb__role_taken_away_after_sign_in__refused():
    workspace = WorkspaceFactory()
    superuser = SuperuserFactory()
    proposal = approved(workspace)
    type(superuser).objects.filter(pk=superuser.pk).update(is_superuser=False)
    with pytest.raises(NotFound):
        apply_confidence_policy_proposal(actor=superuser, workspace=workspace, proposal_id=proposal.pk)
