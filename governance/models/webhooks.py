"""Who is told about what happens in a workspace, and what they were told."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q

from governance.models.actors import actor_name, actor_of_mutable_row
from governance.models.scoping import WorkspaceScopedQuerySet
from governance.models.workspaces import Workspace


class WebhookEndpoint(models.Model):
    """A URL of the host that is told about events of a workspace; switched off rather than deleted."""

    class Event(models.TextChoices):
        PROPOSAL_OPENED = "proposal.opened", "Proposal opened"
        PROPOSAL_APPROVED = "proposal.approved", "Proposal approved"
        PROPOSAL_REJECTED = "proposal.rejected", "Proposal rejected"
        PROPOSAL_APPLIED = "proposal.applied", "Proposal applied"
        PROPOSAL_SUPERSEDED = "proposal.superseded", "Proposal superseded: another took its place"
        POLICY_ROLLED_BACK = "policy.rolled_back", "Policy rolled back"
        POLICY_ALARM_RAISED = "policy.alarm_raised", "Alarm raised: a promise is broken"
        POLICY_ANSWERS_CHANGED = "policy.answers_changed", "A model answers otherwise than when it was certified"
        ROLLOUT_SHADOW_STARTED = "rollout.shadow_started", "Shadow started"
        ROLLOUT_CANARY_STARTED = "rollout.canary_started", "Canary started"
        ROLLOUT_CANARY_RAISED = "rollout.canary_raised", "Share of the canary raised"
        ROLLOUT_PROMOTED = "rollout.promoted", "Rollout promoted: applied to all"
        ROLLOUT_WITHDRAWN = "rollout.withdrawn", "Rollout withdrawn"
        ROLLOUT_STOPPED = "rollout.stopped", "Rollout stopped"
        KILL_SWITCH_ENGAGED = "kill_switch.engaged", "Kill switch engaged"
        KILL_SWITCH_RELEASED = "kill_switch.released", "Kill switch released"
        SOURCE_BLOCKED = "source.blocked", "Provider or model blocked"
        SOURCE_UNBLOCKED = "source.unblocked", "Provider or model unblocked"
        AUDIT_SAMPLING_STARTED = "audit_sampling.started", "Audit sampling started"
        AUDIT_SAMPLING_STOPPED = "audit_sampling.stopped", "Audit sampling stopped"
        BREAK_GLASS_REVIEW_OPENED = "break_glass_review.opened", "Break-glass review opened"
        BREAK_GLASS_REVIEW_CLOSED = "break_glass_review.closed", "Break-glass review closed"
        WORKSPACE_TOGGLES_CHANGED = "workspace.toggles_changed", "Toggles of the workspace changed"

    class Form(models.TextChoices):
        STANDARD = "standard", "Our own (Standard Webhooks)"
        SLACK = "slack", "A post for Slack"
        TEAMS = "teams", "A card for Microsoft Teams"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.CharField("URL", max_length=500)
    # In plain text, since every message is signed with it; shown once and on no page after that.
    secret = models.CharField(max_length=100)
    # Signs beside the new one until it expires, so that the receiver can change over in its own time.
    previous_secret = models.CharField(max_length=100, blank=True, default="")
    previous_secret_expires_at = models.DateTimeField(null=True, blank=True)
    events = models.JSONField(default=list)
    form = models.CharField(max_length=10, choices=Form.choices, default=Form.STANDARD)
    is_active = models.BooleanField(default=True)
    off_reason = models.CharField(max_length=200, blank=True, default="", help_text="Why it is off.")
    needs_review = models.BooleanField(default=False, help_text="It went off by itself, and nobody has looked yet.")
    created_at = models.DateTimeField()
    created_by = actor_of_mutable_row()
    created_by_name = actor_name()

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["workspace", "id"]

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """What it is called where its URL is not told: the rest of that can be a secret of the receiver's."""
        return f"{urlsplit(self.url).hostname} (endpoint {self.pk})"

    def secrets_at(self, now: datetime) -> list[str]:
        """Return the secrets that sign a message now, the newest first."""
        overlaps = self.previous_secret_expires_at is not None and now < self.previous_secret_expires_at
        return [self.secret, self.previous_secret] if overlaps else [self.secret]


class WebhookDelivery(models.Model):
    """One message for one endpoint, written in the transaction of its event; an outbox until it is delivered."""

    class Status(models.TextChoices):
        PENDING = "PENDING", "Waits"
        DELIVERED = "DELIVERED", "Delivered"
        FAILED = "FAILED", "Given up"

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    message_id = models.CharField(max_length=40, unique=True, help_text="The same at every attempt.")
    event = models.CharField(max_length=30, choices=WebhookEndpoint.Event.choices)
    payload = models.TextField(help_text="The body, byte for byte as it is signed and sent.")
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(help_text="Not before this; during an attempt, when it counts as lost.")
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    last_result = models.CharField(max_length=40, blank=True, default="", help_text="HTTP status, or what went wrong.")
    created_at = models.DateTimeField()

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="PENDING"), name="webhook_delivery_due"),
        ]

    def __str__(self) -> str:
        return f"{self.event} ({self.message_id})"
