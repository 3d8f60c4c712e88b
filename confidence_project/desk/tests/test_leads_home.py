"""Where a page leads on to is a page of this site: whatever a parameter asks for, an unsafe one leads home."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import resolve, reverse

from governance.models import Invitation
from governance.people.invitations import invite
from governance.tests.browser import signed_in
from governance.tests.factories import PASSWORD, SuperuserFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db

HOME = reverse("admin:index")
LOGIN, LOGOUT = reverse("admin:login"), reverse("admin:logout")
UNSAFE = [
    "https://elsewhere.example/", "//elsewhere.example/", "///elsewhere.example/", "/\\elsewhere.example/",
    "http:elsewhere.example", "javascript:alert(1)", "https:///elsewhere.example", " //elsewhere.example",
    "\thttps://elsewhere.example/", "ftp://testserver/", "https://testserver@elsewhere.example/",
    "\x00//elsewhere.example",
]  # fmt: skip
NAMES = ["next", "redirect_to", "redirect", "url", "return", "return_to", "continue", "back", "_changelist_filters"]


def _ways(path, unsafe, **fields):
    """Ask in the query and in the form, both of which Django reads."""
    asked = dict.fromkeys(NAMES, unsafe)
    yield path, {**fields, **asked}, {}
    yield path, fields, asked


@pytest.mark.parametrize("unsafe", UNSAFE)
def test_sign_in_and_out__unsafe_next__leads_home(unsafe):
    person = SuperuserFactory()
    for path, form, query in _ways(LOGIN, unsafe, username=person.username, password=PASSWORD):
        assert Client().post(path, form, query_params=query)["Location"] == HOME
    for path, form, query in _ways(LOGOUT, unsafe):
        # Without a word in the address, the page that says so stays where it is.
        assert signed_in(person).post(path, form, query_params=query).get("Location", HOME) == HOME


def test_sign_in__next_of_this_site__leads_there():
    person, there = SuperuserFactory(), reverse("admin:audit")
    sent = {"username": person.username, "password": PASSWORD, "next": there}
    assert Client().post(LOGIN, sent)["Location"] == there


@pytest.mark.parametrize("unsafe", UNSAFE)
def test_invitation__unsafe_next__leads_home(unsafe):
    _, token = invite(actor=SuperuserFactory(), workspace=WorkspaceFactory(), name="Dana", email="", role="viewer")
    sent = {"username": "dana", "password1": "a-password-of-my-own", "password2": "a-password-of-my-own"}
    path = reverse("admin:invitation", args=[token])
    assert Client().post(path, sent, query_params=dict.fromkeys(NAMES, unsafe))["Location"] == HOME
    assert Invitation.objects.get().accepted_at is not None


def _pages():
    """Every page of the desk that needs no id."""
    for pattern in admin.site.get_urls():
        for inner in getattr(pattern, "url_patterns", [pattern]):
            route = str(getattr(pattern, "pattern", "")) if inner is not pattern else ""
            if "<" not in route + str(inner.pattern) and "(" not in route + str(inner.pattern):
                yield f"/admin/{route}{inner.pattern}"


@pytest.mark.parametrize("who", ["nobody", "superuser"])
def test_every_page__asked_to_lead_elsewhere__leads_to_a_page_of_this_site(who):
    root, pages = SuperuserFactory(), sorted(set(_pages()))
    assert {LOGIN, HOME, "/admin/second-factor/", "/admin/sign-in/company/"} <= set(pages)
    for page in [*pages, "/"]:
        client = Client() if who == "nobody" else signed_in(root)
        asked = dict.fromkeys(NAMES, "https://elsewhere.example/")
        for reply in (client.get(page, asked), client.post(page, asked), client.post(page, query_params=asked)):
            if "Location" in reply:
                location = urlsplit(reply["Location"])
                assert (location.scheme, location.netloc) == ("", ""), page
                assert resolve(location.path), page
