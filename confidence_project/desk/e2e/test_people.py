"""How people come in, in a browser: by the company, by an invitation; and what they then see of themselves."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from confidence_project.desk.e2e.looking import WIDE, looked_at
from governance.models import Membership
from governance.people.groups import let_group_in
from governance.tests.openid_provider import provider

pytestmark = pytest.mark.browser


@pytest.fixture
def company(settings):
    with provider() as company:
        settings.CONFIDENCE_OIDC_ISSUER = company.issuer
        settings.CONFIDENCE_OIDC_CLIENT_ID = "confidence"
        settings.CONFIDENCE_OIDC_NAME = "Example & Sons"
        settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "governance.access.openid.OpenIdBackend"]
        yield company


def confirm_there(person, subject):
    """Fill the provider's own form in; what its page loads, and from where, is none of our business."""
    before = [each for each in person.complaints if each.startswith(person.base)]
    person.page.locator("input[name=sub]").fill(subject)
    person.page.locator("input[name=sub]").press("Enter")
    person.page.wait_for_url(f"{person.base}/**")
    person.complaints[:] = before


def test_company__signs_in_and_out(visitor, workspace, company):
    let_group_in(actor=User.objects.get(username="superuser"), workspace=workspace, group="post-room", role="admin")
    company.knows("alice", preferred_username="alice", groups=["post-room"])
    person = visitor(viewport=WIDE)
    person.open("/admin/definitions/")
    assert looked_at(person, "sign-in-company", keep=True) == []
    person.page.get_by_role("link", name="Sign in with Example & Sons").click()
    confirm_there(person, "alice")
    assert person.page.get_by_role("heading", name="Definitions").is_visible()
    assert Membership.objects.filter(user__username="alice", workspace=workspace, role="admin").exists()
    person.page.get_by_role("button", name="Log out").click()
    assert person.page.get_by_role("link", name="Sign out there, too").is_visible()
    assert looked_at(person, "signed-out-company") == []


def test_company__no_group_of_ours__says_what_to_ask_for(visitor, workspace, company):
    company.knows("bob", preferred_username="bob", groups=["elsewhere"])
    person = visitor(viewport=WIDE)
    person.open("/admin/sign-in/company/")
    confirm_there(person, "bob")
    person._forget_statuses()
    assert "none of your groups opens a workspace here" in person.page.get_by_role("main").inner_text()
    assert looked_at(person, "sign-in-refused") == []


def test_invitation__from_the_form_to_the_first_page(visitor, workspace):
    superuser = visitor("superuser", viewport=WIDE)
    superuser.open(reverse("admin:governance_invitation_add"))
    superuser.page.get_by_label("Workspace").select_option(label="Post room")
    superuser.page.get_by_label("Name").fill("Dana")
    superuser.page.get_by_label("Role").select_option("admin")
    superuser.page.get_by_role("button", name="Invite somebody").click()
    link = superuser.page.locator("code.secret").inner_text()
    assert looked_at(superuser, "invited") == []
    invited = visitor(viewport=WIDE)
    invited.open(re.sub(r"^https?://[^/]+", "", link))
    assert looked_at(invited, "invitation", keep=True) == []
    invited.page.get_by_label("Username").fill("dana")
    for label in ("Password:", "Password confirmation:"):
        invited.page.get_by_label(label, exact=True).fill("a-password-of-my-own")
    invited.page.get_by_role("button", name="Make the account and join").click()
    assert invited.page.get_by_role("heading", name="Decision desk").is_visible()
    invited.page.get_by_role("link", name="Notices").click()
    invited.page.get_by_label("Once a day, all in one").check()
    invited.page.get_by_role("button", name="Save").click()
    assert "Your notices were changed" in invited.page.get_by_role("main").inner_text()
    invited.open(reverse("admin:audit"))
    assert "Member added" in invited.page.get_by_role("main").inner_text()
    assert looked_at(invited, "audit", keep=True) == []
    invited.page.get_by_label("Kind").select_option("Imports")
    invited.page.get_by_role("button", name="Show").click()
    assert "Nobody did anything of the kind" in invited.page.get_by_role("main").inner_text()
    with invited.page.expect_download() as download:
        invited.page.get_by_role("button", name="Export as CSV").click()
    assert download.value.suggested_filename.startswith("audit-post-")
