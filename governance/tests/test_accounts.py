"""What a new password and a deactivation end, whoever makes them; and what the settings hold sign-in to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from freezegun import freeze_time
from knox.models import AuthToken

from confidence_project.foundation.errors import PermissionRefused
from governance.access import tokens
from governance.tests.browser import signed_in
from governance.tests.factories import PASSWORD, SuperuserFactory, UserFactory
from governance.workspaces import accounts

pytestmark = pytest.mark.django_db
NEW = "another-password-entirely"
HOME = reverse("admin:index")


def signed_in_by_password(user):
    client = Client()
    client.post(reverse("admin:login"), {"username": user.username, "password": PASSWORD})
    assert client.get(HOME).status_code == 200
    return client


def change_by_oneself(user):
    client = signed_in_by_password(user)
    data = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert client.post(reverse("admin:password_change"), data).status_code == 302
    assert client.get(HOME).status_code == 200  # the session that did it goes on


def reset_by_a_superuser(user):
    data = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    address = reverse("admin:auth_user_password_change", args=[user.pk])
    assert signed_in(SuperuserFactory()).post(address, data).status_code == 302


def take_the_password_away(user):
    address = reverse("admin:auth_user_password_change", args=[user.pk])
    assert (
        signed_in(SuperuserFactory()).post(address, {"usable_password": "false", "unset-password": "yes"}).status_code
        == 302
    )
    assert not User.objects.get(pk=user.pk).has_usable_password()


def reset_by_command(user):
    fresh = User.objects.get(pk=user.pk)
    fresh.set_password(NEW)  # what `manage.py changepassword` does after it has asked
    fresh.save()


def set_active(user, active):
    client = signed_in(SuperuserFactory())
    address = reverse("admin:auth_user_change", args=[user.pk])
    data = {"username": user.username, "date_joined_0": "2026-01-01", "date_joined_1": "12:00:00", "is_staff": "on"}
    assert client.post(address, data | ({"is_active": "on"} if active else {})).status_code == 302
    assert User.objects.get(pk=user.pk).is_active is active


def deactivate(user):
    set_active(user, False)


def deactivate_and_activate(user):
    set_active(user, False)
    set_active(user, True)


@pytest.mark.parametrize(
    "change",
    [
        change_by_oneself,
        reset_by_a_superuser,
        take_the_password_away,
        reset_by_command,
        deactivate,
        deactivate_and_activate,
    ],
)
def test_change__tokens_and_other_sessions_of_that_person_end__and_of_nobody_else(change):
    user, other = UserFactory(), UserFactory()
    browsers = {person: signed_in_by_password(person) for person in (user, other)}
    for person in (user, other):
        tokens.issue_token(actor=person)
    change(user)
    assert list(AuthToken.objects.values_list("user", flat=True)) == [other.pk]
    assert browsers[user].get(HOME).status_code == 302
    assert browsers[other].get(HOME).status_code == 200


def test_another_change_of_the_account__ends_nothing():
    user = UserFactory()
    browser = signed_in_by_password(user)
    tokens.issue_token(actor=user)
    set_active(user, True)
    assert AuthToken.objects.filter(user=user).exists()
    assert browser.get(HOME).status_code == 200


@pytest.mark.parametrize("act", [accounts.save_account, accounts.delete_account])
def test_accounts__who_is_no_superuser__may_not(act):
    victim = UserFactory()
    with pytest.raises(PermissionRefused):
        act(actor=UserFactory(), account=victim)
    assert User.objects.filter(pk=victim.pk).exists()


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short-1234", "too short"),
        ("password1234", "too common"),
        ("839201748362", "entirely numeric"),
        ("ada-lovelace", "too similar"),
    ],
)
def test_password__that_is_weak__is_refused_everywhere(password, why):
    user = UserFactory(username="ada-lovelace1")
    client = signed_in(user)
    data = {"old_password": PASSWORD, "new_password1": password, "new_password2": password}
    assert why in client.post(reverse("admin:password_change"), data).content.decode()
    reset = {"password1": password, "password2": password, "usable_password": "true"}
    address = reverse("admin:auth_user_password_change", args=[user.pk])
    assert why in signed_in(SuperuserFactory()).post(address, reset).content.decode()
    assert User.objects.get(pk=user.pk).check_password(PASSWORD)


def test_session__ends_with_the_browser__and_eight_hours_after_the_sign_in_whatever_was_done():
    browser = signed_in_by_password(UserFactory())
    cookie = browser.cookies["sessionid"]
    assert (cookie["expires"], cookie["max-age"], cookie["httponly"]) == ("", "", True)
    for hours, status in [(7, 200), (8.1, 302)]:
        with freeze_time(timezone.now() + timedelta(hours=hours)):
            assert browser.get(HOME).status_code == status
