"""Imports of past decisions: what was imported as what, and mappings that are used again."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils import timezone

from governance.models import Workspace
from governance.models.actors import actor_name, actor_of_mutable_row
from governance.models.scoping import WorkspaceScopedQuerySet

NAME_LENGTH = 63
"""Characters of the name of a mapping."""

SILENCE = timedelta(minutes=2)
"""An import that gave no sign of life for so long is dead; a chunk of records takes seconds."""

PATIENCE = timedelta(hours=1)
"""An import that waited for so long may be asked for again: its task was lost, or no worker is there."""


class SavedMapping(models.Model):
    """What the columns of a kind of file mean, under a name."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    name = models.SlugField(max_length=NAME_LENGTH, db_index=False)
    mapping = models.JSONField(help_text="See docs/import.md.")
    saved_at = models.DateTimeField(auto_now=True)

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="saved_mapping_once")]

    def __str__(self) -> str:
        return self.name


class DecisionImport(models.Model):
    """One import of one file, with what was declared of it: numbers for words, a scale, which words are a success.

    An import by a command begins as RUNNING. One of the browser begins with the upload, and a worker carries it out.
    """

    class Status(models.TextChoices):
        UPLOADED = "UPLOADED", "To be mapped"
        PENDING = "PENDING", "Waits"
        RUNNING = "RUNNING", "Running"
        COMPLETE = "COMPLETE", "Complete"
        REFUSED = "REFUSED", "Refused"
        STOPPED = "STOPPED", "Broke off"
        DISCARDED = "DISCARDED", "File removed"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.RUNNING)
    file_name = models.CharField(max_length=100, blank=True, default="", help_text="Blank: standard input.")
    file_format = models.CharField(max_length=10, blank=True, default="")
    file_bytes = models.PositiveBigIntegerField(default=0, help_text="As it came, packed or not.")
    file_sha256 = models.CharField(max_length=64, blank=True, default="", help_text="Of the content, unpacked.")
    kept_as = models.UUIDField(
        null=True, unique=True, help_text="What the upload and its rejects are called in their folder; null: gone."
    )
    mapping = models.JSONField(help_text="What the columns were declared to mean.")
    started_at = models.DateTimeField(help_text="When it was uploaded, or the command began.")
    heartbeat_at = models.DateTimeField(null=True, help_text="The last change or sign of life.")
    finished_at = models.DateTimeField(null=True, help_text="Null: it is not complete; the same file again goes on.")
    attempt = models.PositiveSmallIntegerField(default=0, help_text="How often a worker took it up.")
    progress = models.FloatField(default=0.0)
    error = models.TextField(blank=True, default="", help_text="Why it was refused or broke off; never data.")
    imported = models.PositiveBigIntegerField(default=0)
    unlabelled = models.PositiveBigIntegerField(default=0, help_text="Of the imported.")
    unchanged = models.PositiveBigIntegerField(default=0, help_text="Known already.")
    rejected = models.PositiveBigIntegerField(default=0)
    reasons = models.JSONField(default=list, help_text="Why rows were rejected: reason, rows, line of the first.")
    actor = actor_of_mutable_row()
    actor_name = actor_name()

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "import"
        indexes = [models.Index(fields=["workspace", "id"], name="decision_import_page")]

    def __str__(self) -> str:
        return self.file_name or f"import {self.pk}"

    @property
    def rows(self) -> int:
        """How many records of the file were dealt with."""
        return self.imported + self.unchanged + self.rejected

    @property
    def state(self) -> Status:
        """The status, where a process that died counts as broken off."""
        is_dead = self.status == self.Status.RUNNING and self._is_older_than(SILENCE)
        return self.Status.STOPPED if is_dead else self.Status(self.status)

    @property
    def is_under_way(self) -> bool:
        return self.state in (self.Status.PENDING, self.Status.RUNNING)

    @property
    def can_be_mapped(self) -> bool:
        """True where somebody may say what the columns mean: nothing of the file was stored."""
        return self.kept_as is not None and self.status in (self.Status.UPLOADED, self.Status.REFUSED)

    @property
    def can_go_on(self) -> bool:
        """True where the import broke off, or no worker came, and its file is still there."""
        forgotten = self.status == self.Status.PENDING and self._is_older_than(PATIENCE)
        return self.kept_as is not None and (self.state == self.Status.STOPPED or forgotten)

    @property
    def can_be_discarded(self) -> bool:
        """True where a file is kept, and no process is about to read it."""
        return self.kept_as is not None and not self.is_under_way

    def _is_older_than(self, age: timedelta) -> bool:
        return self.heartbeat_at is None or self.heartbeat_at < timezone.now() - age
