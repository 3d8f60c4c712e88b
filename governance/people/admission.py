"""From an identity at the company's provider to an account here, with what its groups open and no more."""

from __future__ import annotations

import logging
import re

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from confidence_project.foundation.errors import LostRace, PermissionRefused
from governance.access.openid import Identity
from governance.history import record_change
from governance.models import ExternalIdentity, GroupGrant, Membership, Workspace, WorkspaceEvent
from governance.people.invitations import accept
from governance.workspaces.accounts import end_access

log = logging.getLogger(__name__)

Kind = WorkspaceEvent.Kind

NO_ACCESS = (
    "Your company knows you, but none of your groups opens a workspace here. Ask who looks after this site to let one "
    "of your groups in, or to invite you."
)
DEACTIVATED = "Your account here is deactivated. Ask who looks after this site."
LONGEST_USERNAME = 150


def admit(identity: Identity, invitation: str = "") -> User:
    """Return the account of `identity`, made now if it is new, with the memberships of its groups.

    `invitation` is the token of the invitation that the person came with; it opens its workspace whatever the groups.

    What a superuser gave by hand stays; what groups gave follows the groups. Whoever is left with nothing is refused,
    and their tokens and sessions end.

    Raises
    ------
    NotFound
        The invitation is not open (any more).
    PermissionRefused
        No group opens anything and nobody let the person in, or the account is deactivated.
    LostRace
        The same person's first sign-in runs in another browser.
    """
    try:
        with transaction.atomic():
            account, refusal = _admit(identity, invitation)
    except IntegrityError as error:
        raise LostRace("You are signing in in another window at this moment. Try again.") from error
    # After the transaction, which keeps what was taken away.
    if account is None or refusal:
        log.info("sign-in by OpenID refused: %s", "deactivated" if refusal == DEACTIVATED else "no access")
        raise PermissionRefused(refusal)
    return account


def _admit(identity: Identity, invitation: str) -> tuple[User | None, str]:
    """Return the account, unless there is nothing to make one for, and why it may not come in ("" when it may)."""
    found = ExternalIdentity.objects.select_for_update().select_related("user")
    known = found.filter(issuer=identity.issuer, subject=identity.subject).first()
    wanted = _roles_of(identity.groups)
    is_superuser = settings.CONFIDENCE_OIDC_SUPERUSER_GROUP in identity.groups
    if known is None:
        if not wanted and not is_superuser and not invitation:
            return None, NO_ACCESS
        known = _new_account(identity)
    account = known.user
    if not account.is_active:
        return account, DEACTIVATED
    _follow_groups(account, wanted)
    _follow_superuser_group(known, is_superuser)
    if invitation:
        accept(token=invitation, account=account)
    has_access = account.is_superuser or Membership.objects.filter(user=account).exists()
    account.is_staff = has_access
    for name in ("email", "first_name", "last_name"):
        setattr(account, name, getattr(identity, name) or getattr(account, name))
    account.shown_at_provider = identity.second_factor  # type: ignore[attr-defined]  # for the record of the sign-in
    account.save()
    if not has_access:
        end_access(person=account)
    return account, "" if has_access else NO_ACCESS


def _roles_of(groups: frozenset[str]) -> dict[Workspace, str]:
    """Return each workspace that the groups open, with the stronger role where several do."""
    roles: dict[Workspace, str] = {}
    by_strength = Membership.Role.values
    for grant in GroupGrant.objects.filter(group__in=groups).select_related("workspace"):
        held = roles.get(grant.workspace, grant.role)
        roles[grant.workspace] = max(held, grant.role, key=by_strength.index)
    return roles


def _new_account(identity: Identity) -> ExternalIdentity:
    account = User(username=_free_name(identity.name))
    account.set_unusable_password()
    account.save(force_insert=True)
    log.info("account %s made at its first sign-in by OpenID", account.username)
    return ExternalIdentity.objects.create(
        user=account, issuer=identity.issuer, subject=identity.subject, created_at=timezone.now()
    )


def _free_name(wished: str) -> str:
    """Return `wished` as a user name that nobody has: an account of the same name here is somebody else's."""
    name = re.sub(r"[^\w.@+-]+", "-", wished)[: LONGEST_USERNAME - 5]
    free, number = name, 1
    while User.objects.filter(username__iexact=free).exists():
        number += 1
        free = f"{name}-{number}"
    return free


def _follow_groups(account: User, wanted: dict[Workspace, str]) -> None:
    held = Membership.objects.filter(user=account).select_related("workspace").select_for_update(of=["self"])
    for membership in held:
        role = wanted.pop(membership.workspace, None)
        if not membership.from_group or role == membership.role:
            continue
        before = {"role": membership.role}
        if role is None:
            membership.delete()
            _record(Kind.MEMBER_REMOVED, membership.workspace, account, before=before)
        else:
            membership.role = role
            membership.save(update_fields=["role"])
            _record(Kind.MEMBER_ROLE_CHANGED, membership.workspace, account, before=before, role=role)
    for workspace, role in wanted.items():
        Membership.objects.create(user=account, workspace=workspace, role=role, from_group=True)
        _record(Kind.MEMBER_ADDED, workspace, account, role=role)


def _record(
    kind: WorkspaceEvent.Kind,
    workspace: Workspace,
    account: User,
    *,
    before: dict[str, str] | None = None,
    role: str | None = None,
) -> None:
    after = {"role": role, "given_by": "a group of the company"} if role else {"taken_by": "a group of the company"}
    record_change(kind, workspace, None, subject=account.username, before=before, after=after)


def _follow_superuser_group(known: ExternalIdentity, is_superuser: bool) -> None:
    account = known.user
    if is_superuser and not account.is_superuser:
        account.is_superuser = known.made_superuser = True
    elif not is_superuser and known.made_superuser:
        account.is_superuser = known.made_superuser = False
    else:
        return
    known.save(update_fields=["made_superuser"])
    log.warning("%s is %s superuser, by the company's groups", account.username, "a" if is_superuser else "no longer a")
