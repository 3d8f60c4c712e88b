"""Tokens with which people call the governance API: each for oneself, shown once, for a few hours."""

from __future__ import annotations

from django.utils import timezone
from knox.models import AuthToken

from confidence_project.foundation.errors import Conflict, NotFound, PermissionRefused
from governance.access.permissions import Person, is_active, is_superuser

TOKENS_PER_PERSON = 10


def issue_token(*, actor: Person) -> tuple[AuthToken, str]:
    """Issue a token to `actor` and return it with its plain text, which is stored nowhere.

    Raises
    ------
    PermissionRefused
        The account is not active.
    Conflict
        The person has `TOKENS_PER_PERSON` tokens already.
    """
    if not is_active(actor):
        raise PermissionRefused("Only an active account may have a token.")
    own = AuthToken.objects.filter(user_id=actor.pk)
    own.filter(expiry__lte=timezone.now()).delete()
    if own.count() >= TOKENS_PER_PERSON:
        raise Conflict(f"You have {TOKENS_PER_PERSON} tokens already. Revoke one first.")
    issued: tuple[AuthToken, str] = AuthToken.objects.create(user=actor)
    return issued


def revoke_token(*, actor: Person, digest: str) -> None:
    """Revoke a token of one's own; a superuser revokes anybody's. Raise `NotFound` for any other."""
    tokens = AuthToken.objects.filter(digest=digest)
    if not is_superuser(actor):
        tokens = tokens.filter(user_id=actor.pk)
    revoked, _ = tokens.delete()
    if not revoked:
        raise NotFound("There is no such token of yours.")
