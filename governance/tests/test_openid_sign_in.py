"""Signing in with the company's identity, over HTTP, against a provider that runs in a process of its own."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from governance.access import second_factor, tokens
from governance.models import ExternalIdentity, GroupGrant, Membership, SignIn, WorkspaceEvent
from governance.people.groups import let_group_in
from governance.tests.browser import page, signed_in, url, words
from governance.tests.factories import (
    PASSWORD,
    MembershipFactory,
    SuperuserFactory,
    UserFactory,
    WorkspaceFactory,
    admin_of,
)
from governance.tests.openid_provider import provider
from governance.workspaces import accounts

pytestmark = pytest.mark.django_db
BEGIN = "/admin/sign-in/company/"
CALLBACK = "/admin/sign-in/company/callback/"
HOME = reverse("admin:index")


@pytest.fixture(scope="module")
def running():
    with provider() as company:
        yield company


@pytest.fixture
def company(running, settings):
    """The company's provider, which knows alice of the group risk-admins, and the settings that name it."""
    settings.CONFIDENCE_OIDC_ISSUER = running.issuer
    settings.CONFIDENCE_OIDC_CLIENT_ID = "confidence"
    settings.CONFIDENCE_OIDC_CLIENT_SECRET = "a secret of the client"
    settings.CONFIDENCE_OIDC_NAME = "Example & Sons"
    settings.CONFIDENCE_OIDC_SUPERUSER_GROUP = "platform"
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "governance.access.openid.OpenIdBackend"]
    running.knows("alice", preferred_username="alice", email="alice@example.org", groups=["risk-admins", "staff"])
    running.lies()
    return running


@pytest.fixture
def workspace():
    workspace = WorkspaceFactory(slug="risk")
    let_group_in(actor=SuperuserFactory(), workspace=workspace, group="risk-admins", role="admin")
    return workspace


def sign_in(company, subject="alice", address=BEGIN, browser=None):
    """Return a browser that went to the provider and back, and the last reply."""
    browser = browser or Client()
    sent = browser.get(address)
    assert sent.status_code == 302, sent.content
    return browser, browser.get(company.confirm(sent["Location"], subject))


def is_in(browser):
    return browser.get(HOME).status_code == 200


def refused(reply, status, sentence):
    assert reply.status_code == status
    assert sentence in words(reply)
    assert not SignIn.objects.filter(method="openid").exists()
    return True


def test_begin__asks_with_state_nonce_and_pkce_and_keeps_the_secrets_here(company):
    sent = parse_qs(urlsplit(Client().get(BEGIN)["Location"]).query)
    assert sent["response_type"] == ["code"]
    assert sent["scope"] == ["openid profile email"]
    assert sent["code_challenge_method"] == ["S256"]
    assert sent["redirect_uri"] == [f"http://testserver{CALLBACK}"]
    assert all(len(sent[name][0]) >= 20 for name in ("state", "nonce", "code_challenge"))
    assert "code_verifier" not in sent


def test_first_sign_in__makes_the_account_with_what_its_groups_open(company, workspace):
    browser, reply = sign_in(company)
    assert (reply.status_code, reply["Location"]) == (302, HOME)
    assert is_in(browser)
    account = User.objects.get(username="alice")
    assert (account.email, account.is_superuser, account.has_usable_password()) == ("alice@example.org", False, False)
    assert [(each.workspace, each.role, each.from_group) for each in account.memberships.all()] == [
        (workspace, "admin", True)
    ]
    known = ExternalIdentity.objects.get()
    assert (known.user, known.issuer, known.subject) == (account, company.issuer, "alice")
    event = WorkspaceEvent.objects.filter(kind="member.added").get()
    assert (event.subject, event.actor_name) == ("alice", "")
    assert event.after == {"role": "admin", "given_by": "a group of the company"}
    entry = SignIn.objects.get()
    assert (entry.actor_name, entry.method, entry.second_factor, entry.as_superuser) == (
        "alice",
        "openid",
        False,
        False,
    )


def test_second_sign_in__is_the_same_account_whatever_its_name_and_address_are_now(company, workspace):
    sign_in(company)
    company.knows("alice", preferred_username="alice.b", email="alice.b@example.org", groups=["risk-admins"])
    browser, _ = sign_in(company)
    assert is_in(browser)
    account = User.objects.get(username="alice")
    assert account.email == "alice.b@example.org"
    assert User.objects.filter(memberships__workspace=workspace).count() == 1


def test_address_and_name_of_an_account_here__open_nothing_of_it(company, workspace):
    root = SuperuserFactory(username="root", email="root@example.org")
    company.knows("mallory", preferred_username="ROOT", email="root@example.org", groups=["risk-admins"])
    browser, _ = sign_in(company, "mallory")
    assert is_in(browser)
    made = ExternalIdentity.objects.get().user
    assert made != root
    assert (made.username, made.is_superuser) == ("ROOT-2", False)


@pytest.mark.parametrize("groups", [{}, {"groups": []}, {"groups": ["staff"]}, {"groups": {"risk-admins": True}}])
def test_no_group_that_opens_anything__no_account_and_no_access(company, workspace, groups):
    company.knows("bob", preferred_username="bob", **groups)
    browser, reply = sign_in(company, "bob")
    assert refused(reply, 403, "none of your groups opens a workspace here")
    assert not is_in(browser)
    assert not User.objects.filter(username="bob").exists()


def test_group_that_is_gone__takes_its_membership_and_every_session_and_token(company, workspace):
    elsewhere, _ = sign_in(company)
    account = User.objects.get(username="alice")
    tokens.issue_token(actor=account)
    company.knows("alice", groups=["staff"])
    browser, reply = sign_in(company)
    assert reply.status_code == 403
    assert not is_in(browser)
    assert not is_in(elsewhere)
    assert not Membership.objects.filter(user=account).exists()
    assert not AuthToken.objects.exists()
    gone = WorkspaceEvent.objects.filter(kind="member.removed").get()
    assert (gone.before, gone.after) == ({"role": "admin"}, {"taken_by": "a group of the company"})


def test_groups__the_stronger_role_holds_and_a_change_is_followed(company, workspace):
    let_group_in(actor=SuperuserFactory(), workspace=workspace, group="risk-readers", role="viewer")
    company.knows("alice", groups=["risk-readers", "risk-admins"])
    sign_in(company)
    membership = Membership.objects.get(user__username="alice")
    assert membership.role == "admin"
    company.knows("alice", groups=["risk-readers"])
    sign_in(company)
    membership.refresh_from_db()
    assert membership.role == "viewer"
    changed = WorkspaceEvent.objects.filter(kind="member.role_changed").get()
    assert (changed.before, changed.after["role"]) == ({"role": "admin"}, "viewer")


def test_membership_that_was_given_by_hand__stays_as_it_is(company, workspace):
    sign_in(company)
    account = User.objects.get(username="alice")
    other = MembershipFactory(user=account, role="admin").workspace
    let_group_in(actor=SuperuserFactory(), workspace=other, group="staff", role="viewer")
    company.knows("alice", groups=["staff"])
    browser, _ = sign_in(company)
    assert is_in(browser)
    assert [(each.workspace, each.role, each.from_group) for each in account.memberships.all()] == [
        (other, "admin", False)
    ]


def test_superuser__only_by_the_group_of_the_settings_and_only_while_in_it(company, workspace):
    company.knows("carol", preferred_username="carol", groups=["platform"])
    browser, _ = sign_in(company, "carol")
    assert is_in(browser)
    assert User.objects.get(username="carol").is_superuser
    assert SignIn.objects.get().as_superuser
    company.knows("carol", groups=["risk-admins"])
    sign_in(company, "carol")
    assert not User.objects.get(username="carol").is_superuser


def test_superuser_by_hand__is_none_of_the_providers_business(company, workspace):
    sign_in(company)
    User.objects.filter(username="alice").update(is_superuser=True)
    sign_in(company)
    assert User.objects.get(username="alice").is_superuser


def test_deactivated_account__is_refused(company, workspace):
    sign_in(company)
    account = User.objects.get(username="alice")
    account.is_active = False
    accounts.save_account(actor=SuperuserFactory(), account=account)
    browser, reply = sign_in(company)
    assert reply.status_code == 403
    assert "deactivated" in words(reply)
    assert not is_in(browser)


NOW = int(time.time())
LIES = {
    "for another client": {"claims": {"aud": "another-client"}},
    "for another client, by way of ours": {"claims": {"aud": "another-client", "azp": "confidence"}},
    "of another issuer": {"claims": {"iss": "https://elsewhere.example"}},
    "another nonce": {"claims": {"nonce": "another"}},
    "no nonce": {"without": ["nonce"]},
    "over": {"claims": {"exp": NOW - 3600, "iat": NOW - 7200}},
    "no end": {"without": ["exp"]},
    "nobody": {"without": ["sub"]},
    "somebody without a name": {"claims": {"sub": ""}},
    "a subject that no database takes": {"claims": {"sub": "a\x00b"}},
    "another key": {"key": "another"},
    "no signature": {"key": "none"},
    "no token": {"without": ["id_token"]},
}


@pytest.mark.parametrize("lie", LIES)
def test_token_that_proves_nothing__signs_nobody_in(company, workspace, lie):
    company.lies(**LIES[lie])
    browser, reply = sign_in(company)
    assert refused(reply, 403, "could not be verified")
    assert not is_in(browser)
    assert not ExternalIdentity.objects.exists()


def test_callback__of_another_browser__signs_nobody_in(company, workspace):
    sent = Client().get(BEGIN)
    back = company.confirm(sent["Location"], "alice")
    assert refused(Client().get(back), 403, "begun in another browser")


def test_callback__twice__signs_in_once(company, workspace):
    browser = Client()
    back = company.confirm(browser.get(BEGIN)["Location"], "alice")
    assert browser.get(back).status_code == 302
    assert "begun in another browser" in words(browser.get(back))


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=x"])
def test_callback__of_no_sign_in__is_refused(company, query):
    assert refused(Client().get(CALLBACK + query), 403, "begun in another browser")


def test_callback__the_provider_says_no__says_so_without_its_words(company):
    reply = Client().get(f"{CALLBACK}?error=access_denied&error_description=<b>planted</b>&state=x")
    assert refused(reply, 403, "was cancelled, or your company's provider refused it")
    assert "planted" not in reply.content.decode()


def test_provider_that_is_away_or_another__is_said_and_nobody_is_signed_in(company, settings):
    for issuer in ("http://127.0.0.1:9", f"{company.issuer}/"):
        settings.CONFIDENCE_OIDC_ISSUER = issuer
        reply = Client().get(BEGIN)
        assert reply.status_code == 503
        assert "does not answer as it should" in words(reply)


@pytest.mark.parametrize(
    "wanted, led_to", [("/admin/definitions/", "/admin/definitions/"), ("https://evil.example/", HOME)]
)
def test_next__is_kept_when_it_is_of_this_site(company, workspace, wanted, led_to):
    _, reply = sign_in(company, address=f"{BEGIN}?next={wanted}")
    assert reply["Location"] == led_to


def test_session__gets_another_key(company, workspace):
    browser = Client()
    browser.get(BEGIN)
    key = browser.session.session_key
    sign_in(company, browser=browser)
    assert browser.session.session_key != key


def test_second_factor__said_by_the_provider__is_not_asked_for_again(company, workspace, settings):
    settings.CONFIDENCE_REQUIRE_SECOND_FACTOR = True
    company.knows("carol", preferred_username="carol", groups=["platform"], amr=["pwd", "mfa"])
    browser, _ = sign_in(company, "carol")
    assert is_in(browser)
    assert SignIn.objects.get().second_factor


def test_second_factor__not_said__is_set_up_here_then_shown_here(company, workspace, settings):
    settings.CONFIDENCE_REQUIRE_SECOND_FACTOR = True
    company.knows("carol", preferred_username="carol", groups=["platform"], amr=["pwd"], acr="1")
    browser, _ = sign_in(company, "carol")
    assert not is_in(browser)
    assert "Set up a second factor" in browser.get(HOME, follow=True).content.decode()
    carol = User.objects.get(username="carol")
    device = second_factor.begin_enrolment(person=carol)
    device.confirmed = True
    device.save()
    code = second_factor._new_recovery_codes(carol)[0]
    browser, _ = sign_in(company, "carol")
    assert not is_in(browser)
    asked = browser.get(HOME, follow=True)
    assert "without saying that it asked for a second factor" in words(asked)
    assert not is_in(browser)
    browser.post(reverse("admin:second_factor"), {"code": "wrong"})
    assert not is_in(browser)
    second_factor.StaticDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    assert browser.post(reverse("admin:second_factor"), {"code": code})["Location"] == HOME
    assert is_in(browser)


def test_sign_in_page__has_the_companys_button_and_the_form(company):
    shown = Client().get("/admin/login/?next=/admin/definitions/").content.decode()
    assert "Sign in with Example &amp; Sons" in shown
    assert f'href="{BEGIN}?next=%2Fadmin%2Fdefinitions%2F"' in shown
    assert 'name="password"' in shown


def test_without_a_provider__there_is_no_button_and_no_way(settings):
    assert "company" not in Client().get("/admin/login/").content.decode()
    assert Client().get(BEGIN).status_code == Client().get(CALLBACK).status_code == 404


def test_local_sign_in_off__no_password_opens_anything(company, workspace, settings):
    person = UserFactory()
    before = Client()
    before.post("/admin/login/", {"username": person.username, "password": PASSWORD})
    assert is_in(before)
    settings.CONFIDENCE_LOCAL_SIGN_IN = False
    settings.AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "governance.access.openid.OpenIdBackend"]
    assert 'name="password"' not in Client().get("/admin/login/").content.decode()
    browser = Client()
    browser.post("/admin/login/", {"username": person.username, "password": PASSWORD})
    assert not is_in(browser)
    assert not is_in(before)
    assert is_in(sign_in(company)[0])


def test_sign_out__says_that_the_session_at_the_provider_goes_on(company, workspace):
    browser, _ = sign_in(company)
    left = browser.post(reverse("admin:logout"))
    assert f'href="{company.issuer}/oauth2/end_session"' in left.content.decode()
    assert not is_in(browser)
    assert "end_session" not in signed_in(UserFactory()).post(reverse("admin:logout")).content.decode()


def test_local_sign_in__is_on_record_too():
    person = UserFactory()
    Client().post("/admin/login/", {"username": person.username, "password": PASSWORD})
    entry = SignIn.objects.get()
    assert (entry.actor_name, entry.method, entry.second_factor) == (person.username, "password", False)
    assert person.username in words(signed_in(SuperuserFactory()).get(url(SignIn, "changelist")))


def test_groups__are_let_in_and_withdrawn_by_superusers_alone(workspace):
    superuser = signed_in(SuperuserFactory())
    filled = {"workspace": workspace.pk, "group": "auditors", "role": "viewer"}
    assert signed_in(admin_of(workspace)).post(url(GroupGrant, "add"), filled).status_code == 403
    assert superuser.post(url(GroupGrant, "add"), filled).status_code == 302
    assert "let in already" in words(superuser.post(url(GroupGrant, "add"), filled))
    grant = GroupGrant.objects.get(group="auditors")
    assert "auditors" in words(signed_in(admin_of(workspace)).get(page(grant)))
    assert signed_in(admin_of(workspace)).post(page(grant, "withdraw")).status_code == 403
    superuser.post(page(grant, "withdraw"))
    assert not GroupGrant.objects.filter(group="auditors").exists()
    kinds = WorkspaceEvent.objects.filter(subject="auditors").values_list("kind", flat=True)
    assert list(kinds) == ["group.withdrawn", "group.granted"]
