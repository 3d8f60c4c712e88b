"""What hosts are told: one row for each endpoint that wants the event, in the event's own transaction.

A message holds ids, names of things, versions, times and a link, and nothing that a person wrote.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

import uuid_utils
from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.urls import reverse

from governance.models import (
    ConfidencePolicyProposal,
    ConfidencePolicyRevision,
    KillSwitch,
    WebhookDelivery,
    WebhookEndpoint,
    Workspace,
)
from governance.webhooks.delivery import deliver_webhook

Event = WebhookEndpoint.Event

_EVENT_OF_VERB = {
    "open": Event.PROPOSAL_OPENED,
    "approve": Event.PROPOSAL_APPROVED,
    "reject": Event.PROPOSAL_REJECTED,
    "apply": Event.PROPOSAL_APPLIED,
}


def announce_step(
    proposal: ConfidencePolicyProposal, verb: str, status: str, *, at: datetime, break_glass: bool
) -> None:
    """Tell that a proposal took a step; steps that nobody decided (superseded, expired) are not told."""
    if verb not in _EVENT_OF_VERB:
        return
    data = {
        "policy_key": proposal.policy_key,
        "proposal_id": proposal.pk,
        "origin": proposal.origin,
        "status": status,
        "base_version": proposal.base_version,
        "break_glass": break_glass,
    }
    _announce(_EVENT_OF_VERB[verb], proposal.workspace, proposal, data, at)


def announce_rollback(revision: ConfidencePolicyRevision, restored: ConfidencePolicyRevision) -> None:
    """Tell that `restored` is in force again, as `revision`."""
    data = {
        "policy_key": revision.policy_key,
        "revision_id": revision.pk,
        "version": revision.version,
        "restored_version": restored.version,
        "break_glass": revision.break_glass,
    }
    _announce(Event.POLICY_ROLLED_BACK, revision.workspace, revision, data, revision.created_at)


def announce_kill_switch(switch: KillSwitch) -> None:
    """Tell that a kill switch was engaged, or released when it has ended. No policy key: the whole workspace."""
    data = {"policy_key": switch.policy_key or None, "kill_switch_id": switch.pk}
    event = Event.KILL_SWITCH_RELEASED if switch.ended_at else Event.KILL_SWITCH_ENGAGED
    _announce(event, switch.workspace, switch, data, switch.ended_at or switch.started_at)


def _announce(event: Event, workspace: Workspace, subject: Model, data: dict[str, Any], at: datetime) -> None:
    active = WebhookEndpoint.objects.in_workspace(workspace).filter(is_active=True)
    endpoints = [endpoint for endpoint in active.order_by("pk") if event in endpoint.events]
    if not endpoints:
        return
    page = f"admin:{subject._meta.app_label}_{subject._meta.model_name}_change"
    message = {
        "type": event,
        "timestamp": at.astimezone(UTC).isoformat(),
        "data": {
            "workspace": workspace.slug,
            **data,
            "url": settings.CONFIDENCE_SITE_URL + reverse(page, args=[subject.pk]),
        },
    }
    payload = json.dumps(message, separators=(",", ":"))
    deliveries = WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            endpoint=endpoint,
            workspace=workspace,
            message_id=f"msg_{uuid_utils.uuid7().hex}",
            event=event,
            payload=payload,
            created_at=at,
            next_attempt_at=at,
        )
        for endpoint in endpoints
    )
    for delivery in deliveries:
        # Robust: the step is taken, whatever becomes of the queue; `deliver_overdue` finds what it lost.
        transaction.on_commit(partial(deliver_webhook.enqueue, delivery.pk), robust=True)
