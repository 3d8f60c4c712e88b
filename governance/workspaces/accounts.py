"""Writes of accounts: what a changed password or a deactivation ends, and the end of an account itself."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from knox.models import AuthToken

from governance.access.permissions import Person, require_superuser
from governance.models import Membership
from governance.workspaces import services

log = logging.getLogger(__name__)

WHO_MAY = "A superuser may change accounts."


class ChangeRevokesTokens:
    """A password validator that refuses nothing: Django calls it after every change of a password, whoever makes it.

    The sessions end by Django's own rule: each holds a keyed hash of the password that it was begun with.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Accept any password."""

    def password_changed(self, password: str, user: Any = None) -> None:
        """Revoke the API tokens of whoever has a new password."""
        if user is not None:
            revoke_tokens(person=user)

    def get_help_text(self) -> str:
        return "A new password revokes your API tokens and ends your other sessions."


def revoke_tokens(*, person: Person) -> int:
    """Revoke every API token of a person; return how many there were."""
    revoked = int(AuthToken.objects.filter(user_id=person.pk).delete()[0])
    if revoked:
        log.info("%d API tokens of %s revoked", revoked, person.get_username())
    return revoked


def save_account(*, actor: Person, account: User) -> None:
    """Store a changed account. Deactivated, or active again, it starts from nothing: no token, no session.

    Raises
    ------
    PermissionRefused
        The actor is no superuser.
    """
    require_superuser(actor, WHO_MAY)
    with transaction.atomic():
        was_active = User.objects.select_for_update().filter(pk=account.pk).values_list("is_active", flat=True).first()
        account.save()
        if was_active is not account.is_active:
            end_access(person=account)


def delete_account(*, actor: Person, account: User) -> None:
    """Delete an account; that it left its workspaces stays on record, as does all that it did.

    Raises
    ------
    PermissionRefused
        The actor is no superuser.
    """
    require_superuser(actor, WHO_MAY)
    with transaction.atomic():
        for membership in Membership.objects.filter(user_id=account.pk).select_related("workspace"):
            services.remove_member(actor=actor, workspace=membership.workspace, user=account)
        account.delete()


def end_access(*, person: User) -> None:
    """End every token and every session of a person."""
    revoke_tokens(person=person)
    _end_sessions(person)


def _end_sessions(account: User) -> None:
    # A session does not say whose it is but in its data; those that are open are few.
    for session in Session.objects.filter(expire_date__gt=timezone.now()):
        if session.get_decoded().get(SESSION_KEY) == str(account.pk):
            session.delete()
