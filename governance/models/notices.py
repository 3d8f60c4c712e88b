"""What single people are told by e-mail, and how they want it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from governance.models.webhooks import WebhookEndpoint
from governance.models.workspaces import Workspace


class Reminder(models.TextChoices):
    """What people are told beside events: that something waits for too long. No webhook is sent of it."""

    LABELS_OVERDUE = "labels.overdue", "Answers about drawn decisions are overdue"


class NoticeSettings(models.Model):
    """What a person wants to be told, and how soon; whoever has no row gets what the defaults say."""

    class Pace(models.TextChoices):
        AT_ONCE = "at_once", "At once"
        DAILY = "daily", "Once a day, all in one"
        NEVER = "never", "Never"

    class Kind(models.TextChoices):
        WAITING = "waiting", "What waits for me: proposals to approve or apply, reviews to close"
        DECIDED = "decided", "What was decided: approved, rejected, applied, rolled back, rolled out"
        ALARMS = "alarms", "Alarms: a promise is broken"
        LABELS = "labels", "Labels: answers about drawn decisions are overdue, once a day"
        SWITCHES = "switches", "Switches: kill switches, blocks, audit sampling, toggles"

    DEFAULT_KINDS = (Kind.WAITING, Kind.ALARMS, Kind.LABELS, Kind.SWITCHES)

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_settings")
    pace = models.CharField(max_length=10, choices=Pace.choices, default=Pace.AT_ONCE)
    kinds = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"Notices of {self.user}"


class Notice(models.Model):
    """One event that one person is told, written in the event's transaction; an outbox until it is sent."""

    class Status(models.TextChoices):
        PENDING = "PENDING", "Waits"
        SENT = "SENT", "Sent"
        FAILED = "FAILED", "Given up"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    event = models.CharField(max_length=30, choices=[*WebhookEndpoint.Event.choices, *Reminder.choices])
    kind = models.CharField(max_length=10, choices=NoticeSettings.Kind.choices)
    policy_key = models.CharField(max_length=100, blank=True, default="")
    url = models.CharField(max_length=300)
    in_digest = models.BooleanField(default=False)
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(help_text="Not before this; during an attempt, when it counts as lost.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["user", "next_attempt_at"], condition=Q(status="PENDING"), name="notice_due"),
        ]

    def __str__(self) -> str:
        return f"{self.event} for {self.user}"

    @staticmethod
    def digest_due(now: datetime) -> datetime:
        """Return when what is kept for a digest goes out at the latest, should no digest be sent by command."""
        return now + timedelta(days=1)
