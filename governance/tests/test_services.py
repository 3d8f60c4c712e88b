"""Workspaces, members and keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from confidence_project.foundation.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from governance.models import ApiKey, Membership, Workspace
from governance.tests.factories import SuperuserFactory, UserFactory, WorkspaceFactory, admin_of, viewer_of
from governance.workspaces.services import (
    add_member,
    create_workspace,
    issue_api_key,
    remove_member,
    rename_workspace,
    revoke_api_key,
    set_role,
    set_toggles,
)

pytestmark = pytest.mark.django_db


def test_create_workspace__superuser__workspace_with_the_slug():
    workspace = create_workspace(actor=SuperuserFactory(), slug="post-room", name="Post room")
    assert Workspace.objects.get() == workspace
    assert workspace.automation_enabled
    assert not workspace.auto_book_meetings


def test_create_workspace__anybody_else__refused():
    with pytest.raises(PermissionRefused, match="superuser"):
        create_workspace(actor=admin_of(WorkspaceFactory()), slug="post-room", name="Post room")


def test_create_workspace__slug_taken__conflict():
    taken = WorkspaceFactory()
    with pytest.raises(Conflict):
        create_workspace(actor=SuperuserFactory(), slug=taken.slug, name="Another")


@pytest.mark.parametrize("slug, name", [("post room", "x"), ("", "x"), ("s" * 64, "x"), ("s", ""), ("s", "a\x00")])
def test_create_workspace__slug_or_name_not_valid__refused(slug, name):
    with pytest.raises(InvalidInput):
        create_workspace(actor=SuperuserFactory(), slug=slug, name=name)
    assert not Workspace.objects.exists()


def test_toggles__what_is_given_changes_and_the_rest_stays():
    workspace = WorkspaceFactory(booking_gate_enabled=True)
    set_toggles(actor=admin_of(workspace), workspace=workspace, automation_enabled=False)
    workspace.refresh_from_db()
    assert (workspace.automation_enabled, workspace.booking_gate_enabled) == (False, True)


def test_rename__admin__name_changes():
    workspace = WorkspaceFactory()
    assert rename_workspace(actor=admin_of(workspace), workspace=workspace, name=" New ").name == "New"


@pytest.mark.parametrize("act", [set_toggles, rename_workspace])
def test_workspace_settings__viewer_refused_and_stranger_not_found(act):
    workspace = WorkspaceFactory()
    change = {"automation_enabled": False} if act is set_toggles else {"name": "Mine"}
    with pytest.raises(PermissionRefused, match="admin membership"):
        act(actor=viewer_of(workspace), workspace=workspace, **change)
    with pytest.raises(NotFound):
        act(actor=admin_of(WorkspaceFactory()), workspace=workspace, **change)


def test_members__superuser_adds_changes_and_removes():
    workspace, superuser, user = WorkspaceFactory(), SuperuserFactory(), UserFactory()
    add_member(actor=superuser, workspace=workspace, user=user)
    with pytest.raises(Conflict):
        add_member(actor=superuser, workspace=workspace, user=user, role="admin")
    assert set_role(actor=superuser, workspace=workspace, user=user, role="admin").role == "admin"
    remove_member(actor=superuser, workspace=workspace, user=user)
    for act in (
        lambda: set_role(actor=superuser, workspace=workspace, user=user, role="admin"),
        lambda: remove_member(actor=superuser, workspace=workspace, user=user),
    ):
        with pytest.raises(NotFound):
            act()


def test_members__unknown_role__refused():
    with pytest.raises(InvalidInput, match="viewer, admin"):
        add_member(actor=SuperuserFactory(), workspace=WorkspaceFactory(), user=UserFactory(), role="owner")


def test_members__admin__may_not_make_admins():
    workspace = WorkspaceFactory()
    admin = admin_of(workspace)
    user = UserFactory()
    with pytest.raises(PermissionRefused, match="superuser"):
        add_member(actor=admin, workspace=workspace, user=user, role="admin")
    with pytest.raises(PermissionRefused):
        set_role(actor=admin, workspace=workspace, user=admin, role="viewer")
    with pytest.raises(PermissionRefused):
        remove_member(actor=admin, workspace=workspace, user=admin)
    assert Membership.objects.count() == 1


def test_api_key__issued__plain_text_works_and_is_stored_nowhere():
    workspace = WorkspaceFactory()
    admin = admin_of(workspace)
    expiry = timezone.now() + timedelta(days=1)
    key, plain = issue_api_key(
        actor=admin, workspace=workspace, name="a machine", scopes=["read", "decide", "read"], expires_at=expiry
    )
    stored = ApiKey.objects.get_from_key(plain)
    assert stored == key
    assert (stored.workspace, stored.scopes, stored.expiry_date) == (workspace, ["decide", "read"], expiry)
    assert (stored.issued_by, stored.issued_by_name) == (admin, admin.username)
    secret = plain.partition(".")[2]
    assert not any(secret in str(value) for value in ApiKey.objects.values().get().values())


@pytest.mark.parametrize(
    "fields", [{"scopes": []}, {"scopes": ["all"]}, {"name": ""}, {"name": "x" * 51}, {"expires_at": timezone.now()}]
)
def test_api_key__fields_not_valid__refused(fields):
    workspace = WorkspaceFactory()
    with pytest.raises(InvalidInput):
        issue_api_key(
            **{"actor": admin_of(workspace), "workspace": workspace, "name": "x", "scopes": ["read"], **fields}
        )
    assert not ApiKey.objects.exists()


def test_api_key__revoked__is_dead_and_says_who():
    workspace = WorkspaceFactory()
    admin = admin_of(workspace)
    key, plain = issue_api_key(actor=admin, workspace=workspace, name="a machine", scopes=["read"])
    revoked = revoke_api_key(actor=admin, workspace=workspace, prefix=key.prefix)
    assert (revoked.revoked, revoked.revoked_by_name) == (True, admin.username)
    assert not ApiKey.objects.is_valid(plain)
    with pytest.raises(Conflict, match="revoked already"):
        revoke_api_key(actor=admin, workspace=workspace, prefix=key.prefix)


def test_api_key__of_another_workspace__not_found():
    foreign = WorkspaceFactory()
    key, _ = issue_api_key(actor=admin_of(foreign), workspace=foreign, name="a machine", scopes=["read"])
    own = WorkspaceFactory()
    with pytest.raises(NotFound):
        revoke_api_key(actor=admin_of(own), workspace=own, prefix=key.prefix)


@pytest.mark.parametrize("who", [viewer_of, lambda workspace: UserFactory()])
def test_api_key__who_is_no_admin__gets_none(who):
    workspace = WorkspaceFactory()
    with pytest.raises((PermissionRefused, NotFound)):
        issue_api_key(actor=who(workspace), workspace=workspace, name="x", scopes=["read"])
