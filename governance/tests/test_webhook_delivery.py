"""Webhooks on their way: signed, retried, never lost, over real HTTP to a host that verifies and misbehaves."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from confidence_project.foundation.errors import Conflict
from governance.controls.services import engage_kill_switch, release_kill_switch
from governance.models import WebhookDelivery, WebhookEndpoint
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, applied, pending
from governance.tests.receiver import receiving
from governance.tests.workers import work_off, worker_process
from governance.webhooks.delivery import MAX_ATTEMPTS, deliver_webhook
from governance.webhooks.services import add_webhook_endpoint, redeliver_webhook, switch_webhook_endpoint
from governance.workflow import reject_confidence_policy_proposal, rollback_confidence_policy_revision

pytestmark = pytest.mark.django_db(transaction=True)
Status = WebhookDelivery.Status
LOCAL = {"CONFIDENCE_WEBHOOK_HOSTS": ["127.0.0.1"], "CONFIDENCE_WEBHOOK_ALLOW_PRIVATE": True}


@pytest.fixture
def receiver(settings):
    for name, value in LOCAL.items():
        setattr(settings, name, value)
    settings.CONFIDENCE_WEBHOOK_TIMEOUT_SECONDS = 5.0
    with receiving() as server:
        yield server


@pytest.fixture
def workspace():
    return WorkspaceFactory()


def endpoint_of(workspace, receiver, events=WebhookEndpoint.Event.values):
    return add_webhook_endpoint(actor=admin_of(workspace), workspace=workspace, url=receiver.url, events=events)


def engage(workspace, **fields):
    return engage_kill_switch(actor=admin_of(workspace), workspace=workspace, reason="Smoke in the hall", **fields)


def pass_time():
    """As if the next attempt of everything that waits were overdue."""
    WebhookDelivery.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=2))


def test_apply__each_step_is_told__signed_with_ids_and_versions(workspace, receiver):
    _, secret = endpoint_of(workspace, receiver)
    revision = applied(workspace)
    work_off()
    messages = receiver.verified(secret)
    assert [message["type"] for message in messages] == ["proposal.opened", "proposal.approved", "proposal.applied"]
    assert messages[-1]["data"] == {
        "workspace": workspace.slug,
        "policy_key": revision.policy_key,
        "proposal_id": revision.proposal_id,
        "origin": "calibration",
        "status": "APPLIED",
        "base_version": 0,
        "break_glass": False,
        "url": f"http://localhost:8000/admin/governance/confidencepolicyproposal/{revision.proposal_id}/change/",
    }
    assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 3
    assert set(WebhookDelivery.objects.values_list("status", "attempts", "last_result")) == {
        (Status.DELIVERED, 1, "HTTP 204")
    }


def test_roll_back_and_kill_switch__are_told(workspace, receiver):
    first, actor = applied(workspace), SuperuserFactory()
    applied(workspace, 0.7)
    _, secret = endpoint_of(workspace, receiver)
    rollback_confidence_policy_revision(actor=actor, workspace=workspace, revision_id=first.pk, reason="Worse")
    engage(workspace)
    release_kill_switch(actor=actor, workspace=workspace, reason="Nothing burns")
    work_off()
    told = [(message["type"], message["data"]["policy_key"]) for message in receiver.verified(secret)]
    assert told == [
        ("policy.rolled_back", first.policy_key),
        ("kill_switch.engaged", None),
        ("kill_switch.released", None),
    ]
    assert receiver.verified(secret)[0]["data"].items() >= {"version": 3, "restored_version": 1}.items()


def test_message__holds_nothing_that_a_person_wrote(workspace, receiver):
    endpoint_of(workspace, receiver)
    actor = admin_of(workspace)
    proposal = pending(workspace, title="Secret title", summary="Secret summary")
    reject_confidence_policy_proposal(actor=actor, workspace=workspace, proposal_id=proposal.pk, reason="Secret reason")
    engage(workspace)
    work_off()
    bodies = b"".join(body for _, body in receiver.requests)
    assert len(receiver.requests) == 3
    for text in ["Secret", "Smoke", actor.username]:
        assert text.encode() not in bodies


def test_event__endpoint_that_did_not_ask_or_of_another_workspace__is_not_told(workspace, receiver):
    endpoint_of(workspace, receiver, events=["proposal.applied"])
    endpoint_of(WorkspaceFactory(), receiver)
    engage(workspace)
    work_off()
    assert receiver.requests == []


def test_event__that_is_rolled_back__leaves_no_message(workspace, receiver):
    endpoint_of(workspace, receiver)
    engage(workspace)
    with pytest.raises(Conflict):
        engage(workspace)
    with transaction.atomic():
        engage(workspace, policy_key="confidence_gate")
        transaction.set_rollback(True)
    assert WebhookDelivery.objects.count() == 1


def test_receiver_answers_500__is_tried_again_later_with_the_same_id(workspace, receiver):
    _, secret = endpoint_of(workspace, receiver)
    receiver.status = 500
    engage(workspace)
    work_off()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.last_result) == (Status.PENDING, 1, "HTTP 500")
    assert timedelta(0) < delivery.next_attempt_at - delivery.last_attempt_at <= timedelta(seconds=40)
    waiting = DBTaskResult.objects.get(status="READY")
    assert waiting.run_after == delivery.next_attempt_at
    receiver.status = 200
    pass_time()
    DBTaskResult.objects.filter(pk=waiting.pk).update(run_after=timezone.now())
    work_off()
    assert WebhookDelivery.objects.get().status == Status.DELIVERED
    ids = [headers["webhook-id"] for headers, _ in receiver.requests]
    assert ids == [delivery.message_id] * 2
    assert receiver.verified(secret)[0] == receiver.verified(secret)[1] == json.loads(delivery.payload)


def test_receiver_stays_broken__pauses_grow_and_end(workspace, receiver):
    endpoint_of(workspace, receiver)
    receiver.status = 503
    engage(workspace)
    pauses = []
    for _ in range(MAX_ATTEMPTS):
        pass_time()
        call_command("deliver_webhooks")
        delivery = WebhookDelivery.objects.get()
        pauses.append((delivery.next_attempt_at - delivery.last_attempt_at).total_seconds())
    assert [round(later / sooner) for sooner, later in pairwise(pauses)] == [4] * (MAX_ATTEMPTS - 1)
    assert (delivery.status, delivery.attempts) == (Status.FAILED, MAX_ATTEMPTS)
    pass_time()
    call_command("deliver_webhooks")
    assert len(receiver.requests) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("behaviour", "result"),
    [("hang", "no reply in time"), ("trickle", "no reply in time"), ("garbage", "broken reply")],
)
def test_receiver_misbehaves__attempt_ends(workspace, receiver, settings, behaviour, result):
    settings.CONFIDENCE_WEBHOOK_TIMEOUT_SECONDS = 0.5
    endpoint_of(workspace, receiver)
    receiver.behaviour = behaviour
    engage(workspace)
    work_off()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.last_result) == (Status.PENDING, result)


def test_receiver_answers_without_end__the_body_is_not_read(workspace, receiver):
    endpoint_of(workspace, receiver)
    receiver.behaviour = "endless_body"
    engage(workspace)
    work_off()
    assert WebhookDelivery.objects.get().status == Status.DELIVERED


def test_receiver_redirects__is_not_followed(workspace, receiver):
    endpoint_of(workspace, receiver)
    with receiving() as elsewhere:
        receiver.status, receiver.location = 307, elsewhere.url
        engage(workspace)
        work_off()
        assert elsewhere.requests == []
    assert WebhookDelivery.objects.get().last_result == "HTTP 307"


def test_receiver_is_gone__no_connection(workspace, receiver):
    endpoint, _ = endpoint_of(workspace, receiver)
    with receiving() as gone:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=gone.url)
    engage(workspace)
    work_off()
    assert WebhookDelivery.objects.get().last_result == "no connection"


def test_crash_between_commit_and_queue__the_sweep_finds_it(workspace, receiver, capsys):
    _, secret = endpoint_of(workspace, receiver)

    def engage_and_crash():
        with transaction.atomic():
            transaction.on_commit(sys.exit)
            engage(workspace)

    with pytest.raises(SystemExit):
        engage_and_crash()
    assert (WebhookDelivery.objects.count(), DBTaskResult.objects.count()) == (1, 0)
    call_command("deliver_webhooks")
    assert "0 overdue" in capsys.readouterr().out  # a task could still be coming
    pass_time()
    call_command("deliver_webhooks")
    assert "1 overdue" in capsys.readouterr().out
    assert [message["type"] for message in receiver.verified(secret)] == ["kill_switch.engaged"]


def test_worker_killed_in_the_middle__is_sent_again_under_the_same_id(workspace, receiver):
    endpoint_of(workspace, receiver)
    receiver.behaviour = "hang"
    engage(workspace)
    variables = {"CONFIDENCE_WEBHOOK_HOSTS": "127.0.0.1", "CONFIDENCE_WEBHOOK_ALLOW_PRIVATE": "1"}
    with worker_process(**variables) as worker:
        while not receiver.requests:
            assert worker.poll() is None
            time.sleep(0.05)
        worker.kill()
    receiver.behaviour = "answer"
    work_off()
    assert WebhookDelivery.objects.get().status == Status.PENDING
    pass_time()
    call_command("deliver_webhooks")
    assert WebhookDelivery.objects.get().status == Status.DELIVERED
    assert len(receiver.requests) == 2
    assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 1


def test_same_delivery__many_at_once__is_sent_once(workspace, receiver):
    endpoint_of(workspace, receiver)
    engage(workspace)
    delivery_id = WebhookDelivery.objects.get().pk

    def deliver(_):
        try:
            deliver_webhook.call(delivery_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deliver, range(8)))
    assert len(receiver.requests) == 1


def test_attempt_is_on_its_way__a_second_sweep__leaves_it_alone(workspace, receiver, capsys):
    endpoint_of(workspace, receiver)
    receiver.behaviour = "answer_when_released"
    engage(workspace)
    pass_time()

    def sweep():
        try:
            call_command("deliver_webhooks")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(sweep)
        while not receiver.requests:
            assert not first.done()
            time.sleep(0.01)
        call_command("deliver_webhooks")
        # A task that was queued for the same delivery meets the lease, too.
        deliver_webhook.call(WebhookDelivery.objects.get().pk)
        receiver.released.set()
        first.result()
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "0 overdue webhook(s) attempted.",
        "1 overdue webhook(s) attempted.",
    ]
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts, len(receiver.requests)) == (Status.DELIVERED, 1, 1)


def test_endpoint_switched_off__what_waits_is_given_up_and_nothing_new_is_written(workspace, receiver):
    endpoint, _ = endpoint_of(workspace, receiver)
    engage(workspace)
    switch_webhook_endpoint(actor=admin_of(workspace), workspace=workspace, endpoint_id=endpoint.pk, is_active=False)
    engage(workspace, policy_key="confidence_gate")
    work_off()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.last_result, receiver.requests) == (Status.FAILED, "endpoint switched off", [])
    with pytest.raises(Conflict):
        redeliver_webhook(actor=admin_of(workspace), workspace=workspace, delivery_id=delivery.pk)


def test_redeliver__given_up__starts_anew(workspace, receiver):
    endpoint_of(workspace, receiver)
    engage(workspace)
    WebhookDelivery.objects.update(status=Status.FAILED, attempts=MAX_ATTEMPTS)
    work_off()
    assert receiver.requests == []
    redeliver_webhook(actor=admin_of(workspace), workspace=workspace, delivery_id=WebhookDelivery.objects.get().pk)
    work_off()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts, len(receiver.requests)) == (Status.DELIVERED, 1, 1)
