"""The history of a workspace: every change of settings, people, keys and webhooks, by whom, in its own transaction."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from confidence_project.foundation.append_only import AppendOnlyViolation
from confidence_project.foundation.errors import Conflict, DomainError
from governance.models import ApiKey, Membership, Workspace, WorkspaceEvent
from governance.tests.browser import page, signed_in, url, words
from governance.tests.factories import (
    MembershipFactory,
    SuperuserFactory,
    UserFactory,
    WorkspaceFactory,
    admin_of,
    viewer_of,
)
from governance.workspaces import services
from governance.workspaces.accounts import delete_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace():
    return WorkspaceFactory()


def told(workspace):
    """Kind, subject, before and after of each change, the oldest first."""
    events = WorkspaceEvent.objects.filter(workspace=workspace).order_by("pk")
    return [(event.kind, event.subject, event.before, event.after) for event in events]


def test_workspace__created_and_renamed__says_by_whom_and_how_it_was_called():
    superuser = SuperuserFactory()
    workspace = services.create_workspace(actor=superuser, slug="acme", name="Acme")
    services.rename_workspace(actor=superuser, workspace=workspace, name="Acme Ltd")
    services.rename_workspace(actor=superuser, workspace=workspace, name="Acme Ltd")
    assert told(workspace) == [
        ("workspace.created", "", None, {"slug": "acme", "name": "Acme"}),
        ("workspace.renamed", "", {"name": "Acme"}, {"name": "Acme Ltd"}),
    ]
    assert {event.actor_name for event in workspace.history.all()} == {superuser.username}


def test_toggles__only_those_that_changed__and_nothing_when_none_did(workspace):
    actor = admin_of(workspace)
    for _ in range(2):
        services.set_toggles(actor=actor, workspace=workspace, automation_enabled=True, auto_book_meetings=True)
    assert told(workspace) == [
        ("workspace.toggles_changed", "", {"auto_book_meetings": False}, {"auto_book_meetings": True})
    ]


def test_toggles__set_from_an_old_page__history_holds_what_was_in_the_database(workspace):
    seen_long_ago = Workspace.objects.get(pk=workspace.pk)
    actor = admin_of(workspace)
    services.set_toggles(actor=actor, workspace=workspace, automation_enabled=False)
    services.set_toggles(actor=actor, workspace=seen_long_ago, automation_enabled=True)
    assert [change[2:] for change in told(workspace)] == [
        ({"automation_enabled": True}, {"automation_enabled": False}),
        ({"automation_enabled": False}, {"automation_enabled": True}),
    ]


def test_member__added_changed_removed__keeps_the_name_of_who_it_was(workspace):
    superuser, user = SuperuserFactory(), UserFactory(username="ada")
    services.add_member(actor=superuser, workspace=workspace, user=user)
    services.set_role(actor=superuser, workspace=workspace, user=user, role="admin")
    services.set_role(actor=superuser, workspace=workspace, user=user, role="admin")
    services.remove_member(actor=superuser, workspace=workspace, user=user)
    user.delete()
    assert told(workspace) == [
        ("member.added", "ada", None, {"role": "viewer"}),
        ("member.role_changed", "ada", {"role": "viewer"}, {"role": "admin"}),
        ("member.removed", "ada", {"role": "admin"}, None),
    ]


def test_account__deleted__its_memberships_end_on_record(workspace):
    member = admin_of(workspace)
    delete_account(actor=SuperuserFactory(), account=member)
    assert told(workspace) == [("member.removed", member.username, {"role": "admin"}, None)]
    assert not get_user_model().objects.filter(pk=member.pk).exists()


def test_api_key__issued_and_revoked__with_its_scopes_and_never_its_secret(workspace):
    actor, expiry = admin_of(workspace), timezone.now() + timedelta(days=1)
    key, plain = services.issue_api_key(
        actor=actor, workspace=workspace, name="a machine", scopes=["read"], expires_at=expiry
    )
    services.revoke_api_key(actor=actor, workspace=workspace, prefix=key.prefix)
    name = f"a machine ({key.prefix})"
    assert told(workspace) == [
        ("api_key.issued", name, None, {"scopes": ["read"], "expires_at": expiry.isoformat()}),
        ("api_key.revoked", name, {"scopes": ["read"]}, None),
    ]
    stored = str(list(WorkspaceEvent.objects.values()))
    assert plain.partition(".")[2] not in stored
    assert key.hashed_key not in stored


@pytest.mark.parametrize(
    "act",
    [
        lambda actor, workspace: services.add_member(actor=actor, workspace=workspace, user=UserFactory(), role="boss"),
        lambda actor, workspace: services.set_role(actor=actor, workspace=workspace, user=UserFactory(), role="admin"),
        lambda actor, workspace: services.remove_member(actor=actor, workspace=workspace, user=UserFactory()),
        lambda actor, workspace: services.revoke_api_key(actor=actor, workspace=workspace, prefix="absent"),
        lambda actor, workspace: services.issue_api_key(actor=actor, workspace=workspace, name="x", scopes=[]),
    ],
)
def test_refused__leaves_no_history(workspace, act):
    with pytest.raises(DomainError):
        act(SuperuserFactory(), workspace)
    assert not WorkspaceEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_change_and_history__together_or_not_at_all(workspace):
    member = MembershipFactory(workspace=workspace).user
    superuser = SuperuserFactory()
    with transaction.atomic():
        services.set_role(actor=superuser, workspace=workspace, user=member, role="admin")
        services.issue_api_key(actor=superuser, workspace=workspace, name="x", scopes=["read"])
        transaction.set_rollback(True)
    assert (Membership.objects.get().role, ApiKey.objects.count(), WorkspaceEvent.objects.count()) == ("viewer", 0, 0)
    with pytest.raises(Conflict):
        services.add_member(actor=superuser, workspace=workspace, user=member)
    assert not WorkspaceEvent.objects.exists()


def test_history__cannot_be_changed(workspace):
    services.rename_workspace(actor=admin_of(workspace), workspace=workspace, name="Other")
    with pytest.raises(AppendOnlyViolation):
        WorkspaceEvent.objects.update(actor_name="nobody")
    with pytest.raises(AppendOnlyViolation):
        WorkspaceEvent.objects.get().delete()


@pytest.mark.parametrize(("given", "kept"), [("req-42.a:b", "req-42.a:b"), ("a b", ""), ("x" * 65, ""), ("", "")])
def test_request_id__of_the_proxy__is_kept_where_it_is_an_id(workspace, given, kept):
    client = signed_in(admin_of(workspace), headers={"X-Request-ID": given})
    client.post(page(workspace, "settings"), {"name": "Other", "automation_enabled": "on"})
    assert [event.request_id for event in workspace.history.all()] == [kept]
    services.rename_workspace(actor=SuperuserFactory(), workspace=workspace, name="By a command")
    assert workspace.history.first().request_id == ""


def test_workspace_page__shows_what_was_changed__and_the_list_of_a_stranger_does_not(workspace):
    actor = admin_of(workspace)
    signed_in(actor).post(page(workspace, "settings"), {"name": workspace.name})
    shown = words(signed_in(viewer_of(workspace)).get(page(workspace)))
    assert f"Toggles changed , by {actor.username}" in shown
    assert "automation enabled: on → off" in shown
    event = workspace.history.get()
    assert "automation enabled" in words(signed_in(viewer_of(workspace)).get(page(event)))
    stranger = signed_in(admin_of(WorkspaceFactory()))
    assert "Toggles changed" not in words(stranger.get(url(WorkspaceEvent, "changelist"))).partition("Filter")[0]
    assert stranger.get(page(event)).status_code == 302
