"""Inviting somebody, and coming in by the link: with a new account, an old one, or the company's identity."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from freezegun import freeze_time

from governance.models import ExternalIdentity, Invitation, Membership, WorkspaceEvent
from governance.people.invitations import invite
from governance.tests.browser import page, signed_in, url, words
from governance.tests.factories import SuperuserFactory, UserFactory, WorkspaceFactory, admin_of, pending, viewer_of
from governance.tests.openid_provider import provider

pytestmark = pytest.mark.django_db
HOME = reverse("admin:index")
PASSWORDS = {"password1": "a-password-of-my-own", "password2": "a-password-of-my-own"}


@pytest.fixture
def workspace():
    return WorkspaceFactory(slug="risk", name="Risk")


def invited(into, superuser=None, **fields):
    """Invite on the page; return the path of the link and the page that showed it."""
    filled = {"workspace": into.pk, "name": "Dana", "role": "admin", **fields}
    shown = signed_in(superuser or SuperuserFactory(username="root")).post(url(Invitation, "add"), filled)
    link = re.search(r"http://testserver(/admin/invitation/[\w-]{43}/)", shown.content.decode())
    return (link[1] if link else ""), shown


def nothing_to_open(path):
    reply = Client().get(path)
    return reply.status_code == 404 and "used, expired or revoked" in words(reply)


def test_invite__new_account__is_in_with_its_role_and_may_decide(workspace):
    link, shown = invited(workspace, email="dana@example.org")
    assert "No e-mail was sent" in words(shown)
    browser = Client()
    assert "root invites Dana into the workspace Risk" in words(browser.get(link))
    assert browser.post(link, {"username": "dana", **PASSWORDS})["Location"] == HOME
    assert browser.get(HOME).status_code == 200
    dana = User.objects.get(username="dana")
    assert (dana.email, dana.first_name, dana.is_superuser) == ("dana@example.org", "Dana", False)
    proposal = pending(workspace)
    assert browser.post(page(proposal, "approve"), {"acknowledge_large_step": "on"}).status_code == 302
    proposal.refresh_from_db()
    assert proposal.status == "APPROVED"
    told = WorkspaceEvent.objects.filter(kind="member.added").get()
    assert (told.subject, told.after) == ("dana", {"role": "admin", "given_by": "invited by root"})
    assert "accepted by dana" in words(signed_in(SuperuserFactory()).get(url(Invitation, "changelist")))


def test_link__works_once(workspace):
    link, _ = invited(workspace)
    Client().post(link, {"username": "dana", **PASSWORDS})
    assert nothing_to_open(link)
    assert Client().post(link, {"username": "mallory", **PASSWORDS}).status_code == 404
    assert not User.objects.filter(username="mallory").exists()


def test_link__is_stored_nowhere(workspace):
    link, _ = invited(workspace)
    token = link.split("/")[-2]
    row = Invitation.objects.values().get()
    assert token not in str(row)
    assert len(row["token_sha256"]) == 64


def test_link__expires(workspace, settings):
    settings.CONFIDENCE_INVITATION_DAYS = 2
    link, _ = invited(workspace)
    with freeze_time(timezone.now() + timedelta(days=2, seconds=1)):
        assert nothing_to_open(link)
        assert Client().post(link, {"username": "dana", **PASSWORDS}).status_code == 404
    assert not nothing_to_open(link)


def test_link__revoked__opens_nothing(workspace):
    link, _ = invited(workspace)
    row = Invitation.objects.get()
    assert signed_in(admin_of(workspace)).post(page(row, "revoke")).status_code == 403
    assert signed_in(SuperuserFactory()).post(page(row, "revoke")).status_code == 302
    assert nothing_to_open(link)
    assert WorkspaceEvent.objects.filter(kind="invitation.revoked").exists()


@pytest.mark.parametrize("change", [{"is_superuser": False}, {"is_active": False}])
def test_link__of_somebody_who_may_not_invite_any_more__opens_nothing(workspace, change):
    link, _ = invited(workspace)
    User.objects.filter(username="root").update(**change)
    assert nothing_to_open(link)


@pytest.mark.parametrize("token", ["x", "x" * 500, "ä", "%00"])
def test_link__that_never_was__opens_nothing(token):
    assert Client().get(f"/admin/invitation/{token}/").status_code == 404


def test_account_that_is_signed_in__joins_and_is_no_stranger_to_the_desk(workspace):
    person = UserFactory(is_staff=False)
    link, _ = invited(workspace)
    browser = signed_in(person)
    assert f"Join as {person.username}" in words(browser.get(link))
    assert browser.post(link)["Location"] == HOME
    assert browser.get(HOME).status_code == 200
    assert person.memberships.get().role == "admin"


def test_member__gets_the_role_of_the_invitation(workspace):
    person = viewer_of(workspace)
    link, _ = invited(workspace)
    signed_in(person).post(link)
    assert person.memberships.get().role == "admin"
    assert WorkspaceEvent.objects.filter(kind="member.role_changed").get().before == {"role": "viewer"}


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"username": ""}, "required"),
        ({"password1": "short", "password2": "short"}, "too short"),
        ({"password2": "another"}, "match"),
        ({"username": "ROOT"}, "already exists"),
    ],
)
def test_new_account__that_is_not_valid__says_so_and_the_link_still_works(workspace, fields, said):
    link, _ = invited(workspace)
    shown = Client().post(link, {"username": "dana", **PASSWORDS, **fields})
    assert shown.status_code == 200
    assert said in words(shown)
    assert not nothing_to_open(link)


@pytest.mark.parametrize("who", [admin_of, viewer_of])
def test_invite__who_is_no_superuser__may_not(workspace, who):
    person = who(workspace)
    filled = {"workspace": workspace.pk, "name": "Dana", "role": "admin"}
    assert signed_in(person).post(url(Invitation, "add"), filled).status_code == 403
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("fields", [{"name": ""}, {"role": "superuser"}, {"email": "nobody"}, {"workspace": ""}])
def test_invite__what_is_not_valid__is_not_made(workspace, fields):
    _, shown = invited(workspace, **fields)
    assert shown.status_code == 200
    assert not Invitation.objects.exists()


def test_invite__with_a_mail_server__sends_the_link_and_nothing_else(workspace, settings):
    settings.CONFIDENCE_SENDS_MAIL = True
    link, shown = invited(workspace, email="dana@example.org")
    assert "The link went to dana@example.org" in words(shown)
    (letter,) = mail.outbox
    assert letter.to == ["dana@example.org"]
    assert f"http://testserver{link}" in letter.body
    assert "root invites you to Risk" in letter.body


def test_invite__the_mail_server_is_away__says_so_and_shows_the_link(workspace, settings):
    settings.CONFIDENCE_SENDS_MAIL = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    link, shown = invited(workspace, email="dana@example.org")
    assert link
    assert "No e-mail was sent" in words(shown)


def test_company_account__joins_without_any_group(workspace, settings):
    with provider() as company:
        settings.CONFIDENCE_OIDC_ISSUER = company.issuer
        settings.CONFIDENCE_OIDC_CLIENT_ID = "confidence"
        settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "governance.access.openid.OpenIdBackend"]
        link, _ = invited(workspace)
        browser = Client()

        def by_company(address):
            return browser.get(company.confirm(browser.get(address)["Location"], "eve"))

        assert "/admin/sign-in/company/?invited=1" in browser.get(link).content.decode()
        assert by_company("/admin/sign-in/company/").status_code == 403  # she has looked at it, and not accepted it
        assert by_company("/admin/sign-in/company/?invited=1").status_code == 302
        assert browser.get(HOME).status_code == 200
        membership = Membership.objects.get(workspace=workspace)
        assert (membership.user, membership.role) == (ExternalIdentity.objects.get().user, "admin")
        assert nothing_to_open(link)
        browser.post(reverse("admin:logout"))
        assert by_company("/admin/sign-in/company/").status_code == 302
        assert Membership.objects.filter(workspace=workspace).count() == 1


def test_local_sign_in_off__no_account_with_a_password_is_made(workspace, settings):
    link, _ = invited(workspace)
    settings.CONFIDENCE_LOCAL_SIGN_IN = False
    settings.CONFIDENCE_OIDC_ISSUER = "https://login.example.org"
    assert "password1" not in Client().get(link).content.decode()
    assert Client().post(link, {"username": "dana", **PASSWORDS}).status_code == 403
    assert not User.objects.filter(username="dana").exists()


def test_two_browsers_with_one_link__one_comes_in(workspace):
    _, token = invite(actor=SuperuserFactory(), workspace=workspace, name="Dana")
    link = reverse("admin:invitation", args=[token])
    first, second = signed_in(UserFactory()), signed_in(UserFactory())
    replies = sorted(browser.post(link).status_code for browser in (first, second))
    assert replies == [302, 404]
    assert Membership.objects.filter(workspace=workspace).count() == 1


def test_user_page__says_where_somebody_belongs_and_lists_no_permissions(workspace):
    person = admin_of(workspace)
    shown = signed_in(SuperuserFactory()).get(reverse("admin:auth_user_change", args=[person.pk]))
    assert "Risk (admin)" in words(shown)
    assert 'name="user_permissions"' not in shown.content.decode()
    assert 'name="groups"' not in shown.content.decode()


def test_account_made_on_its_page__may_sign_in(workspace):
    superuser = signed_in(SuperuserFactory())
    superuser.post(reverse("admin:auth_user_add"), {"username": "frank", "usable_password": "true", **PASSWORDS})
    browser = Client()
    browser.post("/admin/login/", {"username": "frank", "password": PASSWORDS["password1"]})
    assert browser.get(HOME).status_code == 200


def test_membership__of_an_account_without_the_desk__opens_the_desk__and_of_a_deactivated_one_is_refused(workspace):
    superuser = signed_in(SuperuserFactory())
    stranger, gone = UserFactory(is_staff=False), UserFactory(is_active=False)
    for person, status in ((stranger, 302), (gone, 200)):
        filled = {"workspace": workspace.pk, "user": person.pk, "role": "admin"}
        assert superuser.post(url(Membership, "add"), filled).status_code == status
    stranger.refresh_from_db()
    assert stranger.is_staff
    assert not gone.memberships.exists()
