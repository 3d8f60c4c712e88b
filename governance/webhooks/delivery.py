"""Sending what the outbox holds: attempts with growing pauses, each claimed by a compare-and-swap.

At least once: a process that dies after the receiver took the message sends it again, with the same message id. The
row says when the next attempt is due, so that nothing depends on a queued task: what a crash lost between commit and
queue, or with its worker, `deliver_overdue` finds.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from http import HTTPStatus

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django_tasks import task
from standardwebhooks.webhooks import Webhook

from confidence_project.foundation.outbound import NotReached
from governance.history import record_change
from governance.models import WebhookDelivery, WebhookEndpoint, WorkspaceEvent
from governance.webhooks.transport import is_success, post

log = logging.getLogger(__name__)

Status = WebhookDelivery.Status

MAX_ATTEMPTS = 8
FIRST_PAUSE = timedelta(seconds=30)
PAUSE_FACTOR = 4
"""30 s, 2 min, 8 min, 32 min, 2 h, 9 h, 34 h: a receiver may be away for about two days."""

OVERDUE = timedelta(minutes=1)
"""Due for so long without an attempt: no task is coming."""

ENDPOINT_OFF = "endpoint switched off"
GONE_REASON = "The receiver answered HTTP 410: it is gone, and wants no more messages."


@task()
def deliver_webhook(delivery_id: int) -> None:
    """Make one attempt at a delivery that is due; do nothing for one that is not, or that somebody else is at."""
    delivery = _claim(delivery_id)
    if delivery is not None:
        _settle(delivery, *_attempt(delivery))


def deliver_overdue(*, limit: int = 1000) -> int:
    """Make an attempt at each delivery that no task came for; return how many there were."""
    overdue = WebhookDelivery.objects.filter(status=Status.PENDING, next_attempt_at__lte=timezone.now() - OVERDUE)
    delivery_ids = list(overdue.order_by("next_attempt_at").values_list("pk", flat=True)[:limit])
    for delivery_id in delivery_ids:
        deliver_webhook.call(delivery_id)
    return len(delivery_ids)


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many failed attempts."""
    return FIRST_PAUSE * float(PAUSE_FACTOR) ** (attempts - 1)


def _claim(delivery_id: int) -> WebhookDelivery | None:
    now = timezone.now()
    due = WebhookDelivery.objects.filter(pk=delivery_id, status=Status.PENDING, next_attempt_at__lte=now)
    seen = due.select_related("endpoint").first()
    if seen is None:
        return None
    # Should this process die, the delivery is due again after the attempt must have ended.
    lease = timedelta(seconds=settings.CONFIDENCE_WEBHOOK_TIMEOUT_SECONDS) + OVERDUE
    unclaimed = due.filter(attempts=seen.attempts, next_attempt_at=seen.next_attempt_at)
    if unclaimed.update(attempts=F("attempts") + 1, last_attempt_at=now, next_attempt_at=now + lease) != 1:
        return None
    seen.refresh_from_db(fields=["attempts", "last_attempt_at", "next_attempt_at"])
    return seen


def _attempt(delivery: WebhookDelivery) -> tuple[Status, str]:
    """Send, and return what the delivery is now, with the result in a few words."""
    if not delivery.endpoint.is_active:
        return Status.FAILED, ENDPOINT_OFF
    try:
        status = post(delivery.endpoint.url, delivery.payload.encode(), _headers(delivery, timezone.now()))
    except NotReached as error:
        result = str(error)
    else:
        result = f"HTTP {status}"
        if is_success(status):
            return Status.DELIVERED, result
        if status == HTTPStatus.GONE:
            _switch_off(delivery.endpoint)
            return Status.FAILED, result
    return Status.FAILED if delivery.attempts >= MAX_ATTEMPTS else Status.PENDING, result


def _switch_off(endpoint: WebhookEndpoint) -> None:
    """As Standard Webhooks has it: 410 ends an endpoint. A person looks at it before it is told anything again."""
    with transaction.atomic():
        active = WebhookEndpoint.objects.filter(pk=endpoint.pk, is_active=True)
        if active.update(is_active=False, off_reason=GONE_REASON, needs_review=True) == 1:
            record_change(WorkspaceEvent.Kind.WEBHOOK_GONE, endpoint.workspace, None, subject=endpoint.name)


def _headers(delivery: WebhookDelivery, at: datetime) -> dict[str, str]:
    """Return the headers of a message; its signatures stand in one of them, a space apart, one for each secret."""
    signatures = [
        Webhook(secret).sign(delivery.message_id, at, delivery.payload) for secret in delivery.endpoint.secrets_at(at)
    ]
    return {
        "Content-Type": "application/json",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _settle(delivery: WebhookDelivery, status: Status, result: str) -> None:
    at = timezone.now() + pause_after(delivery.attempts)
    # Conditional: whoever asked for another delivery meanwhile has set the row anew.
    claimed = WebhookDelivery.objects.filter(pk=delivery.pk, next_attempt_at=delivery.next_attempt_at)
    if claimed.update(status=status, last_result=result, next_attempt_at=at) == 1 and status == Status.PENDING:
        deliver_webhook.using(run_after=at).enqueue(delivery.pk)
    log.info("webhook %s, attempt %d: %s", delivery.message_id, delivery.attempts, result)
