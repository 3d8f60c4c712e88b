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
    RolloutEvent,
    WebhookDelivery,
    WebhookEndpoint,
    Workspace,
)
from governance.models.controls import Control
from governance.notices.outbox import notify
from governance.webhooks.delivery import deliver_webhook
from governance.webhooks.forms import in_form

Event = WebhookEndpoint.Event

_EVENT_OF_VERB = {
    "open": Event.PROPOSAL_OPENED,
    "approve": Event.PROPOSAL_APPROVED,
    "reject": Event.PROPOSAL_REJECTED,
    "apply": Event.PROPOSAL_APPLIED,
}


_EVENT_OF_ROLLOUT_VERB = {
    "shadow": Event.ROLLOUT_SHADOW_STARTED,
    "canary": Event.ROLLOUT_CANARY_STARTED,
    "promote": Event.ROLLOUT_PROMOTED,
    "withdraw": Event.ROLLOUT_WITHDRAWN,
    "stop": Event.ROLLOUT_STOPPED,
}


def announce_step(
    proposal: ConfidencePolicyProposal, verb: str, status: str, *, at: datetime, break_glass: bool
) -> None:
    """Tell that a proposal took a step; its expiry, which nobody decided, is not told, and `superseded` by itself."""
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


def announce_superseded(
    proposal: ConfidencePolicyProposal, by: ConfidencePolicyProposal | None, *, at: datetime
) -> None:
    """Tell that `by` took the place of a proposal; None: a rollback made it stale."""
    data = {
        "policy_key": proposal.policy_key,
        "proposal_id": proposal.pk,
        "superseded_by": by.pk if by else None,
        "origin": proposal.origin,
        "base_version": proposal.base_version,
    }
    _announce(Event.PROPOSAL_SUPERSEDED, proposal.workspace, proposal, data, at)


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


def announce_alarm(alarm: Model, revision: ConfidencePolicyRevision, figures: dict[str, Any], at: datetime) -> None:
    """Tell that what a revision allows fails more often than was promised.

    Parameters
    ----------
    alarm
        The row whose page in the admin says more.
    figures
        What was seen, as numbers and ids.
    """
    _announce(Event.POLICY_ALARM_RAISED, revision.workspace, alarm, _of_alarm(revision, figures), at)


def announce_answers_changed(
    alarm: Model, revision: ConfidencePolicyRevision, figures: dict[str, Any], at: datetime
) -> None:
    """Tell that a model answers otherwise than when a revision was certified. Parameters as `announce_alarm`."""
    _announce(Event.POLICY_ANSWERS_CHANGED, revision.workspace, alarm, _of_alarm(revision, figures), at)


def _of_alarm(revision: ConfidencePolicyRevision, figures: dict[str, Any]) -> dict[str, Any]:
    return {
        "policy_key": revision.policy_key,
        "revision_id": revision.pk,
        "version": revision.version,
        **figures,
    }


def announce_rollout(step: RolloutEvent) -> None:
    """Tell that a rollout took a step, whoever took it: a kill switch stops a rollout, too."""
    rollout = step.rollout
    data = {
        "policy_key": rollout.policy_key,
        "proposal_id": rollout.proposal_id,
        "rollout_id": rollout.pk,
        "status": step.to_status,
        "share": step.share,
        "break_glass": step.break_glass,
    }
    raised = step.verb == "canary" and step.from_status == step.to_status
    event = Event.ROLLOUT_CANARY_RAISED if raised else _EVENT_OF_ROLLOUT_VERB[step.verb]
    _announce(event, rollout.workspace, rollout.proposal, data, step.at)


def announce_control(control: Control) -> None:
    """Tell that a control is in force, or that it has ended. No policy key: the whole workspace."""
    assert control.announced is not None  # noqa: S101 - narrows the type; nobody announces any other control
    started, ended = control.announced
    data = {
        "policy_key": control.policy_key or None,
        f"{control._meta.verbose_name_raw.replace(' ', '_')}_id": control.pk,
    }
    data |= {name: getattr(control, name) for name in control.told}
    event, at = (ended, control.ended_at) if control.ended_at else (started, control.started_at)
    _announce(event, control.workspace, control, data, at)


def announce_toggles(workspace: Workspace, toggles: dict[str, bool], at: datetime) -> None:
    """Tell which toggles of a workspace were switched, and how they are now."""
    _announce(Event.WORKSPACE_TOGGLES_CHANGED, workspace, workspace, {"policy_key": None, "toggles": toggles}, at)


def _announce(event: Event, workspace: Workspace, subject: Model, data: dict[str, Any], at: datetime) -> None:
    page = f"admin:{subject._meta.app_label}_{subject._meta.model_name}_change"
    url = settings.CONFIDENCE_SITE_URL + reverse(page, args=[subject.pk])
    notify(event, workspace, subject, policy_key=data["policy_key"], url=url, at=at)
    active = WebhookEndpoint.objects.in_workspace(workspace).filter(is_active=True)
    endpoints = [endpoint for endpoint in active.order_by("pk") if event in endpoint.events]
    if not endpoints:
        return
    message = {
        "type": event,
        "timestamp": at.astimezone(UTC).isoformat(),
        "data": {"workspace": workspace.slug, **data, "url": url},
    }
    deliveries = WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            endpoint=endpoint,
            workspace=workspace,
            message_id=f"msg_{uuid_utils.uuid7().hex}",
            event=event,
            payload=json.dumps(in_form(endpoint.form, message, workspace), separators=(",", ":"), default=float),
            created_at=at,
            next_attempt_at=at,
        )
        for endpoint in endpoints
    )
    for delivery in deliveries:
        # Robust: the step is taken, whatever becomes of the queue; `deliver_overdue` finds what it lost.
        transaction.on_commit(partial(deliver_webhook.enqueue, delivery.pk), robust=True)
