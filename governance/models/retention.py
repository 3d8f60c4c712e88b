"""How long a workspace keeps decisions, and holds that stop all removal."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from governance.models.controls import IN_FORCE, Control

LONGEST_RETENTION = 36_500


class RetentionPeriod(Control):
    """How many days a workspace keeps decisions before `prune_ledger` may move them into an archive. None: for good."""

    days = models.PositiveIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_RETENTION)],
        help_text="Decisions that were recorded longer ago may be moved into an archive.",
    )

    class Meta(Control.Meta):
        constraints = [
            models.UniqueConstraint(fields=["workspace"], condition=IN_FORCE, name="retention_period_once"),
            models.CheckConstraint(condition=Q(days__gte=1), name="retention_period_is_a_day_or_more"),
        ]

    def __str__(self) -> str:
        return f"{self.workspace} keeps decisions for {self.days} days"


class LegalHold(Control):
    """Nothing of a workspace is pruned or erased while one is in force."""

    class Meta(Control.Meta):
        constraints = [models.UniqueConstraint(fields=["workspace"], condition=IN_FORCE, name="legal_hold_once")]

    def __str__(self) -> str:
        return f"Legal hold on {self.workspace}"
