"""Evidence packs that somebody asked for in the desk, and what became of them."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils import timezone

from governance.definitions import title_of
from governance.models import Workspace
from governance.models.actors import actor_name, actor_of_mutable_row
from governance.models.scoping import WorkspaceScopedQuerySet

SILENCE = timedelta(minutes=2)
"""A pack that gave no sign of life for so long is dead."""


class EvidencePack(models.Model):
    """A question about a policy and a period, and the archive that a worker makes of it."""

    class Status(models.TextChoices):
        PENDING = "PENDING", "Waits"
        RUNNING = "RUNNING", "Being made"
        COMPLETE = "COMPLETE", "Ready"
        FAILED = "FAILED", "Failed"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    policy_key = models.CharField(max_length=100)
    since = models.DateTimeField()
    until = models.DateTimeField(help_text="Excluded.")
    seed = models.CharField(max_length=100, help_text="Of the auditor: picks the decisions.")
    decisions = models.PositiveSmallIntegerField(help_text="How many are drawn.")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    progress = models.FloatField(default=0.0)
    error = models.TextField(blank=True, default="", help_text="Why it failed; never data.")
    as_of = models.DateTimeField(null=True, blank=True, help_text="What was recorded later is not in it.")
    is_signed = models.BooleanField(null=True, help_text="No: there was no signing key.")
    unproved = models.PositiveSmallIntegerField(default=0, help_text="Drawn decisions without a proof.")
    file_bytes = models.PositiveBigIntegerField(default=0)
    file_sha256 = models.CharField(max_length=64, blank=True, default="")
    asked_at = models.DateTimeField()
    asked_by = actor_of_mutable_row()
    asked_by_name = actor_name()
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "id"], name="evidence_pack_page")]

    def __str__(self) -> str:
        return f"{title_of(self.policy_key)}, {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"

    @property
    def state(self) -> Status:
        """The status, where a process that died counts as failed."""
        silent = self.heartbeat_at is None or self.heartbeat_at < timezone.now() - SILENCE
        return self.Status.FAILED if self.status == self.Status.RUNNING and silent else self.Status(self.status)

    @property
    def is_under_way(self) -> bool:
        return self.state in (self.Status.PENDING, self.Status.RUNNING)
