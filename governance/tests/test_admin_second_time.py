"""What the pages say to somebody who comes a second time, or too late: nothing is done twice, and nobody is misled."""

from __future__ import annotations

import html
import re

import pytest
from django.urls import reverse
from knox.models import AuthToken

from governance.models import ApiKey, ConfidencePolicyRevision, WebhookEndpoint
from governance.tests.browser import page, signed_in, text, url, words
from governance.tests.factories import (
    SuperuserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    pending,
    viewer_of,
)

pytestmark = pytest.mark.django_db


def form_name(client, address):
    """The name that the form of a page carries."""
    return re.search(r'name="form_sent_once" value="([^"]+)"', text(client.get(address))).group(1)


def sent_twice(client, address, **fields):
    data = {**fields, "form_sent_once": form_name(client, address)}
    return client.post(address, data), client.post(address, data)


def test_api_key__page_loaded_again__the_key_is_issued_once_and_the_page_says_so():
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    first, again = sent_twice(
        client, reverse("admin:governance_apikey_add"), workspace=workspace.pk, name="host", scopes=["read"]
    )
    assert "shown once" in text(first)
    assert ApiKey.objects.count() == 1
    assert again.status_code == 409
    assert "This was done already" in words(again)
    assert "cannot be shown again" in words(again)


def test_api_key__the_form_opened_anew__another_key():
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    fields = {"workspace": workspace.pk, "name": "host", "scopes": ["read"]}
    for _ in range(2):
        address = reverse("admin:governance_apikey_add")
        client.post(address, {**fields, "form_sent_once": form_name(client, address)})
    assert ApiKey.objects.count() == 2


def test_api_key__refused_and_sent_again__is_issued():
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    address = reverse("admin:governance_apikey_add")
    name = form_name(client, address)
    client.post(address, {"workspace": workspace.pk, "name": "", "scopes": ["read"], "form_sent_once": name})
    client.post(address, {"workspace": workspace.pk, "name": "host", "scopes": ["read"], "form_sent_once": name})
    assert ApiKey.objects.count() == 1


def test_secret__nothing_of_it_in_the_session():
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    first, _ = sent_twice(
        client, reverse("admin:governance_apikey_add"), workspace=workspace.pk, name="host", scopes=["read"]
    )
    secret = re.search(r'class="secret">([^<]+)<', text(first)).group(1)
    assert secret not in str(dict(client.session))


def test_token__page_loaded_again__one_token():
    client = signed_in(SuperuserFactory())
    _, again = sent_twice(client, reverse("admin:knox_authtoken_add"))
    assert (AuthToken.objects.count(), again.status_code) == (1, 409)


def test_webhook_secret__page_loaded_again__one_endpoint_and_one_rotation(settings):
    settings.CONFIDENCE_WEBHOOK_HOSTS = ["hooks.example.org"]
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    _, again = sent_twice(
        client,
        reverse("admin:governance_webhookendpoint_add"),
        workspace=workspace.pk,
        url="https://hooks.example.org/a",
        form="standard",
        events=["proposal.opened"],
    )
    endpoint = WebhookEndpoint.objects.get()
    assert again.status_code == 409
    _, again = sent_twice(client, page(endpoint, "rotate"))
    assert again.status_code == 409
    rotated = WebhookEndpoint.objects.get()
    assert rotated.previous_secret == endpoint.secret


def test_approve__opened_in_a_second_tab_after_it_was_done__says_who_did_it_and_what_is_next():
    workspace = WorkspaceFactory()
    proposal, admin = pending(workspace), admin_of(workspace)
    client = signed_in(admin)
    client.post(page(proposal, "approve"), {"acknowledge_large_step": "on"})
    response = client.get(page(proposal, "approve"))
    assert response.status_code == 409
    assert "You may not do this" not in words(response)
    assert "This proposal was approved by you" in words(response)
    assert "It waits to be applied." in words(response)
    others = signed_in(admin_of(workspace)).get(page(proposal, "approve"))
    assert f"approved by {admin.get_username()}" in words(others)


def test_roll_back__done__lands_on_the_policy_where_it_says_what_is_in_force():
    workspace = WorkspaceFactory()
    applied(workspace, 0.8)
    baseline = ConfidencePolicyRevision.objects.get(version=0)
    data = {"reason": "It holds too little back.", f"version_seen_{baseline.pk}": 1}
    response = signed_in(SuperuserFactory()).post(page(baseline, "roll-back"), data, follow=True)
    assert response.redirect_chain[-1][0] == page(baseline.policy)
    assert "“Confidence gate: version 0”: brought back." in words(response)
    assert "Version 2" in words(response)


def test_approved__the_message_names_the_proposal_and_not_what_it_was():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    response = signed_in(admin_of(workspace)).post(
        page(proposal, "approve"), {"acknowledge_large_step": "on"}, follow=True
    )
    assert f"“Confidence gate: proposal {proposal.pk}”: approved." in words(response)


@pytest.mark.parametrize("app", ["governance", "calibration", "ledger", "telemetry", "auth"])
def test_address_of_an_app__member__is_led_home(app):
    client = signed_in(viewer_of(WorkspaceFactory()))
    assert client.get(f"/admin/{app}/")["Location"] == reverse("admin:index")


def test_breadcrumbs__lists_and_rows__name_the_page_as_the_menu_does_and_no_app():
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    client = signed_in(admin_of(workspace))
    crumbs = r'<div class="breadcrumbs">(.*?)</div>'
    row = re.search(crumbs, text(client.get(page(proposal)))).group(1)
    said = html.unescape(re.sub(r"<[^>]*>", " ", row)).split()
    assert said == f"Home › Proposals › Confidence gate: proposal {proposal.pk}".split()
    listed = re.search(crumbs, text(client.get(url(type(proposal), "changelist")))).group(1)
    assert "Governance" not in listed
    assert "Proposals" in listed
