"""Writes around webhooks: who is told, under which secret, and telling again."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from confidence_project.foundation.errors import AlreadySo, InvalidInput, NotFound, WrongState
from governance.access.permissions import Person, Verb, require
from governance.history import record_change
from governance.models import WebhookDelivery, WebhookEndpoint, Workspace, WorkspaceEvent
from governance.texts import clean_text
from governance.webhooks.delivery import deliver_webhook
from governance.webhooks.transport import RECEIVERS

Kind = WorkspaceEvent.Kind

URL_LENGTH = 500
SECRET_BYTES = 32


def add_webhook_endpoint(
    *,
    actor: Person,
    workspace: Workspace,
    url: str,
    events: Collection[str],
    form: str = WebhookEndpoint.Form.STANDARD,
) -> tuple[WebhookEndpoint, str]:
    """Have `url` told about events of the workspace; return the endpoint and its secret, to be shown once.

    Parameters
    ----------
    events
        Values of `WebhookEndpoint.Event`; at least one.
    form
        A value of `WebhookEndpoint.Form`: what the receiver takes.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`.
    InvalidInput
        The URL is not one that webhooks may go to, or an event or the form is not known.
    """
    require(Verb.OPERATE, actor, workspace)
    url = clean_text(url, name="URL", max_length=URL_LENGTH, required=True)
    RECEIVERS.check_url(url)
    if not events or not set(events) <= set(WebhookEndpoint.Event.values):
        raise InvalidInput(f"Name at least one of {', '.join(WebhookEndpoint.Event.values)}.")
    if form not in WebhookEndpoint.Form.values:
        raise InvalidInput(f"The form is one of {', '.join(WebhookEndpoint.Form.values)}.")
    secret = _new_secret()
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.create(
            workspace=workspace,
            url=url,
            secret=secret,
            events=sorted(set(events)),
            form=form,
            created_at=timezone.now(),
            created_by_id=actor.pk,
            created_by_name=actor.get_username(),
        )
        record_change(Kind.WEBHOOK_ADDED, workspace, actor, subject=endpoint.name, after={"events": endpoint.events})
    return endpoint, secret


def rotate_webhook_secret(
    *, actor: Person, workspace: Workspace, endpoint_id: int, at_once: bool = False
) -> tuple[WebhookEndpoint, str]:
    """Sign with a new secret from now on; return the endpoint and the secret, to be shown once.

    The old one signs beside it for `CONFIDENCE_WEBHOOK_OVERLAP_HOURS`, so that no message is lost while the receiver
    changes over. One that is in its own overlap still is void.

    Parameters
    ----------
    at_once
        The old secret is void now: it has leaked.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`.
    """
    require(Verb.OPERATE, actor, workspace)
    secret = _new_secret()
    overlap = timedelta(hours=0 if at_once else settings.CONFIDENCE_WEBHOOK_OVERLAP_HOURS)
    with transaction.atomic():
        endpoint = _endpoint(workspace, endpoint_id)
        endpoint.previous_secret = endpoint.secret if overlap else ""
        endpoint.previous_secret_expires_at = timezone.now() + overlap if overlap else None
        endpoint.secret = secret
        endpoint.save(update_fields=["secret", "previous_secret", "previous_secret_expires_at"])
        until = endpoint.previous_secret_expires_at
        after = {"old_secret_until": until and until.isoformat(timespec="seconds")}
        record_change(Kind.WEBHOOK_SECRET_ROTATED, workspace, actor, subject=endpoint.name, after=after)
    return endpoint, secret


def switch_webhook_endpoint(
    *, actor: Person, workspace: Workspace, endpoint_id: int, is_active: bool
) -> WebhookEndpoint:
    """Switch an endpoint on or off. Off, it is told nothing, and what waits for it is given up.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`.
    Conflict
        It is so already.
    """
    require(Verb.OPERATE, actor, workspace)
    with transaction.atomic():
        endpoint = _endpoint(workspace, endpoint_id)
        if endpoint.is_active is is_active:
            raise AlreadySo(f"The endpoint is {'on' if is_active else 'off'} already.")
        endpoint.is_active, endpoint.needs_review = is_active, False
        endpoint.off_reason = "" if is_active else f"Switched off by {actor.get_username()}."
        endpoint.save(update_fields=["is_active", "needs_review", "off_reason"])
        kind = Kind.WEBHOOK_SWITCHED_ON if is_active else Kind.WEBHOOK_SWITCHED_OFF
        record_change(kind, workspace, actor, subject=endpoint.name)
    return endpoint


def leave_webhook_endpoint_off(*, actor: Person, workspace: Workspace, endpoint_id: int) -> WebhookEndpoint:
    """Close the review of an endpoint that went off by itself: it stays off.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`.
    Conflict
        Nothing waits for a review.
    """
    require(Verb.OPERATE, actor, workspace)
    with transaction.atomic():
        endpoint = _endpoint(workspace, endpoint_id)
        if not endpoint.needs_review:
            raise WrongState("Nothing about this endpoint waits for a review (any more).")
        endpoint.needs_review = False
        endpoint.save(update_fields=["needs_review"])
        record_change(Kind.WEBHOOK_REVIEWED, workspace, actor, subject=endpoint.name)
    return endpoint


def redeliver_webhook(*, actor: Person, workspace: Workspace, delivery_id: int) -> WebhookDelivery:
    """Send a message again, with all its attempts before it, whatever became of it.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`.
    Conflict
        Its endpoint is switched off.
    """
    require(Verb.OPERATE, actor, workspace)
    deliveries = WebhookDelivery.objects.in_workspace(workspace).filter(pk=delivery_id)
    with transaction.atomic():
        anew = {"status": WebhookDelivery.Status.PENDING, "attempts": 0, "next_attempt_at": timezone.now()}
        if deliveries.filter(endpoint__is_active=True).update(**anew) != 1:
            if deliveries.exists():
                raise WrongState("The endpoint is switched off. Switch it on first.")
            raise NotFound("There is no such delivery in this workspace.")
        transaction.on_commit(partial(deliver_webhook.enqueue, delivery_id), robust=True)
    return deliveries.get()


def prune_webhooks(*, days: int, batch: int = 1000) -> int:
    """Delete the messages that were delivered or given up so many days ago; return how many.

    What still waits stays, however old. The deletions are small and each stands for itself, so that nothing waits for
    them and any number of processes may prune at once.
    """
    before = timezone.now() - timedelta(days=days)
    settled = WebhookDelivery.objects.filter(last_attempt_at__lt=before).exclude(status=WebhookDelivery.Status.PENDING)
    pruned = 0
    while delivery_ids := list(settled.order_by("pk").values_list("pk", flat=True)[:batch]):
        # With the condition again: a message that somebody has sent on its way meanwhile stays.
        pruned += settled.filter(pk__in=delivery_ids).delete()[0]
    return pruned


def _endpoint(workspace: Workspace, endpoint_id: int) -> WebhookEndpoint:
    """Return the endpoint, locked until the transaction ends."""
    endpoints = WebhookEndpoint.objects.in_workspace(workspace).select_for_update(no_key=True)
    endpoint = endpoints.filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("There is no such endpoint in this workspace.")
    return endpoint


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
