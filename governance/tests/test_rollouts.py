"""The life of a rollout: who starts it, how far it goes, and everything that ends it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from freezegun import freeze_time

from confidence_project.foundation.append_only import AppendOnlyViolation
from confidence_project.foundation.errors import Conflict, InvalidInput, PermissionRefused
from governance.controls.services import engage_kill_switch
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, Rollout
from governance.tests.factories import (
    SuperuserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    config_of,
    in_canary,
    in_shadow,
    pending,
)
from governance.tests.simultaneous import at_once
from governance.workflow import (
    ROLLOUT_TRANSITIONS,
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    expire_proposals,
    reject_confidence_policy_proposal,
    rollback_confidence_policy_revision,
    set_canary_share,
    start_rollout,
    withdraw_rollout,
)

pytestmark = pytest.mark.django_db
Origin = ConfidencePolicyProposal.Origin


def start(workspace, proposal, actor=None):
    return start_rollout(actor=actor or SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk)


def raise_to(rollout, share, actor=None):
    return set_canary_share(
        actor=actor or SuperuserFactory(),
        workspace=rollout.workspace,
        proposal_id=rollout.proposal_id,
        share=Decimal(share),
    )


def withdraw(rollout):
    return withdraw_rollout(
        actor=SuperuserFactory(), workspace=rollout.workspace, proposal_id=rollout.proposal_id, reason="Back."
    )


def steps(rollout):
    return [(event.verb, event.from_status, event.to_status) for event in rollout.events.all()]


def test_table__nothing_leaves_a_final_state():
    table = {(source.value, rule.target.value) for rule in ROLLOUT_TRANSITIONS.values() for source in rule.sources}
    ends = {"CANARY", "PROMOTED", "WITHDRAWN", "STOPPED"}
    assert table == {(source, end) for source in ("SHADOW", "CANARY") for end in ends}


def test_rollout__shadow_canary_apply__changes_the_version_once():
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    proposal = approved(workspace)
    rollout = start(workspace, proposal, superuser)
    raise_to(rollout, "0.05", superuser)
    raise_to(rollout, "0.5", superuser)
    assert not ConfidencePolicy.objects.exists()
    revision = apply_confidence_policy_proposal(actor=superuser, workspace=workspace, proposal_id=proposal.pk)
    rollout.refresh_from_db()
    assert (revision.version, rollout.status, rollout.is_active) == (1, "PROMOTED", False)
    assert steps(rollout) == [
        ("shadow", "", "SHADOW"),
        ("canary", "SHADOW", "CANARY"),
        ("canary", "CANARY", "CANARY"),
        ("promote", "CANARY", "PROMOTED"),
    ]
    assert [str(event.share) for event in rollout.events.all()] == ["0.0000", "0.0500", "0.5000", "0.5000"]
    assert {event.actor_name for event in rollout.events.all()} == {superuser.username}


@pytest.mark.parametrize("status", sorted(set(ConfidencePolicyProposal.Status.values) - {"APPROVED"}))
def test_start__proposal_that_is_not_approved__conflict(status):
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    ConfidencePolicyProposal.objects.filter(pk=proposal.pk).update(status=status)
    with pytest.raises(Conflict, match=status):
        start(workspace, proposal)


def test_start__second_rollout_of_the_policy__conflict():
    workspace = WorkspaceFactory()
    in_shadow(workspace)
    other = approved(workspace, 0.85, origin=Origin.PERSON, author=admin_of(workspace))
    with pytest.raises(Conflict, match="Withdraw it first"):
        start(workspace, other)


def test_start__stale_proposal__conflict():
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    ConfidencePolicy.objects.create(workspace=workspace, policy_key=proposal.policy_key, config={}, version=4)
    with pytest.raises(Conflict, match="Stale: made for version 0"):
        start(workspace, proposal)


def test_start__kill_switch_over_the_policy__conflict():
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    engage_kill_switch(actor=admin_of(workspace), workspace=workspace, reason="Smoke.")
    with pytest.raises(Conflict, match="kill switch"):
        start(workspace, proposal)


def test_start__kill_switch_of_the_environment__conflict(settings):
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    settings.CONFIDENCE_KILL_SWITCH = True
    with pytest.raises(Conflict, match="CONFIDENCE_KILL_SWITCH"):
        start(workspace, proposal)
    assert not Rollout.objects.exists()


@pytest.mark.parametrize("start_from", [in_shadow, in_canary])
def test_canary__kill_switch_of_the_environment__share_stays_and_withdrawing_goes(start_from, settings):
    rollout = start_from(WorkspaceFactory())
    settings.CONFIDENCE_KILL_SWITCH = True
    with pytest.raises(Conflict, match="CONFIDENCE_KILL_SWITCH"):
        raise_to(rollout, "0.9")
    rollout.refresh_from_db()
    assert (rollout.is_active, str(rollout.share)) == (True, {in_shadow: "0.0000", in_canary: "0.5000"}[start_from])
    assert withdraw(rollout).status == "WITHDRAWN"


def test_start__after_a_withdrawal__a_new_rollout():
    workspace = WorkspaceFactory()
    first = withdraw(in_canary(workspace))
    assert first.status == "WITHDRAWN"
    assert first.proposal.status == "APPROVED"
    assert start(workspace, first.proposal).pk != first.pk


@pytest.mark.parametrize("share", ["0", "1", "-0.1", "1.5", "NaN", "Infinity", "0.00001", "0.12345"])
def test_canary__share_that_cannot_be__refused(share):
    rollout = in_shadow(WorkspaceFactory())
    with pytest.raises(InvalidInput, match="share"):
        raise_to(rollout, share)


@pytest.mark.parametrize("share", ["0.5", "0.2"])
def test_canary__share_that_is_not_raised__refused(share):
    rollout = in_canary(WorkspaceFactory(), share="0.5")
    with pytest.raises(InvalidInput, match="only be raised"):
        raise_to(rollout, share)


def test_canary__whoever_approved__may_shadow_and_withdraw_but_not_decide_cases(settings):
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    proposal = pending(workspace)
    approve_confidence_policy_proposal(actor=superuser, workspace=workspace, proposal_id=proposal.pk)
    rollout = start(workspace, proposal, superuser)
    with pytest.raises(PermissionRefused, match="second person"):
        raise_to(rollout, "0.1", superuser)
    settings.CONFIDENCE_APPLIER_IS_NOT_APPROVER = False
    assert raise_to(rollout, "0.1", superuser).status == "CANARY"


def test_canary__without_a_rollout__conflict():
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    for act in (withdraw, lambda rollout: raise_to(rollout, "0.1")):
        with pytest.raises(Conflict, match="no active rollout"):
            act(Rollout(workspace=workspace, proposal=proposal))


def reject(rollout):
    workspace = rollout.workspace
    reject_confidence_policy_proposal(
        actor=admin_of(workspace), workspace=workspace, proposal_id=rollout.proposal_id, reason="No."
    )


def apply_another(rollout):
    applied(rollout.workspace, 0.85, origin=Origin.PERSON, author=admin_of(rollout.workspace))


def roll_back(rollout):
    baseline = rollout.workspace.policies.get().revisions.get(version=0)
    rollback_confidence_policy_revision(
        actor=SuperuserFactory(), workspace=rollout.workspace, revision_id=baseline.pk, reason="Back."
    )


def expire(rollout):
    with freeze_time(timezone.now() + timedelta(days=31)):
        expire_proposals(workspace=rollout.workspace)


def supersede(rollout):
    pending(rollout.workspace, 0.7)


def kill(policy_key):
    return lambda rollout: engage_kill_switch(
        actor=admin_of(rollout.workspace), workspace=rollout.workspace, reason="Smoke.", policy_key=policy_key
    )


@pytest.mark.parametrize(
    "event", [reject, apply_another, roll_back, expire, supersede, kill(""), kill("confidence_gate")]
)
@pytest.mark.parametrize("make", [in_shadow, in_canary])
def test_rollout__what_ends_it__stops_it_with_an_event(event, make):
    workspace = WorkspaceFactory()
    applied(workspace, 0.88)
    rollout = make(workspace, 0.8)
    bystander = make(WorkspaceFactory())
    event(rollout)
    rollout.refresh_from_db()
    bystander.refresh_from_db()
    assert (rollout.status, rollout.events.last().verb) == ("STOPPED", "stop")
    assert bystander.is_active


def test_kill_switch__of_another_policy_key__leaves_the_rollout():
    rollout = in_canary(WorkspaceFactory())
    kill("decision_gate")(rollout)
    rollout.refresh_from_db()
    assert rollout.is_active


def test_rollout__what_it_tries_out__cannot_be_edited():
    rollout = in_shadow(WorkspaceFactory())
    other = pending(rollout.workspace, config=config_of(0.7), origin=Origin.BOOTSTRAP)
    with pytest.raises(AppendOnlyViolation):
        Rollout.objects.filter(pk=rollout.pk).update(proposal=other)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE governance_rollout SET proposal_id = %s", [other.pk])


@pytest.mark.django_db(transaction=True)
def test_starters_and_a_kill_switch_together__no_rollout_survives_the_switch():
    workspace = WorkspaceFactory()
    proposal, actor, superuser = approved(workspace), admin_of(workspace), SuperuserFactory()
    acts = [lambda: start(workspace, proposal, superuser) for _ in range(8)]
    acts.append(lambda: engage_kill_switch(actor=actor, workspace=workspace, reason="Smoke."))
    results = at_once(acts)
    assert results["won"] in (1, 2)
    assert results["won"] + results["conflict"] == 9
    assert not Rollout.objects.active().exists()


@pytest.mark.django_db(transaction=True)
def test_raisers_together__one_wins_or_each_goes_further():
    rollout = in_shadow(WorkspaceFactory())
    superuser = SuperuserFactory()
    results = at_once([lambda: raise_to(rollout, "0.25", superuser) for _ in range(8)])
    assert results == {"won": 1, "invalid_input": 7}
