"""Tokens of people: hashed, shown once, for a few hours, each for oneself."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from knox.models import AuthToken

from confidence_project.foundation.errors import Conflict, NotFound, PermissionRefused
from governance.access import tokens
from governance.tests.factories import (
    SuperuserFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_token__is_stored_hashed_and_revoked_by_its_owner_or_a_superuser():
    owner, other = UserFactory(), UserFactory()
    token, plain = tokens.issue_token(actor=owner)
    assert plain not in str(AuthToken.objects.values().get())
    with pytest.raises(NotFound):
        tokens.revoke_token(actor=other, digest=token.digest)
    tokens.revoke_token(actor=owner, digest=token.digest)
    token, _ = tokens.issue_token(actor=owner)
    tokens.revoke_token(actor=SuperuserFactory(), digest=token.digest)
    assert not AuthToken.objects.exists()


def test_token__too_many_or_inactive__refused():
    user = UserFactory()
    for _ in range(tokens.TOKENS_PER_PERSON):
        tokens.issue_token(actor=user)
    with pytest.raises(Conflict, match="Revoke one"):
        tokens.issue_token(actor=user)
    AuthToken.objects.update(expiry=timezone.now())
    tokens.issue_token(actor=user)
    with pytest.raises(PermissionRefused):
        tokens.issue_token(actor=UserFactory(is_active=False))


def test_token_pages__own_ones_only__shown_once():
    user, other = UserFactory(), UserFactory()
    theirs, _ = tokens.issue_token(actor=other)
    client = Client()
    client.force_login(user)
    issued = client.post(reverse("admin:knox_authtoken_add"))
    assert issued.context["plain"] in issued.content.decode()
    token = AuthToken.objects.get(user=user)
    shown = client.get(reverse("admin:knox_authtoken_changelist")).content.decode()
    assert token.token_key in shown
    assert theirs.token_key not in shown
    assert client.post(reverse("admin:knox_authtoken_revoke", args=[theirs.pk])).status_code == 404
    client.post(reverse("admin:knox_authtoken_revoke", args=[token.pk]))
    assert list(AuthToken.objects.all()) == [theirs]
