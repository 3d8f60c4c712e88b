"""Writes of invitations: a link that lets one person into one workspace, once, until it expires or is revoked."""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from confidence_project.foundation.errors import FieldProblem, InvalidInput, NotFound, PermissionRefused, WrongState
from governance.access.permissions import Person, Verb, is_active, may, require
from governance.history import record_change
from governance.models import Invitation, Membership, Workspace, WorkspaceEvent
from governance.texts import clean_text
from governance.workspaces.services import give_role

log = logging.getLogger(__name__)

Kind = WorkspaceEvent.Kind

TOKEN_BYTES = 32
NOT_OPEN = "This invitation is used, expired or revoked, or never was. Ask for a new one."


def invite(
    *, actor: Person, workspace: Workspace, name: str, email: str = "", role: str = Membership.Role.VIEWER
) -> tuple[Invitation, str]:
    """Invite somebody and return the invitation with the token of its link, which is stored nowhere.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`; only a superuser decides who belongs to a workspace.
    InvalidInput
        The name is blank, the e-mail address is none, or the role is not known.
    """
    require(Verb.MANAGE_MEMBERS, actor, workspace)
    name = clean_text(name, name="name", max_length=150, required=True)
    if role not in Membership.Role.values:
        raise InvalidInput(f"The role is one of {', '.join(Membership.Role.values)}.")
    token, now = secrets.token_urlsafe(TOKEN_BYTES), timezone.now()
    with transaction.atomic():
        invitation = Invitation.objects.create(
            workspace=workspace,
            name=name,
            email=_checked_email(email),
            role=role,
            token_sha256=_hash(token),
            created_at=now,
            created_by_id=actor.pk,
            created_by_name=actor.get_username(),
            expires_at=now + timedelta(days=settings.CONFIDENCE_INVITATION_DAYS),
        )
        record_change(Kind.INVITED, workspace, actor, subject=name, after={"role": role})
    return invitation, token


def revoke_invitation(*, actor: Person, workspace: Workspace, invitation_id: int) -> Invitation:
    """Make the link of an invitation open nothing.

    Raises
    ------
    NotFound, PermissionRefused
        As `invite`, or the workspace has no such invitation.
    Conflict
        It is used or revoked already.
    """
    require(Verb.MANAGE_MEMBERS, actor, workspace)
    found = Invitation.objects.in_workspace(workspace).filter(pk=invitation_id)
    now = timezone.now()
    with transaction.atomic():
        unused = found.filter(accepted_at=None, revoked_at=None)
        if unused.update(revoked_at=now, revoked_by_id=actor.pk, revoked_by_name=actor.get_username()) != 1:
            if found.exists():
                raise WrongState("The invitation is used or revoked already.")
            raise NotFound("There is no such invitation in this workspace.")
        invitation: Invitation = found.get()
        record_change(Kind.INVITATION_REVOKED, workspace, actor, subject=invitation.name)
    return invitation


def open_invitation(token: str) -> Invitation:
    """Return the invitation that a link opens.

    Raises
    ------
    NotFound
        There is none that is open, or whoever made it may not invite any more.
    """
    found = Invitation.objects.select_related("workspace", "created_by")
    invitation = found.filter(token_sha256=_hash(token)).first()
    if invitation is None or not invitation.is_open_at(timezone.now()):
        raise NotFound(NOT_OPEN)
    if invitation.created_by is None or not may(Verb.MANAGE_MEMBERS, invitation.created_by, invitation.workspace):
        raise NotFound(NOT_OPEN)
    return invitation


def accept_with_new_account(*, token: str, account: User) -> User:
    """Store `account`, which has a name and a password and is not stored yet, and let it in.

    Raises
    ------
    NotFound
        As `open_invitation`.
    PermissionRefused
        Passwords of this site open nothing.
    """
    if not settings.CONFIDENCE_LOCAL_SIGN_IN:
        raise PermissionRefused("Accounts with a password of this site are switched off. Sign in with your company.")
    invitation = open_invitation(token)
    account.first_name, account.email = invitation.name, invitation.email
    with transaction.atomic():
        account.save(force_insert=True)
        _accept(invitation, account)
    return account


def accept(*, token: str, account: User) -> Invitation:
    """Let an account that is there into the workspace.

    Raises
    ------
    NotFound
        As `open_invitation`.
    PermissionRefused
        The account is deactivated.
    """
    invitation = open_invitation(token)
    if not is_active(account):
        raise PermissionRefused("Your account here is deactivated. Ask who looks after this site.")
    with transaction.atomic():
        _accept(invitation, account)
    return invitation


def _accept(invitation: Invitation, account: User) -> None:
    now = timezone.now()
    still_open = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None, expires_at__gt=now)
    # A compare-and-swap: of two browsers with the same link one comes in.
    if still_open.update(accepted_at=now, accepted_by_id=account.pk, accepted_by_name=account.username) != 1:
        raise NotFound(NOT_OPEN)
    given_by = f"invited by {invitation.created_by_name}"
    give_role(account, invitation.workspace, invitation.role, actor=account, given_by=given_by)
    log.info("%s came into %s by invitation", account.username, invitation.workspace.slug)


def _checked_email(email: str) -> str:
    email = email.strip()
    if email:
        try:
            validate_email(email)
        except ValidationError as error:
            detail = "is an address such as name@example.org, or blank"
            raise InvalidInput(f"The e-mail {detail}.", [FieldProblem("/email", "value", detail)]) from error
    return email


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
