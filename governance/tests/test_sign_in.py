"""Signing in: guessing is locked out, by account and by address; nobody is kept out from elsewhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from freezegun import freeze_time

from governance.tests.factories import PASSWORD, SuperuserFactory, UserFactory

pytestmark = pytest.mark.django_db


def sign_in(username, password, address="192.0.2.1", browser=None, **headers):
    client = browser or Client()
    return client.post(
        reverse("admin:login"), {"username": username, "password": password}, REMOTE_ADDR=address, **headers
    )


def fail(username, times, address="192.0.2.1", **more):
    for _ in range(times):
        sign_in(username, "a wrong guess", address, **more)


def test_guessing__locks_the_account_for_that_address__and_no_other():
    victim, other = UserFactory(), UserFactory()
    fail(victim.username, 5)
    locked = sign_in(victim.username, PASSWORD)
    assert locked.status_code == 429
    assert "Locked out" in locked.content.decode()
    assert sign_in(other.username, PASSWORD).status_code == 302
    assert sign_in(victim.username, PASSWORD, "198.51.100.7").status_code == 302


def test_guessing_from_many_addresses__locks_the_account__but_not_for_a_browser_that_it_knows():
    victim, known = UserFactory(), Client()
    assert sign_in(victim.username, PASSWORD, browser=known).status_code == 302
    known.cookies.pop("sessionid")
    for line in range(10):
        fail(victim.username, 5, address=f"203.0.113.{line}")
    assert sign_in(victim.username, PASSWORD, "198.51.100.7").status_code == 429
    assert sign_in(victim.username, PASSWORD, "203.0.113.1", browser=known).status_code == 302


def test_known_browser__guesses_no_more_often_than_others__and_only_its_own_account_knows_it():
    owner, other, known = UserFactory(), UserFactory(), Client()
    sign_in(owner.username, PASSWORD, browser=known)
    cookie = known.cookies["known_browser"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    known.cookies.pop("sessionid")
    for address in range(5):
        fail(owner.username, 1, f"203.0.113.{address}", browser=known)
    assert sign_in(owner.username, PASSWORD, browser=known).status_code == 429
    fail(other.username, 5, browser=known)
    assert sign_in(other.username, PASSWORD).status_code == 429
    forged = Client()
    forged.cookies["known_browser"] = cookie.value[:-3] + "abc"
    fail(other.username, 5, "203.0.113.9", browser=forged)
    assert sign_in(other.username, PASSWORD, "203.0.113.9").status_code == 429


def test_failing_on_every_superuser__from_one_address__locks_none_of_them_out_elsewhere():
    superusers = SuperuserFactory.create_batch(4)
    for superuser in superusers * 2:
        fail(superuser.username, 6)
    for place, superuser in enumerate(superusers):
        assert sign_in(superuser.username, PASSWORD, f"198.51.100.{place}").status_code == 302


def test_failing_on_many_accounts__locks_the_address_and_nobody_elsewhere():
    user = UserFactory()
    for number in range(30):
        fail(f"nobody-{number}", 1)
    assert sign_in(user.username, PASSWORD).status_code == 429
    assert sign_in(user.username, PASSWORD, "198.51.100.7").status_code == 302


def test_failing_on_very_long_names__locks_the_address_too():
    for number in range(30):
        fail(f"{number}-{'x' * 140}", 1)
    assert sign_in(UserFactory().username, PASSWORD).status_code == 429


def test_ipv6__counts_by_line_and_not_by_address():
    user = UserFactory()
    for number in range(5):
        fail(user.username, 1, f"2001:db8:1:2::{number:x}")
    assert sign_in(user.username, PASSWORD, "2001:db8:1:2:ffff::1").status_code == 429
    assert sign_in(user.username, PASSWORD, "2001:db8:1:3::1").status_code == 302


def test_forwarded_address__counts_only_where_the_proxy_is_trusted(settings):
    user = UserFactory()
    for number in range(5):
        fail(user.username, 1, "10.0.0.1", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
    assert sign_in(user.username, PASSWORD, "10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.7").status_code == 429
    settings.CONFIDENCE_TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert sign_in(user.username, PASSWORD, "10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.7").status_code == 302
    for number in range(5):  # what the client wrote itself stands left of what the proxy saw
        fail(user.username, 1, "10.0.0.1", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}, 203.0.113.99, 10.9.9.9")
    seen = sign_in(user.username, PASSWORD, "10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.7, 203.0.113.99")
    assert seen.status_code == 429
    fail(user.username, 5, "203.0.113.50", HTTP_X_FORWARDED_FOR="10.0.0.1")
    assert sign_in(user.username, PASSWORD, "203.0.113.50").status_code == 429


@pytest.mark.parametrize("sent", ["", "unknown", "secret words", "10.0.0.2, 10.0.0.3"])
def test_forwarded_words__that_are_no_address__are_refused_without_an_error(settings, sent):
    settings.CONFIDENCE_TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert sign_in("nobody", PASSWORD, "10.0.0.1", HTTP_X_FORWARDED_FOR=sent).status_code == 200


def test_behind_a_proxy_that_is_not_named__the_deployment_check_says_so(settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    with pytest.raises(SystemCheckError, match="CONFIDENCE_TRUSTED_PROXIES"):
        call_command("check", deploy=True, tags=["security"], fail_level="WARNING")


def test_lock__ends_after_its_minutes():
    victim = UserFactory()
    fail(victim.username, 6)
    with freeze_time(timezone.now() + timedelta(minutes=16)):
        assert sign_in(victim.username, PASSWORD).status_code == 302


def test_success__forgets_the_failures_before_it():
    user = UserFactory()
    for _ in range(2):
        fail(user.username, 3)
        assert sign_in(user.username, PASSWORD).status_code == 302


def test_failure__keeps_nothing_of_what_was_sent():
    url = reverse("admin:login")
    Client().post(f"{url}?note=secret", {"username": "nobody", "password": "secret", "code": "secret"})
    kept = AccessAttempt.objects.get()
    assert (kept.username, kept.get_data, kept.post_data) == ("nobody", "", "")


@pytest.mark.parametrize("username", ["a\x00b", "x" * 300, "no-such-account"])
def test_odd_names__are_refused_without_an_error(username):
    assert sign_in(username, PASSWORD).status_code == 200
