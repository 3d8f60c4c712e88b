"""Webhooks in the admin: adding, the secret shown once, last deliveries, delivering again, who sees any of it."""

from __future__ import annotations

import pytest

from governance.controls.services import engage_kill_switch
from governance.models import WebhookDelivery, WebhookEndpoint
from governance.tests.browser import page, signed_in, text, url
from governance.tests.factories import WorkspaceFactory, admin_of, viewer_of
from governance.webhooks.services import add_webhook_endpoint

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.org/receive"


@pytest.fixture(autouse=True)
def _allowed(settings):
    settings.CONFIDENCE_WEBHOOK_HOSTS = ["hooks.example.org"]


@pytest.fixture
def workspace():
    return WorkspaceFactory()


@pytest.fixture
def delivery(workspace):
    admin = admin_of(workspace)
    add_webhook_endpoint(actor=admin, workspace=workspace, url=URL, events=["kill_switch.engaged"])
    engage_kill_switch(actor=admin, workspace=workspace, reason="Smoke")
    WebhookDelivery.objects.update(status="FAILED", attempts=8, last_result="HTTP 500")
    return WebhookDelivery.objects.get()


def rows(delivery):
    return [page(delivery), page(delivery.endpoint)]


def test_add__admin__the_secret_is_shown_once_and_never_again(workspace):
    client = signed_in(admin_of(workspace))
    data = {
        "workspace": workspace.pk,
        "url": URL,
        "events": ["proposal.opened", "proposal.applied"],
        "form": "standard",
    }
    response = client.post(url(WebhookEndpoint, "add"), data)
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.secret in text(response)
    assert (endpoint.url, endpoint.events) == (URL, ["proposal.applied", "proposal.opened"])
    for address in [url(WebhookEndpoint, "changelist"), page(endpoint), page(endpoint, "history")]:
        response = client.get(address)
        assert response.status_code == 200
        assert endpoint.secret not in text(response)


def test_add__host_that_is_not_allowed__says_so_and_stores_nothing(workspace):
    client = signed_in(admin_of(workspace))
    data = {
        "workspace": workspace.pk,
        "url": "https://elsewhere.example.org/",
        "events": ["proposal.opened"],
        "form": "standard",
    }
    assert "CONFIDENCE_WEBHOOK_HOSTS" in text(client.post(url(WebhookEndpoint, "add"), data))
    assert not WebhookEndpoint.objects.exists()


def test_endpoint__page__shows_the_last_deliveries(workspace, delivery):
    shown = text(signed_in(admin_of(workspace)).get(page(delivery.endpoint)))
    for what in ["kill_switch.engaged", "Given up", "HTTP 500", page(delivery), page(delivery, "redeliver")]:
        assert what in shown
    assert delivery.endpoint.secret not in shown


def test_redeliver__button__message_is_on_its_way_again(workspace, delivery):
    client = signed_in(admin_of(workspace))
    assert client.get(page(delivery, "redeliver")).status_code == 200
    delivery.refresh_from_db()
    assert delivery.status == "FAILED"
    assert client.post(page(delivery, "redeliver")).status_code == 302
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("PENDING", 0)


def test_switch__off_and_on_again(workspace, delivery):
    client, endpoint = signed_in(admin_of(workspace)), delivery.endpoint
    for verb, is_active in [("switch-off", False), ("switch-on", True)]:
        assert client.post(page(endpoint, verb)).status_code == 302
        endpoint.refresh_from_db()
        assert endpoint.is_active is is_active
        assert client.post(page(endpoint, verb)).status_code == 409


def test_viewer_and_stranger__find_nothing_and_may_nothing(workspace, delivery):
    for person in [viewer_of(workspace), admin_of(WorkspaceFactory())]:
        client = signed_in(person)
        assert [client.get(address).status_code for address in rows(delivery)] == [302, 302]
        assert client.post(page(delivery, "redeliver")).status_code == 404
        assert client.post(page(delivery.endpoint, "switch-off")).status_code == 404
        for model in [WebhookEndpoint, WebhookDelivery]:
            assert "hooks.example.org" not in text(client.get(url(model, "changelist")))
    data = {"workspace": workspace.pk, "url": URL, "events": ["proposal.opened"]}
    assert signed_in(viewer_of(workspace)).post(url(WebhookEndpoint, "add"), data).status_code == 403
    delivery.refresh_from_db()
    assert (delivery.status, delivery.endpoint.is_active, WebhookEndpoint.objects.count()) == ("FAILED", True, 1)
