"""Writes of what a group at the company's provider opens here."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from confidence_project.foundation.errors import AlreadySo, InvalidInput, WrongState
from governance.access.permissions import Person, Verb, require
from governance.history import record_change
from governance.models import GroupGrant, Membership, Workspace, WorkspaceEvent
from governance.models.identities import LONGEST_GROUP
from governance.texts import clean_text

Kind = WorkspaceEvent.Kind


def let_group_in(*, actor: Person, workspace: Workspace, group: str, role: str) -> GroupGrant:
    """Give members of `group` a role in the workspace, each from their next sign-in on.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`; only a superuser decides who belongs to a workspace.
    InvalidInput
        The group is blank, too long or not printable; the role is not known.
    Conflict
        The group is let in already.
    """
    require(Verb.MANAGE_MEMBERS, actor, workspace)
    group = clean_text(group, name="group", max_length=LONGEST_GROUP, required=True)
    if not group.isprintable():
        raise InvalidInput("The group has printable characters, in one line.")
    if role not in Membership.Role.values:
        raise InvalidInput(f"The role is one of {', '.join(Membership.Role.values)}.")
    grant = GroupGrant(
        workspace=workspace,
        group=group,
        role=role,
        created_at=timezone.now(),
        created_by_id=actor.pk,
        created_by_name=actor.get_username(),
    )
    try:
        with transaction.atomic():
            grant.save(force_insert=True)
            record_change(Kind.GROUP_GRANTED, workspace, actor, subject=group, after={"role": role})
    except IntegrityError as error:
        raise AlreadySo("This group is let in already. Withdraw it first to give it another role.") from error
    return grant


def withdraw_group(*, actor: Person, workspace: Workspace, group: str) -> None:
    """Let the group in no more. Whoever came by it alone leaves the workspace at their next sign-in.

    Raises
    ------
    NotFound, PermissionRefused
        As `let_group_in`.
    Conflict
        The group is not let in (any more).
    """
    require(Verb.MANAGE_MEMBERS, actor, workspace)
    with transaction.atomic():
        grants = GroupGrant.objects.in_workspace(workspace).select_for_update().filter(group=group)
        grant = grants.first()
        if grant is None:
            raise WrongState("This group is not let in (any more).")
        grant.delete()
        record_change(Kind.GROUP_WITHDRAWN, workspace, actor, subject=group, before={"role": grant.role})
