"""Writes around webhooks: who is told, and telling again."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection
from functools import partial

from django.db import transaction
from django.utils import timezone

from confidence_project.errors import Conflict, InvalidInput, NotFound
from governance.models import WebhookDelivery, WebhookEndpoint, Workspace
from governance.permissions import Person, Verb, require
from governance.texts import clean_text
from governance.webhooks.delivery import deliver_webhook
from governance.webhooks.transport import check_url

URL_LENGTH = 500
SECRET_BYTES = 32


def add_webhook_endpoint(
    *, actor: Person, workspace: Workspace, url: str, events: Collection[str]
) -> tuple[WebhookEndpoint, str]:
    """Have `url` told about events of the workspace; return the endpoint and its secret, to be shown once.

    Parameters
    ----------
    events
        Values of `WebhookEndpoint.Event`; at least one.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.permissions.require`.
    InvalidInput
        The URL is not one that webhooks may go to, or an event is not known.
    """
    require(Verb.OPERATE, actor, workspace)
    url = clean_text(url, name="URL", max_length=URL_LENGTH, required=True)
    check_url(url)
    if not events or not set(events) <= set(WebhookEndpoint.Event.values):
        raise InvalidInput(f"Name at least one of {', '.join(WebhookEndpoint.Event.values)}.")
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
    endpoint = WebhookEndpoint.objects.create(
        workspace=workspace,
        url=url,
        secret=secret,
        events=sorted(set(events)),
        created_at=timezone.now(),
        created_by_id=actor.pk,
        created_by_name=actor.get_username(),
    )
    return endpoint, secret


def switch_webhook_endpoint(
    *, actor: Person, workspace: Workspace, endpoint_id: int, is_active: bool
) -> WebhookEndpoint:
    """Switch an endpoint on or off. Off, it is told nothing, and what waits for it is given up.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.permissions.require`.
    Conflict
        It is so already.
    """
    require(Verb.OPERATE, actor, workspace)
    endpoints = WebhookEndpoint.objects.in_workspace(workspace).filter(pk=endpoint_id)
    if endpoints.filter(is_active=not is_active).update(is_active=is_active) != 1:
        if endpoints.exists():
            raise Conflict(f"The endpoint is {'on' if is_active else 'off'} already.")
        raise NotFound("There is no such endpoint in this workspace.")
    return endpoints.get()


def redeliver_webhook(*, actor: Person, workspace: Workspace, delivery_id: int) -> WebhookDelivery:
    """Send a message again, with all its attempts before it, whatever became of it.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.permissions.require`.
    Conflict
        Its endpoint is switched off.
    """
    require(Verb.OPERATE, actor, workspace)
    deliveries = WebhookDelivery.objects.in_workspace(workspace).filter(pk=delivery_id)
    with transaction.atomic():
        anew = {"status": WebhookDelivery.Status.PENDING, "attempts": 0, "next_attempt_at": timezone.now()}
        if deliveries.filter(endpoint__is_active=True).update(**anew) != 1:
            if deliveries.exists():
                raise Conflict("The endpoint is switched off. Switch it on first.")
            raise NotFound("There is no such delivery in this workspace.")
        transaction.on_commit(partial(deliver_webhook.enqueue, delivery_id), robust=True)
    return deliveries.get()
