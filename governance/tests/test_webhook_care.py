"""Webhooks over the years: secrets that are rotated, receivers that are gone, messages that are pruned."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from freezegun import freeze_time
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from confidence_project.foundation.errors import Conflict, NotFound, PermissionRefused
from governance.controls.services import engage_kill_switch
from governance.models import WebhookDelivery, WebhookEndpoint
from governance.tests.browser import page, signed_in, text, url, words
from governance.tests.factories import WorkspaceFactory, admin_of, viewer_of
from governance.tests.receiver import receiving
from governance.webhooks.delivery import deliver_webhook
from governance.webhooks.services import (
    add_webhook_endpoint,
    leave_webhook_endpoint_off,
    prune_webhooks,
    redeliver_webhook,
    rotate_webhook_secret,
    switch_webhook_endpoint,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings):
    settings.CONFIDENCE_WEBHOOK_HOSTS = ["127.0.0.1"]
    settings.CONFIDENCE_WEBHOOK_ALLOW_PRIVATE = True
    with receiving() as server:
        yield server


@pytest.fixture
def endpoint(receiver):
    workspace = WorkspaceFactory()
    events = ["kill_switch.engaged"]
    return add_webhook_endpoint(actor=admin_of(workspace), workspace=workspace, url=receiver.url, events=events)[0]


def acting(endpoint):
    return {"actor": admin_of(endpoint.workspace), "workspace": endpoint.workspace, "endpoint_id": endpoint.pk}


def send(endpoint, policy_key=""):
    """Have an event happen and make one attempt at its message."""
    workspace = endpoint.workspace
    engage_kill_switch(actor=admin_of(workspace), workspace=workspace, reason="Smoke", policy_key=policy_key)
    delivery = WebhookDelivery.objects.first()
    deliver_webhook.call(delivery.pk)
    delivery.refresh_from_db()
    return delivery


def accepts(secret, request):
    headers, body = request
    try:
        return bool(Webhook(secret).verify(body, headers))
    except WebhookVerificationError:
        return False


def test_rotation__both_secrets_verify_until_the_old_one_expires(endpoint, receiver, settings):
    settings.CONFIDENCE_WEBHOOK_OVERLAP_HOURS = 24
    old = endpoint.secret
    endpoint, new = rotate_webhook_secret(**acting(endpoint))
    assert old != new
    send(endpoint)
    [(headers, _)] = receiver.requests
    signatures = headers["webhook-signature"].split(" ")
    assert [signature[:3] for signature in signatures] == ["v1,", "v1,"]
    assert [accepts(secret, receiver.requests[0]) for secret in (new, old)] == [True, True]
    # The times of the messages are what the library checks: it looks at the clock, too.
    with freeze_time(timezone.now() + timedelta(hours=24, seconds=1)):
        send(endpoint, "decision_gate")
        assert [accepts(secret, receiver.requests[1]) for secret in (new, old)] == [True, False]


def test_rotation__twice_in_the_overlap__the_oldest_is_void(endpoint, receiver):
    oldest = endpoint.secret
    _, old = rotate_webhook_secret(**acting(endpoint))
    _, new = rotate_webhook_secret(**acting(endpoint))
    send(endpoint)
    assert [accepts(secret, receiver.requests[0]) for secret in (new, old, oldest)] == [True, True, False]


def test_rotation__at_once__the_old_secret_signs_nothing_any_more(endpoint, receiver):
    leaked = endpoint.secret
    _, new = rotate_webhook_secret(**acting(endpoint), at_once=True)
    send(endpoint)
    assert [accepts(secret, receiver.requests[0]) for secret in (new, leaked)] == [True, False]
    assert leaked not in str(WebhookEndpoint.objects.values().get())


def test_rotation__page__shows_the_secret_once_and_history_holds_none(endpoint):
    client = signed_in(admin_of(endpoint.workspace))
    assert client.get(page(endpoint, "rotate")).status_code == 200
    response = client.post(page(endpoint, "rotate"))
    endpoint.refresh_from_db()
    assert endpoint.secret in text(response)
    assert "signs beside it until" in words(response)
    for address in [page(endpoint), page(endpoint, "history"), url(WebhookEndpoint, "changelist")]:
        shown = text(client.get(address))
        assert endpoint.secret not in shown
        assert endpoint.previous_secret not in shown
    assert endpoint.secret not in str(list(endpoint.workspace.history.values()))


@pytest.mark.parametrize("act", [rotate_webhook_secret, leave_webhook_endpoint_off])
def test_acts__viewer_or_stranger__may_not(endpoint, act):
    with pytest.raises(PermissionRefused):
        act(**acting(endpoint) | {"actor": viewer_of(endpoint.workspace)})
    own = WorkspaceFactory()
    with pytest.raises(NotFound):
        act(actor=admin_of(own), workspace=own, endpoint_id=endpoint.pk)


def test_receiver_is_gone__410_switches_it_off__with_a_reason_that_waits_for_a_review(endpoint, receiver):
    receiver.status = 410
    delivery = send(endpoint)
    assert (delivery.status, delivery.attempts, delivery.last_result) == ("FAILED", 1, "HTTP 410")
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.needs_review) == (False, True)
    send_nothing = WebhookDelivery.objects.count()
    engage_kill_switch(
        actor=admin_of(endpoint.workspace), workspace=endpoint.workspace, reason="Smoke", policy_key="decision_gate"
    )
    assert WebhookDelivery.objects.count() == send_nothing
    client = signed_in(admin_of(endpoint.workspace))
    assert "Gone: needs a review" in words(client.get(url(WebhookEndpoint, "changelist") + "?needs_review__exact=1"))
    assert "answered HTTP 410" in words(client.get(page(endpoint)))
    assert endpoint.workspace.history.filter(kind="webhook.gone", actor_name="").exists()


def test_review_of_a_gone_endpoint__left_off_or_switched_on_again(endpoint, receiver):
    receiver.status = 410
    delivery = send(endpoint)
    client = signed_in(admin_of(endpoint.workspace))
    assert client.post(page(endpoint, "leave-off")).status_code == 302
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.needs_review) == (False, False)
    assert endpoint.off_reason
    with pytest.raises(Conflict):
        leave_webhook_endpoint_off(**acting(endpoint))
    receiver.status = 204
    endpoint = switch_webhook_endpoint(**acting(endpoint), is_active=True)
    assert (endpoint.is_active, endpoint.off_reason) == (True, "")
    actor = admin_of(endpoint.workspace)
    redeliver_webhook(actor=actor, workspace=endpoint.workspace, delivery_id=delivery.pk)
    deliver_webhook.call(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.status == "DELIVERED"


def test_list__endpoint_that_fails__says_so_with_its_last_answer(endpoint, receiver):
    receiver.status = 500
    send(endpoint)
    shown = words(signed_in(admin_of(endpoint.workspace)).get(url(WebhookEndpoint, "changelist")))
    assert "On, but failing" in shown
    assert "HTTP 500, 0" in shown


def test_prune__old_and_settled__is_deleted__what_waits_or_is_young_stays(endpoint, receiver, settings):
    settings.CONFIDENCE_WEBHOOK_KEEP_DAYS = 30
    old = timezone.now() - timedelta(days=31)
    _delivered, given_up, waiting, young = (
        send(endpoint, key) for key in ("", "decision_gate", "confidence_gate", "followup.auto_book")
    )
    WebhookDelivery.objects.exclude(pk=young.pk).update(last_attempt_at=old, created_at=old)
    WebhookDelivery.objects.filter(pk=given_up.pk).update(status="FAILED")
    WebhookDelivery.objects.filter(pk=waiting.pk).update(status="PENDING")
    assert run("prune_webhooks") == "2 message(s) deleted.\n"
    assert set(WebhookDelivery.objects.all()) == {waiting, young}
    assert run("prune_webhooks") == "0 message(s) deleted.\n"
    assert run("prune_webhooks", "--days", "0") == "1 message(s) deleted.\n"
    assert list(WebhookDelivery.objects.all()) == [waiting]


def test_prune__more_than_a_batch__deletes_them_all(endpoint):
    for key in ("", "decision_gate", "confidence_gate"):
        send(endpoint, key)
    assert prune_webhooks(days=0, batch=2) == 3


def test_prune__negative_days__says_so():
    with pytest.raises(CommandError, match="negative"):
        run("prune_webhooks", "--days", "-1")


def run(*args):
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()
