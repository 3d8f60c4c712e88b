"""The commands for the day when the site cannot be reached."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, get_commands, load_command_class
from django.utils import timezone

from governance.models import BreakGlassReview, ConfidencePolicy, ConfidencePolicyProposal
from governance.tests.commands import run
from governance.tests.factories import (
    KEY,
    SuperuserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    pending,
    viewer_of,
)

pytestmark = pytest.mark.django_db


def test_approve_apply_and_roll_back__by_the_rules():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    superuser = SuperuserFactory().username
    assert f"{proposal.pk}  PENDING" in run("list_proposals", "--workspace", workspace.slug)
    assert "APPROVED" in run("approve_proposal", proposal.pk, "--as", admin_of(workspace).username)
    assert "version 1 now" in run("apply_proposal", proposal.pk, "--as", superuser)
    history = run("list_revisions", "--workspace", workspace.slug, "--policy-key", KEY)
    assert '"confidence_threshold": 0.9}' in history
    baseline = ConfidencePolicy.objects.get().revisions.get(version=0)
    rolled_back = run(
        "rollback_revision", baseline.pk, "--as", superuser, "--reason", "Failures.", "--expected-version", 1
    )
    assert "version 2 now" in rolled_back
    assert not BreakGlassReview.objects.exists()


def test_reject__with_a_reason():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    assert "REJECTED" in run("reject_proposal", proposal.pk, "--as", admin_of(workspace).username, "--reason", "No.")


@pytest.mark.parametrize(
    "name, make, options, who, message",
    [
        ("approve_proposal", pending, [], viewer_of, "admin membership"),
        ("apply_proposal", approved, [], admin_of, "superuser"),
        ("apply_proposal", pending, [], lambda workspace: SuperuserFactory(), "is PENDING"),
        ("reject_proposal", pending, [], admin_of, "reason must not be empty"),
        ("approve_proposal", pending, ["--break-glass", "--reason", "Fire."], admin_of, "Only a superuser"),
        ("approve_proposal", pending, ["--break-glass"], lambda workspace: SuperuserFactory(), "must not be empty"),
    ],
)
def test_command__refused__says_why_and_fails(name, make, options, who, message):
    workspace = WorkspaceFactory()
    proposal = make(workspace)
    before = proposal.status
    with pytest.raises(CommandError, match=message):
        run(name, proposal.pk, "--as", who(workspace).username, *options)
    proposal.refresh_from_db()
    assert proposal.status == before


def test_break_glass__one_superuser_alone__is_marked_and_opens_a_review():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    alone = ["--as", SuperuserFactory().username, "--break-glass", "--reason", "Fire."]
    run("approve_proposal", proposal.pk, *alone)
    run("apply_proposal", proposal.pk, *alone)
    assert BreakGlassReview.objects.in_force().get().revision.proposal == proposal


def test_break_glass__roll_back__opens_a_review():
    baseline = applied(WorkspaceFactory()).policy.revisions.get(version=0)
    alone = ["--as", SuperuserFactory().username, "--break-glass", "--reason", "Fire."]
    run("rollback_revision", baseline.pk, *alone)
    assert BreakGlassReview.objects.in_force().get().revision.action == "ROLLBACK"


@pytest.mark.parametrize(
    "name, options",
    [
        ("approve_proposal", []),
        ("reject_proposal", ["--reason", "No."]),
        ("apply_proposal", []),
        ("rollback_revision", ["--reason", "Back."]),
    ],
)
def test_command__unknown_id_or_person__says_so(name, options):
    superuser = SuperuserFactory().username
    with pytest.raises(CommandError, match=r"manage\.py list_"):
        run(name, 999, "--as", superuser, *options)
    with pytest.raises(CommandError, match="no account of this name"):
        run(name, 999, "--as", "nobody", *options)


def test_expire__marks_what_is_stale_in_every_workspace_or_in_one():
    workspaces = [WorkspaceFactory(), WorkspaceFactory()]
    for workspace in workspaces:
        pending(workspace)
    ConfidencePolicyProposal.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert "Expired 1 " in run("expire_proposals", "--workspace", workspaces[0].slug)
    assert "Expired 1 " in run("expire_proposals")
    assert "Expired 0 " in run("expire_proposals")
    with pytest.raises(CommandError, match="no workspace"):
        run("expire_proposals", "--workspace", "absent")


def test_list__filters_by_status_and_key():
    workspace = WorkspaceFactory()
    applied(workspace)
    assert run("list_proposals", "--workspace", workspace.slug) == "0 listed.\n"
    shown = run("list_proposals", "--workspace", workspace.slug, "--status", "APPLIED", "--policy-key", KEY)
    assert shown.endswith("1 listed.\n")


def test_every_command_of_governance__explains_itself_with_an_example():
    names = [name for name, app in get_commands().items() if app == "governance"]
    assert "apply_proposal" in names
    for name in names:
        help_text = load_command_class("governance", name).create_parser("manage.py", name).format_help()
        assert f"manage.py {name}" in help_text.partition("examples:")[2], name
