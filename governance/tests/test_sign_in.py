"""Signing in: guessing is locked out, by account; another account is not; success starts afresh."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from freezegun import freeze_time

from governance.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


def sign_in(username, password, address="192.0.2.1"):
    return Client(REMOTE_ADDR=address).post(reverse("admin:login"), {"username": username, "password": password})


def test_guessing__locks_the_account_whatever_the_address__and_no_other():
    victim, other = UserFactory(), UserFactory()
    for attempt in range(5):
        sign_in(victim.username, "a wrong guess", address=f"192.0.2.{attempt}")
    locked = sign_in(victim.username, PASSWORD, address="198.51.100.7")
    assert locked.status_code == 429
    assert "Locked out" in locked.content.decode()
    assert sign_in(other.username, PASSWORD).status_code == 302


def test_lock__ends_after_its_minutes():
    victim = UserFactory()
    for _ in range(6):
        sign_in(victim.username, "a wrong guess")
    with freeze_time(timezone.now() + timedelta(minutes=16)):
        assert sign_in(victim.username, PASSWORD).status_code == 302


def test_success__forgets_the_failures_before_it():
    user = UserFactory()
    for _ in range(2):
        for _ in range(3):
            sign_in(user.username, "a wrong guess")
        assert sign_in(user.username, PASSWORD).status_code == 302


@pytest.mark.parametrize("username", ["a\x00b", "x" * 300, "no-such-account"])
def test_odd_names__are_refused_without_an_error(username):
    assert sign_in(username, PASSWORD).status_code == 200
