"""Writes around the policies: workspaces, the people in them, the keys of their machines; each with its history."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from confidence_project.foundation.errors import AlreadySo, FieldProblem, InvalidInput, NotFound, WrongState
from governance.access.permissions import Person, Verb, is_active, require, require_superuser
from governance.history import record_change
from governance.models import ApiKey, Membership, Workspace, WorkspaceEvent
from governance.texts import clean_text
from governance.webhooks.outbox import announce_toggles

log = logging.getLogger(__name__)

Kind = WorkspaceEvent.Kind


def create_workspace(*, actor: Person, slug: str, name: str, epoch: datetime | None = None) -> Workspace:
    """Create a workspace. Nobody but superusers belongs to it until members are added.

    Parameters
    ----------
    epoch
        Records that claim an earlier time are refused; the model's default when None.

    Raises
    ------
    PermissionRefused, InvalidInput, Conflict
        The actor is no superuser; the slug or name is not valid; the slug is taken.
    """
    require_superuser(actor, "A superuser may create a workspace.")
    workspace = Workspace(slug=slug, name=clean_text(name, name="name", max_length=200, required=True))
    if epoch is not None:
        workspace.epoch = epoch
    _check(workspace)
    try:
        with transaction.atomic():
            workspace.save(force_insert=True)
            record_change(
                Kind.WORKSPACE_CREATED, workspace, actor, after={"slug": workspace.slug, "name": workspace.name}
            )
    except IntegrityError as error:
        raise AlreadySo("There is a workspace with this slug already.") from error
    log.info("workspace %s created by %s", workspace.slug, actor.get_username())
    return workspace


def set_toggles(
    *,
    actor: Person,
    workspace: Workspace,
    automation_enabled: bool | None = None,
    auto_book_meetings: bool | None = None,
    booking_gate_enabled: bool | None = None,
) -> Workspace:
    """Switch what is given on or off; None leaves a toggle as it is. Takes effect at the next decision."""
    require(Verb.OPERATE, actor, workspace)
    toggles = {
        "automation_enabled": automation_enabled,
        "auto_book_meetings": auto_book_meetings,
        "booking_gate_enabled": booking_gate_enabled,
    }
    with transaction.atomic():
        workspace.lock()
        workspace.refresh_from_db()
        after = {name: on for name, on in toggles.items() if on is not None and on is not getattr(workspace, name)}
        if after:
            before = {name: not on for name, on in after.items()}
            Workspace.objects.filter(pk=workspace.pk).update(**after)
            workspace.refresh_from_db()
            event = record_change(Kind.TOGGLES_CHANGED, workspace, actor, before=before, after=after)
            announce_toggles(workspace, after, event.at)
            log.info("toggles of %s set to %s by %s", workspace.slug, after, actor.get_username())
    return workspace


def rename_workspace(*, actor: Person, workspace: Workspace, name: str) -> Workspace:
    """Give a workspace another name; its slug stays."""
    require(Verb.OPERATE, actor, workspace)
    name = clean_text(name, name="name", max_length=200, required=True)
    with transaction.atomic():
        workspace.lock()
        workspace.refresh_from_db()
        before = workspace.name
        if name != before:
            Workspace.objects.filter(pk=workspace.pk).update(name=name)
            workspace.refresh_from_db()
            record_change(Kind.WORKSPACE_RENAMED, workspace, actor, before={"name": before}, after={"name": name})
    return workspace


def add_member(*, actor: Person, workspace: Workspace, user: Any, role: str = Membership.Role.VIEWER) -> Membership:
    """Let `user` into the workspace.

    Only a superuser may: an admin who could make others admins could be their own second pair of eyes.

    Raises
    ------
    Conflict
        The user is a member already, or the account is deactivated.
    """
    require(Verb.MANAGE_MEMBERS, actor, workspace)
    if not is_active(user):
        raise WrongState("This account is deactivated. Activate it first.")
    membership = Membership(workspace=workspace, user=user, role=_role(role))
    try:
        with transaction.atomic():
            membership.save(force_insert=True)
            _let_sign_in(user)
            record_change(Kind.MEMBER_ADDED, workspace, actor, subject=user.get_username(), after={"role": role})
    except IntegrityError as error:
        raise AlreadySo("This user is a member already. Change the role instead.") from error
    log.info("%s added to %s as %s by %s", user, workspace.slug, role, actor.get_username())
    return membership


def give_role(account: User, workspace: Workspace, role: str, *, actor: Person | None, given_by: str) -> Membership:
    """Make `account` a member in this role, or give a member this role; for callers who know that somebody may.

    Inside the caller's transaction. From then on no group of the company takes it away.
    """
    membership = Membership.objects.in_workspace(workspace).filter(user=account).select_for_update().first()
    kind = Kind.MEMBER_ROLE_CHANGED if membership else Kind.MEMBER_ADDED
    before = {"role": membership.role} if membership else None
    membership = membership or Membership(workspace=workspace, user=account)
    membership.role, membership.from_group = role, False
    membership.save()
    _let_sign_in(account)
    after = {"role": role, "given_by": given_by}
    record_change(kind, workspace, actor, subject=account.username, before=before, after=after)
    return membership


def set_role(*, actor: Person, workspace: Workspace, user: Any, role: str) -> Membership:
    """Change what a member may do; raise `NotFound` when `user` is not a member.

    Where a group of the company had given the membership, it is now given by hand, and stays when the group goes.
    """
    require(Verb.MANAGE_MEMBERS, actor, workspace)
    role = _role(role)
    with transaction.atomic():
        membership = _membership(workspace, user)
        before = membership.role
        if role != before:
            membership.role, membership.from_group = role, False
            membership.save(update_fields=["role", "from_group"])
            _let_sign_in(user)
            change = {"before": {"role": before}, "after": {"role": role}}
            record_change(Kind.MEMBER_ROLE_CHANGED, workspace, actor, subject=user.get_username(), **change)
    log.info("%s is %s of %s now, by %s", user, role, workspace.slug, actor.get_username())
    return membership


def remove_member(*, actor: Person, workspace: Workspace, user: Any) -> None:
    """Take `user` out of the workspace; what they did stays on record. Raise `NotFound` for no member."""
    require(Verb.MANAGE_MEMBERS, actor, workspace)
    with transaction.atomic():
        membership = _membership(workspace, user)
        record_change(
            Kind.MEMBER_REMOVED, workspace, actor, subject=user.get_username(), before={"role": membership.role}
        )
        membership.delete()
    log.info("%s removed from %s by %s", user, workspace.slug, actor.get_username())


def issue_api_key(
    *,
    actor: Person,
    workspace: Workspace,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Issue a key and return it with its plain text, which is stored nowhere and cannot be shown again.

    Parameters
    ----------
    scopes
        Values of `ApiKey.Scope`; at least one.
    expires_at
        None: the key works until it is revoked.

    Raises
    ------
    InvalidInput
        No or unknown scopes, a name of more than 50 characters, or an expiry in the past.
    """
    require(Verb.OPERATE, actor, workspace)
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidInput("The key would have expired already. Choose a later time.")
    key = ApiKey(
        workspace=workspace,
        name=clean_text(name, name="name", max_length=50, required=True),
        scopes=sorted(set(scopes)),
        expiry_date=expires_at,
        issued_by_id=actor.pk,
        issued_by_name=actor.get_username(),
    )
    _check(key, leave_out=("prefix", "hashed_key", "id"))
    with transaction.atomic():
        plain = ApiKey.objects.assign_key(key)
        key.save(force_insert=True)
        granted = {"scopes": key.scopes, "expires_at": expires_at and expires_at.isoformat()}
        record_change(Kind.API_KEY_ISSUED, workspace, actor, subject=_name_of(key), after=granted)
    log.info("API key %s of %s issued by %s", key.prefix, workspace.slug, actor.get_username())
    return key, plain


def revoke_api_key(*, actor: Person, workspace: Workspace, prefix: str) -> ApiKey:
    """Revoke the key with this prefix, for good and from the next request on.

    Raises
    ------
    NotFound, Conflict
        The workspace has no such key; it is revoked already.
    """
    require(Verb.OPERATE, actor, workspace)
    keys = ApiKey.objects.in_workspace(workspace).filter(prefix=prefix)
    changes = {"revoked_at": timezone.now(), "revoked_by_id": actor.pk, "revoked_by_name": actor.get_username()}
    with transaction.atomic():
        if keys.filter(revoked=False).update(revoked=True, **changes) != 1:
            if keys.exists():
                raise AlreadySo("The key is revoked already.")
            raise NotFound("There is no such key in this workspace.")
        key: ApiKey = keys.get()
        record_change(Kind.API_KEY_REVOKED, workspace, actor, subject=_name_of(key), before={"scopes": key.scopes})
    log.info("API key %s of %s revoked by %s", prefix, workspace.slug, actor.get_username())
    return key


def _let_sign_in(user: Any) -> None:
    """An account without the desk (`is_staff`) would be a member who can neither sign in nor approve."""
    if not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])


def _membership(workspace: Workspace, user: Any) -> Membership:
    """Return the membership, locked until the transaction ends."""
    membership = Membership.objects.in_workspace(workspace).filter(user=user).select_for_update().first()
    if membership is None:
        raise NotFound("This user is not a member of the workspace.")
    return membership


def _name_of(key: ApiKey) -> str:
    return f"{key.name} ({key.prefix})"


def _role(role: str) -> str:
    if role not in Membership.Role.values:
        raise InvalidInput(f"The role is one of {', '.join(Membership.Role.values)}.")
    return role


def _check(instance: Workspace | ApiKey, leave_out: Collection[str] = ()) -> None:
    """Run the model's own validators; uniqueness is the database's to say, as a `Conflict`."""
    try:
        instance.clean_fields(exclude=set(leave_out))
        instance.clean()
    except ValidationError as error:
        problems = [
            FieldProblem(f"/{name}", "value", " ".join(messages)) for name, messages in error.message_dict.items()
        ]
        raise InvalidInput(
            "; ".join(f"{problem.pointer[1:]}: {problem.detail}" for problem in problems), problems
        ) from error
