"""What ties the rows of the domains to the ledger, without a database constraint in either direction."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from confidence_project.foundation.append_only import AppendOnlyModel
from governance.models import Workspace
from governance.models.scoping import AppendOnlyScopedQuerySet
from ledger.models.decisions import DecisionRecord
from telemetry.models import AIDraft, FollowUpBooking, MeetingOverseerDecision


def _loose(to: type[models.Model], **options: Any) -> models.OneToOneField[Any, Any]:
    """Refer without a constraint: the ledger outlives the row, and can be partitioned."""
    return models.OneToOneField(to, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+", **options)


class DomainDecision(AppendOnlyModel):
    """Which decision of the ledger a row of a domain is about. A booking's stages are about the booking's."""

    decision = models.ForeignKey(DecisionRecord, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    draft = _loose(AIDraft, null=True)
    overseen = _loose(MeetingOverseerDecision, null=True)
    booking = _loose(FollowUpBooking, null=True)

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(draft__isnull=False, overseen__isnull=True, booking__isnull=True)
                | Q(draft__isnull=True, overseen__isnull=False, booking__isnull=True)
                | Q(draft__isnull=True, overseen__isnull=True, booking__isnull=False),
                name="domain_decision_of_one_row",
            )
        ]

    def __str__(self) -> str:
        return f"row of {self.decision_id}"
