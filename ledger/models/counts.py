"""Daily counts: what the ledger holds of a day, counted, so that a calibration need not count it again.

A copy that can be checked (`ledger.counts`), never in the way of a write: the ledger stays the evidence.
"""

from __future__ import annotations

from django.db import models

from governance.models import Workspace


class CountedDay(models.Model):
    """A day (UTC, by the host's clock) of a policy key on which there are decisions, and what was counted of it.

    Its counts hold while `counted` equals `touched`, and nothing that was committed since the marks touches it.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    policy_key = models.CharField(max_length=100)
    day = models.DateField()
    touched = models.PositiveBigIntegerField(default=0, help_text="How often something of it came or went.")
    counted = models.PositiveBigIntegerField(null=True, help_text="`touched` when counting began. Null: not counted.")
    counted_at = models.DateTimeField(null=True, help_text="When counting began.")
    shape = models.CharField(max_length=120, blank=True, default="", help_text="How the counts are to be read.")
    decisions = models.PositiveBigIntegerField(default=0)
    in_cases = models.PositiveBigIntegerField(default=0, help_text="Decisions that belong to a case.")
    allowed = models.PositiveBigIntegerField(default=0)
    labelled = models.PositiveBigIntegerField(default=0)
    successes = models.PositiveBigIntegerField(default=0)
    last_record_at = models.DateTimeField(null=True, help_text="When the last of its decisions was recorded.")
    last_label_at = models.DateTimeField(null=True, help_text="When the last outcome came, or was voided.")
    sha256 = models.BinaryField(max_length=32, default=b"", help_text="Of this row and of its counts.")

    class Meta:
        ordering = ["day"]
        constraints = [models.UniqueConstraint(fields=["workspace", "policy_key", "day"], name="counted_day_once")]

    def __str__(self) -> str:
        return f"{self.policy_key} on {self.day}"


class DailyCount(models.Model):
    """Decisions of a day that agree in all columns, by confidence: integers packed by `ledger.counts.packing`."""

    counted_day = models.ForeignKey(CountedDay, on_delete=models.CASCADE, related_name="counts")
    provider = models.CharField(max_length=200, blank=True)
    model = models.CharField(max_length=200, blank=True)
    confidence_kind = models.CharField(max_length=20)
    task = models.CharField(max_length=200, blank=True)
    options = models.CharField(max_length=40, blank=True, help_text="Blank: not known.")
    prompt_hash = models.CharField(max_length=64, blank=True, help_text="Of answers of decision models only.")
    origin = models.CharField(max_length=8)
    gate_verdict = models.CharField(max_length=5)
    gate_reason = models.CharField(max_length=50)
    audit_selected = models.BooleanField()
    audit_rate = models.IntegerField(help_text="Ten thousand times the label propensity; -1: it has none.")
    in_case = models.BooleanField()
    threshold = models.IntegerField(help_text="Ten thousand times the highest applied to a confidence; -1: none.")
    risk_threshold = models.IntegerField(help_text="Ten thousand times the lowest applied; -1: none.")
    packed = models.BinaryField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"counts of {self.counted_day_id}"


class CountMark(models.Model):
    """How far the days have followed a table of the ledger, in the order of commits.

    A migration that has SQLite build that table anew, and so number its rows anew, deletes the row: the days are then
    followed from the beginning.
    """

    table = models.CharField(max_length=40, primary_key=True)
    mark = models.BigIntegerField(help_text="Every row before it touched its day; `commit_order` says what it counts.")
    server = models.BigIntegerField(help_text="Whose commits it counts: PostgreSQL's system identifier; 0 on SQLite.")

    def __str__(self) -> str:
        return f"{self.table} from {self.mark} on"
