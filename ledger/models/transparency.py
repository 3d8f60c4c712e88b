"""The transparency log over the ledger: leaves in their order, and signed checkpoints of the tree over them."""

from __future__ import annotations

from django.db import models

from confidence_project.foundation.append_only import AppendOnlyModel, AppendOnlyQuerySet
from confidence_project.foundation.triggers import Removable

_GROUPS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))


def entry_id_in_sql(key: str, *, has_uuid: bool, vendor: str) -> str:
    """Return the expression that makes an `entry_id` of the key `key`, as each database writes it."""
    if vendor == "postgresql":
        return f"{key}::text" if has_uuid else f"lpad({key}::text, 20, '0')"
    if not has_uuid:
        return f"printf('%020d', {key})"
    return " || '-' || ".join(f"substr({key}, {start}, {length})" for start, length in _GROUPS)


def removable_once_on_record(entry: str, column: str, *, has_uuid: bool = False) -> Removable:
    """Let a row go whose leaf is among those of which it is on record that their rows were removed."""
    condition = """EXISTS (SELECT 1 FROM ledger_logleaf l JOIN ledger_removedleaf r ON r.position = l.position
                            WHERE l.entry = '{entry}' AND l.entry_id = {key})"""
    postgresql, sqlite = (
        condition.format(entry=entry, key=entry_id_in_sql(f"OLD.{column}", has_uuid=has_uuid, vendor=vendor))
        for vendor in ("postgresql", "sqlite")
    )
    return Removable("ledger_removedleaf", postgresql, sqlite)


class LogLeaf(AppendOnlyModel):
    """One entry of the log. `position` is its index in the Merkle tree, from 0 and without gaps."""

    position = models.PositiveBigIntegerField(primary_key=True)
    entry = models.CharField(max_length=30, help_text="The kind of entry.")
    entry_id = models.CharField(
        max_length=36,
        help_text="Primary key of the row that the leaf commits to; numbers have 20 digits, so that text sorts alike.",
    )
    leaf_hash = models.BinaryField(max_length=32)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["entry", "entry_id"], name="log_leaf_once")]

    def __str__(self) -> str:
        return f"leaf {self.position}"


class LogNode(AppendOnlyModel):
    """The hash of a complete subtree of 2^level leaves, kept for every eighth level.

    With these, which are one row for about 255 leaves, a root or a proof reads a few hundred rows at any size.
    """

    level = models.PositiveSmallIntegerField()
    index = models.PositiveBigIntegerField(help_text="Subtrees of this level, counted from 0 at the left.")
    node_hash = models.BinaryField(max_length=32)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["level", "index"]
        constraints = [models.UniqueConstraint(fields=["level", "index"], name="log_node_once")]

    def __str__(self) -> str:
        return f"node {self.index} of level {self.level}"


class Checkpoint(AppendOnlyModel):
    """A signed statement of the tree's size and root (C2SP checkpoint)."""

    tree_size = models.PositiveBigIntegerField(unique=True)
    root_hash = models.BinaryField(max_length=32)
    note = models.TextField(help_text="The signed note, as published.")
    swept_at = models.DateTimeField(
        null=True, help_text="It holds every row that was committed by then. Null: it was signed by an earlier release."
    )
    created_at = models.DateTimeField()

    objects = AppendOnlyQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-tree_size"]

    def __str__(self) -> str:
        return f"checkpoint of {self.tree_size}"

    @property
    def cosigned_note(self) -> str:
        """The signed note with the cosignatures that witnesses gave it."""
        return self.note + "".join(self.cosignatures.order_by("id").values_list("line", flat=True))


class Cosignature(AppendOnlyModel):
    """A witness saw a checkpoint, and that the log only grew up to it (c2sp.org/tlog-cosignature)."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="cosignatures")
    witness = models.CharField(max_length=200, help_text="The name of its key.")
    line = models.TextField(help_text="The signature line of the note, as the witness answered it.")
    received_at = models.DateTimeField()

    objects = AppendOnlyQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["checkpoint", "witness"], name="cosignature_once")]

    def __str__(self) -> str:
        return f"{self.witness} on {self.checkpoint}"


class LogWatermark(models.Model):
    """How far the log has followed a table that grows, in the order of commits. Without a row it looks at all of it."""

    entry = models.CharField(max_length=30, primary_key=True)
    mark = models.BigIntegerField(help_text="Every row before it is in the log; `commit_order` says what it counts.")

    def __str__(self) -> str:
        return f"{self.entry} from {self.mark} on"
