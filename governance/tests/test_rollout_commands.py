"""The commands that try a proposal out."""

from __future__ import annotations

import pytest
from django.core.management import CommandError

from governance.access.permissions import may_close_review
from governance.controls.services import close_break_glass_review
from governance.models import BreakGlassReview, ConfidencePolicy, Rollout
from governance.tests.browser import page, signed_in, words
from governance.tests.commands import run
from governance.tests.factories import (
    SuperuserFactory,
    WorkspaceFactory,
    admin_of,
    approved,
    in_canary,
    in_shadow,
    pending,
)
from governance.workflow import approve_confidence_policy_proposal

pytestmark = pytest.mark.django_db


def approved_by_a_superuser(workspace):
    """The proposal, and who approved it: no second pair of eyes for what comes next."""
    proposal, superuser = pending(workspace), SuperuserFactory()
    approve_confidence_policy_proposal(actor=superuser, workspace=workspace, proposal_id=proposal.pk)
    return proposal, superuser.username


def test_shadow_canary_promote__by_the_rules():
    workspace = WorkspaceFactory()
    proposal, superuser = approved(workspace), SuperuserFactory().username
    assert "in shadow" in run("start_shadow", proposal.pk, "--as", superuser, "--reason", "A week.")
    assert f"{proposal.pk}  SHADOW" in run("list_rollouts", "--workspace", workspace.slug)
    assert "0.05" in run("start_canary", proposal.pk, "--as", superuser, "--share", "0.05")
    assert "0.2500" in run("start_canary", proposal.pk, "--as", superuser, "--share", "0.25")
    shown = run("show_rollout", proposal.pk)
    assert "CANARY, a share of 0.2500" in shown
    assert f"SHADOW 0.0000 by {superuser}: A week." in shown
    assert "version 1 now" in run("promote_rollout", proposal.pk, "--as", superuser)
    assert Rollout.objects.get().status == "PROMOTED"
    assert run("list_rollouts", "--workspace", workspace.slug) == "0 listed.\n"
    assert run("list_rollouts", "--workspace", workspace.slug, "--all").endswith("1 listed.\n")
    assert not BreakGlassReview.objects.exists()


def test_withdraw__with_a_reason__the_proposal_stays_approved():
    rollout = in_shadow(WorkspaceFactory())
    out = run("withdraw_rollout", rollout.proposal_id, "--as", SuperuserFactory().username, "--reason", "Worse.")
    assert "WITHDRAWN; it stays approved" in out
    rollout.proposal.refresh_from_db()
    assert rollout.proposal.status == "APPROVED"


@pytest.mark.parametrize(
    ("name", "make", "options", "message"),
    [
        ("start_shadow", pending, [], "is PENDING"),
        ("start_canary", approved, ["--share", "0.1"], "no active rollout"),
        ("start_canary", lambda workspace: in_shadow(workspace).proposal, ["--share", "1.5"], "between 0 and 1"),
        ("start_canary", lambda workspace: in_shadow(workspace).proposal, ["--share", "much"], "is a number"),
        ("start_canary", lambda workspace: in_canary(workspace).proposal, ["--share", "0.1"], "only be raised"),
        ("promote_rollout", approved, [], "no active rollout"),
        ("withdraw_rollout", approved, ["--reason", "No."], "no active rollout"),
        ("withdraw_rollout", lambda workspace: in_shadow(workspace).proposal, [], "must not be empty"),
        ("show_rollout", approved, None, "never tried out"),
    ],
)
def test_command__refused__says_why_and_changes_nothing(name, make, options, message):
    proposal = make(WorkspaceFactory())
    before = list(Rollout.objects.values())
    who = [] if options is None else ["--as", SuperuserFactory().username, *options]
    with pytest.raises(CommandError, match=message):
        run(name, proposal.pk, *who)
    assert list(Rollout.objects.values()) == before
    assert not ConfidencePolicy.objects.exists()


@pytest.mark.parametrize("name", ["start_shadow", "start_canary", "promote_rollout", "withdraw_rollout"])
def test_command__unknown_id_or_no_superuser__says_so(name):
    workspace = WorkspaceFactory()
    share = ["--share", "0.1"] if name == "start_canary" else []
    with pytest.raises(CommandError, match="list_proposals"):
        run(name, 999, "--as", SuperuserFactory().username, *share)
    with pytest.raises(CommandError, match="superuser"):
        run(name, in_shadow(workspace).proposal_id, "--as", admin_of(workspace).username, *share)


@pytest.mark.parametrize(
    ("name", "options"), [("start_canary", ["--share", "0.1"]), ("promote_rollout", [])], ids=["canary", "promote"]
)
def test_break_glass__who_approved_goes_on_alone__is_marked_and_opens_a_review(name, options):
    workspace = WorkspaceFactory()
    proposal, superuser = approved_by_a_superuser(workspace)
    run("start_shadow", proposal.pk, "--as", superuser)
    with pytest.raises(CommandError, match="second person"):
        run(name, proposal.pk, "--as", superuser, *options)
    with pytest.raises(CommandError, match="must not be empty"):
        run(name, proposal.pk, "--as", superuser, *options, "--break-glass")
    run(name, proposal.pk, "--as", superuser, *options, "--break-glass", "--reason", "Fire.")
    review = BreakGlassReview.objects.in_force().get()
    assert (review.change.break_glass, review.change.proposal, review.reason) == (True, proposal, "Fire.")


def test_break_glass__canary__is_reviewed_by_somebody_without_a_part_in_it():
    workspace = WorkspaceFactory()
    proposal, superuser = approved_by_a_superuser(workspace)
    run("start_shadow", proposal.pk, "--as", superuser)
    run("start_canary", proposal.pk, "--as", superuser, "--share", "0.1", "--break-glass", "--reason", "Fire.")
    assert "under break-glass: Fire." in run("show_rollout", proposal.pk)
    review, second = BreakGlassReview.objects.get(), SuperuserFactory()
    assert not may_close_review(review.started_by, review)
    assert "canary by" in words(signed_in(second).get(page(review)))
    close_break_glass_review(actor=second, review_id=review.pk, note="Was right.")
    assert not BreakGlassReview.objects.in_force().exists()


def test_break_glass__reason_longer_than_a_review_keeps__is_kept_whole_with_the_change():
    workspace = WorkspaceFactory()
    proposal, superuser = pending(workspace), SuperuserFactory().username
    alone = ["--as", superuser, "--break-glass", "--reason", "Fire. " * 150]
    for command in ["approve_proposal", "apply_proposal"]:
        run(command, proposal.pk, *alone)
    assert len(BreakGlassReview.objects.get().revision.reason) == 899
