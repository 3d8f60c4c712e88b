"""Kill switches, blocked sources, audit sampling, break-glass reviews: in force at the next read, with who and why."""

from __future__ import annotations

from decimal import Decimal

import pytest

from confidence_project.foundation.errors import Conflict, InvalidInput, NotFound, PermissionRefused, UnknownPolicyKey
from governance.controls.services import (
    block_source,
    close_break_glass_review,
    engage_kill_switch,
    release_kill_switch,
    set_audit_sampling,
    stop_audit_sampling,
    unblock_source,
)
from governance.models import AuditSampling, BlockedSource, BreakGlassReview, KillSwitch
from governance.policies import read_context
from governance.sampling_rates import SamplingRates
from governance.tests.factories import (
    KEY,
    SuperuserFactory,
    UserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    pending,
    viewer_of,
)
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    rollback_confidence_policy_revision,
)

pytestmark = pytest.mark.django_db

STARTS = {
    "kill": lambda actor, workspace, **more: engage_kill_switch(
        actor=actor, workspace=workspace, **{"reason": "Smoke.", **more}
    ),
    "block": lambda actor, workspace, **more: block_source(
        actor=actor, workspace=workspace, kind="model", value="m-1", **{"reason": "Smoke.", **more}
    ),
    "sample": lambda actor, workspace, **more: set_audit_sampling(
        actor=actor,
        workspace=workspace,
        rates=SamplingRates(Decimal("0.1")),
        **{"policy_key": KEY, "reason": "To learn.", **more},
    ),
}


def read_controls(workspace, policy_key):
    return read_context(workspace, policy_key)


def test_kill_switch__engaged_and_released__at_the_next_read_with_who_and_why():
    workspace = WorkspaceFactory()
    one, other = admin_of(workspace), SuperuserFactory()
    engage_kill_switch(actor=one, workspace=workspace, reason="Smoke.")
    assert read_controls(workspace, KEY).kill_switch
    switch = release_kill_switch(actor=other, workspace=workspace, reason="Only toast.")
    assert not read_controls(workspace, KEY).kill_switch
    assert (switch.started_by_name, switch.reason) == (one.username, "Smoke.")
    assert (switch.ended_by_name, switch.end_reason) == (other.username, "Only toast.")
    assert switch.ended_at > switch.started_at


def test_kill_switch__of_one_key__leaves_the_others_and_other_workspaces():
    workspace, elsewhere = WorkspaceFactory(), WorkspaceFactory()
    engage_kill_switch(actor=admin_of(workspace), workspace=workspace, reason="Smoke.", policy_key=KEY)
    assert read_controls(workspace, KEY).kill_switch
    assert not read_controls(workspace, "decision_gate").kill_switch
    assert not read_controls(elsewhere, KEY).kill_switch


def test_kill_switch__of_the_environment__is_over_everything(settings):
    settings.CONFIDENCE_KILL_SWITCH = True
    assert read_controls(WorkspaceFactory(), KEY).kill_switch


def test_kill_switch__again__conflict_and_the_same_for_release():
    workspace = WorkspaceFactory()
    admin = admin_of(workspace)
    engage_kill_switch(actor=admin, workspace=workspace, reason="Smoke.")
    with pytest.raises(Conflict, match="already"):
        engage_kill_switch(actor=admin, workspace=workspace, reason="More smoke.")
    release_kill_switch(actor=admin, workspace=workspace, reason="Toast.")
    with pytest.raises(Conflict, match="not in force"):
        release_kill_switch(actor=admin, workspace=workspace, reason="Toast.")
    engage_kill_switch(actor=admin, workspace=workspace, reason="Again.")
    assert KillSwitch.objects.count() == 2


def test_blocked_source__in_force_until_ended():
    workspace = WorkspaceFactory()
    admin = admin_of(workspace)
    block_source(actor=admin, workspace=workspace, kind="provider", value="p-1", reason="Outage.")
    block_source(actor=admin, workspace=workspace, kind="model", value="m-1", reason="Drift.", policy_key=KEY)
    controls = read_controls(workspace, KEY)
    assert (controls.blocked_providers, controls.blocked_models) == ({"p-1"}, {"m-1"})
    assert read_controls(workspace, "decision_gate").blocked_models == frozenset()
    unblock_source(actor=admin, workspace=workspace, kind="provider", value="p-1", reason="Back.")
    assert read_controls(workspace, KEY).blocked_providers == frozenset()


@pytest.mark.parametrize("fields", [{"kind": "colour"}, {"value": ""}, {"value": "a\x00"}, {"value": "x" * 201}])
def test_blocked_source__not_valid__refused(fields):
    workspace = WorkspaceFactory()
    with pytest.raises(InvalidInput):
        block_source(
            actor=admin_of(workspace),
            workspace=workspace,
            **{"kind": "model", "value": "m", "reason": "Drift.", **fields},
        )
    assert not BlockedSource.objects.exists()


def test_audit_sampling__set_again__replaces_and_keeps_the_history():
    workspace = WorkspaceFactory()
    admin = admin_of(workspace)
    for rate in ("0.1", "0.0500"):
        set_audit_sampling(
            actor=admin, workspace=workspace, policy_key=KEY, rates=SamplingRates(Decimal(rate)), reason="To learn."
        )
    assert read_controls(workspace, KEY).sampling == SamplingRates(Decimal("0.05"))
    assert AuditSampling.objects.count() == 2
    stop_audit_sampling(actor=admin, workspace=workspace, policy_key=KEY, reason="Enough.")
    assert read_controls(workspace, KEY).sampling is None


@pytest.mark.parametrize("rate", ["-0.1", "1.01", "NaN", "0.12345"])
def test_audit_sampling__no_probability__refused(rate):
    workspace = WorkspaceFactory()
    with pytest.raises(InvalidInput, match="from 0 to 1"):
        set_audit_sampling(
            actor=admin_of(workspace),
            workspace=workspace,
            policy_key=KEY,
            rates=SamplingRates(Decimal(rate)),
            reason="To learn.",
        )


def test_audit_sampling__without_a_policy_key__refused():
    workspace = WorkspaceFactory()
    with pytest.raises(UnknownPolicyKey):
        STARTS["sample"](admin_of(workspace), workspace, policy_key="")


@pytest.mark.parametrize("start", STARTS)
def test_control__viewer_refused_stranger_not_found(start):
    workspace = WorkspaceFactory()
    with pytest.raises(PermissionRefused, match="admin membership"):
        STARTS[start](viewer_of(workspace), workspace)
    for stranger in (admin_of(WorkspaceFactory()), UserFactory()):
        with pytest.raises(NotFound):
            STARTS[start](stranger, workspace)


@pytest.mark.parametrize("start", STARTS)
def test_control__unknown_policy_key_or_no_reason__refused(start):
    workspace = WorkspaceFactory()
    admin = admin_of(workspace)
    with pytest.raises(UnknownPolicyKey):
        STARTS[start](admin, workspace, policy_key="no.such.key")
    with pytest.raises(InvalidInput, match="The reason must not be empty"):
        STARTS[start](admin, workspace, reason=" ")


def glass_broken(workspace, superuser):
    proposal = pending(workspace)
    common = {"actor": superuser, "workspace": workspace, "proposal_id": proposal.pk, "break_glass": True}
    approve_confidence_policy_proposal(**common, reason="Everything burns.")
    return apply_confidence_policy_proposal(**common, reason="Everything burns.")


def test_break_glass__one_superuser_takes_both_steps__marked_and_under_review():
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    revision = glass_broken(workspace, superuser)
    assert revision.break_glass
    assert list(revision.proposal.events.values_list("verb", "break_glass")) == [
        ("open", False),
        ("approve", True),
        ("apply", True),
    ]
    review = BreakGlassReview.objects.in_force().get()
    assert (review.revision, review.started_by_name) == (revision, superuser.username)


def test_break_glass__review__is_closed_by_a_second_superuser_alone():
    workspace, superuser, second = WorkspaceFactory(), SuperuserFactory(), SuperuserFactory()
    review = glass_broken(workspace, superuser).review
    for other in (superuser, admin_of(workspace)):
        with pytest.raises(PermissionRefused, match="no part in"):
            close_break_glass_review(actor=other, review_id=review.pk, note="Fine.")
    closed = close_break_glass_review(actor=second, review_id=review.pk, note="Fine.")
    assert (closed.ended_by_name, closed.end_reason) == (second.username, "Fine.")
    with pytest.raises(Conflict):
        close_break_glass_review(actor=second, review_id=review.pk, note="Fine.")


def test_break_glass__approval_alone__still_opens_a_review_when_applied_by_the_rules():
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    proposal = pending(workspace)
    approve_confidence_policy_proposal(
        actor=superuser, workspace=workspace, proposal_id=proposal.pk, break_glass=True, reason="Fire."
    )
    revision = apply_confidence_policy_proposal(actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk)
    assert revision.break_glass
    assert revision.review.ended_at is None
    with pytest.raises(PermissionRefused):
        close_break_glass_review(actor=superuser, review_id=revision.review.pk, note="Fine.")


@pytest.mark.parametrize("who", [admin_of, viewer_of])
def test_break_glass__not_a_superuser__refused(who):
    workspace = WorkspaceFactory()
    with pytest.raises(PermissionRefused, match="Only a superuser may break the glass"):
        approve_confidence_policy_proposal(
            actor=who(workspace),
            workspace=workspace,
            proposal_id=pending(workspace).pk,
            break_glass=True,
            reason="Fire.",
        )


def test_break_glass__without_a_reason__refused():
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    proposal = approved(workspace)
    with pytest.raises(InvalidInput, match="The reason must not be empty"):
        apply_confidence_policy_proposal(
            actor=superuser, workspace=workspace, proposal_id=proposal.pk, break_glass=True
        )


def test_break_glass__roll_back__opens_a_review_as_well():
    workspace = WorkspaceFactory()
    baseline = applied(workspace).policy.revisions.get(version=0)
    revision = rollback_confidence_policy_revision(
        actor=SuperuserFactory(), workspace=workspace, revision_id=baseline.pk, reason="Fire.", break_glass=True
    )
    assert revision.review.reason == "Fire."


def test_close_review__no_such_review__not_found():
    with pytest.raises(NotFound):
        close_break_glass_review(actor=SuperuserFactory(), review_id=1, note="Fine.")
