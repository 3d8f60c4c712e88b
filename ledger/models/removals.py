"""What was removed from the ledger, by whom, and where it is now: the leaves of the log stay."""

from __future__ import annotations

from django.db import models

from confidence_project.foundation.append_only import AppendOnlyModel, AppendOnlyQuerySet
from governance.models import Workspace
from governance.models.actors import actor_name, actor_of_append_only_row
from governance.models.scoping import AppendOnlyScopedQuerySet


class LedgerRemoval(AppendOnlyModel):
    """One batch of rows that left the tables: into an archive, or for good.

    An archive is what the last removal that names it says: an erasure that rewrites it states the new hash.
    """

    class Kind(models.TextChoices):
        RETENTION = "retention", "Moved into an archive after the retention period"
        ERASURE = "erasure", "Erased"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=9, choices=Kind.choices)
    before = models.DateTimeField(null=True, help_text="Decisions recorded before this were removed. Null: an erasure.")
    retention_days = models.PositiveIntegerField(
        null=True, help_text="The retention period in force. Null: an erasure."
    )
    decisions = models.PositiveIntegerField(help_text="Decisions that were removed.")
    rows = models.PositiveIntegerField(help_text="All rows: decisions, outcomes, voids and amendments.")
    occurred_from = models.DateTimeField(help_text="When the earliest of the decisions was made, by the host's clock.")
    occurred_to = models.DateTimeField(help_text="When the last of them was.")
    recorded_to = models.DateTimeField(help_text="When the last of them was recorded, by the server's clock.")
    policy_keys = models.JSONField(help_text="Policy keys of the decisions.")
    leaves_sha256 = models.CharField(max_length=64, help_text="SHA-256 over the hashes of their leaves, in order.")
    archive = models.CharField(max_length=200, blank=True, default="", help_text="File; blank: no archive holds them.")
    archive_sha256 = models.CharField(max_length=64, blank=True, default="", help_text="SHA-256 of the file since.")
    reason = models.CharField(max_length=500, blank=True, default="")
    actor = actor_of_append_only_row()
    actor_name = actor_name()
    at = models.DateTimeField()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]
        indexes = [models.Index(fields=["archive", "id"], condition=~models.Q(archive=""), name="removal_by_archive")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.decisions} decisions of {self.workspace}"


class RemovedLeaf(AppendOnlyModel):
    """The row behind a leaf was removed. One that was archived, and erased from the archive later, has two."""

    removal = models.ForeignKey(LedgerRemoval, on_delete=models.PROTECT, related_name="leaves")
    position = models.PositiveBigIntegerField()

    objects = AppendOnlyQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["position", "removal"], name="removed_leaf_once")]

    def __str__(self) -> str:
        return f"leaf {self.position}"
