"""The transparency log over the ledger: leaves in their order, and signed checkpoints of the tree over them."""

from __future__ import annotations

from django.db import models

from confidence_project.append_only import AppendOnlyModel, AppendOnlyQuerySet


class LogLeaf(AppendOnlyModel):
    """One entry of the log. `position` is its index in the Merkle tree, from 0 and without gaps."""

    class Entry(models.TextChoices):
        DECISION = "decision", "Decision"
        OUTCOME = "outcome", "Outcome"
        AMENDMENT = "amendment", "Amendment"

    position = models.PositiveBigIntegerField(primary_key=True)
    entry = models.CharField(max_length=9, choices=Entry.choices)
    entry_id = models.CharField(max_length=36, help_text="Primary key of the row that the leaf commits to.")
    leaf_hash = models.BinaryField(max_length=32)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["entry", "entry_id"], name="log_leaf_once")]

    def __str__(self) -> str:
        return f"leaf {self.position}"


class Checkpoint(AppendOnlyModel):
    """A signed statement of the tree's size and root (C2SP checkpoint)."""

    tree_size = models.PositiveBigIntegerField(unique=True)
    root_hash = models.BinaryField(max_length=32)
    note = models.TextField(help_text="The signed note, as published.")
    created_at = models.DateTimeField()

    objects = AppendOnlyQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-tree_size"]

    def __str__(self) -> str:
        return f"checkpoint of {self.tree_size}"
