"""Comments on proposals: by whoever sees them, in any state, for good."""

from __future__ import annotations

import pytest

from governance.models import ProposalComment
from governance.tests.browser import page, signed_in, words
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, applied, pending, viewer_of

pytestmark = pytest.mark.django_db


def comment(person, proposal, text="Are the weekends in it?"):
    return signed_in(person).post(page(proposal, "comment"), {"text": text})


@pytest.mark.parametrize("who", [viewer_of, admin_of, lambda workspace: SuperuserFactory()])
def test_comment__whoever_sees_the_proposal__is_on_its_page_for_everybody(who):
    workspace = WorkspaceFactory()
    proposal, person = pending(workspace), who(workspace)
    assert comment(person, proposal).status_code == 302
    shown = words(signed_in(viewer_of(workspace)).get(page(proposal)))
    assert "What people say about it" in shown
    assert f"{person.username} : Are the weekends in it?" in shown


def test_comments__stand_in_their_order_and_change_nothing_else():
    workspace = WorkspaceFactory()
    proposal, person = pending(workspace), viewer_of(workspace)
    comment(person, proposal, "First")
    comment(person, proposal, "<b>Second</b>")
    shown = signed_in(person).get(page(proposal)).content.decode()
    assert shown.index("First") < shown.index("&lt;b&gt;Second")
    proposal.refresh_from_db()
    assert proposal.status == "PENDING"
    assert proposal.events.count() == 1


def test_comment__on_what_is_over__is_taken():
    workspace = WorkspaceFactory()
    proposal = applied(workspace).proposal
    assert comment(viewer_of(workspace), proposal).status_code == 302
    assert ProposalComment.objects.get().proposal == proposal


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001, "a\x00b"])
def test_comment__that_is_none__is_not_taken(text):
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    assert comment(admin_of(workspace), proposal, text).status_code == 200
    assert not ProposalComment.objects.exists()


def test_comment__of_another_workspace__is_not_taken():
    proposal = pending(WorkspaceFactory())
    assert comment(admin_of(WorkspaceFactory()), proposal).status_code in (302, 404)
    assert not ProposalComment.objects.exists()
