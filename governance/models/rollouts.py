"""Trying an approved proposal out: in shadow, then on a share of the cases, before it is applied to all."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q

from confidence_project.foundation.append_only import AppendOnlyModel, AppendOnlyViolation
from governance.models.actors import actor_name, actor_of_append_only_row
from governance.models.policies import ConfidencePolicyProposal
from governance.models.scoping import AppendOnlyScopedQuerySet, WorkspaceScopedQuerySet
from governance.models.versions import governs
from governance.models.workspaces import Workspace

ACTIVE = Q(ended_at__isnull=True)


class RolloutQuerySet(WorkspaceScopedQuerySet["Rollout"]):
    """Rollouts; an update moves their state and never what they try out."""

    def active(self) -> Self:
        return self.filter(ACTIVE)

    def update(self, **kwargs: Any) -> int:
        if kwargs.keys() & {"workspace_id", "proposal_id", *self.model.written_once}:
            raise AppendOnlyViolation("What a rollout tries out cannot be changed: withdraw it and start another.")
        return super().update(**kwargs)


class Rollout(models.Model):
    """An approved proposal in rollout; it lives at most as long as the proposal stays approved.

    The config is the proposal's, which nobody can edit. The cases of a canary follow from the id of this row.
    """

    class Status(models.TextChoices):
        SHADOW = "SHADOW", "In shadow"
        CANARY = "CANARY", "Canary"
        PROMOTED = "PROMOTED", "Applied to all"
        WITHDRAWN = "WITHDRAWN", "Withdrawn"
        STOPPED = "STOPPED", "Stopped"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    policy_key = models.CharField(max_length=100)
    proposal = models.ForeignKey(ConfidencePolicyProposal, on_delete=models.PROTECT, related_name="rollouts")
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.SHADOW)
    share = models.DecimalField(
        max_digits=5, decimal_places=4, default=0, help_text="Share of the cases that the candidate decides, 0 to 1."
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = RolloutQuerySet.as_manager()

    written_once = ("workspace", "policy_key", "proposal", "started_at")
    versioned = governs()

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "policy_key"], condition=ACTIVE, name="rollout_one_active"),
            models.CheckConstraint(
                condition=Q(status="SHADOW", share=0, ended_at__isnull=True)
                | Q(status="CANARY", share__gt=0, share__lt=1, ended_at__isnull=True)
                | Q(status__in=["PROMOTED", "WITHDRAWN", "STOPPED"], ended_at__isnull=False),
                name="rollout_state_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"Rollout of proposal {self.proposal_id}"

    @property
    def is_active(self) -> bool:
        return self.ended_at is None


class RolloutEvent(AppendOnlyModel):
    """One step of a rollout: what, who, when, why, and the share of the cases from then on."""

    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="events")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    verb = models.CharField(max_length=20)
    from_status = models.CharField(max_length=9, blank=True, default="")
    to_status = models.CharField(max_length=9)
    share = models.DecimalField(max_digits=5, decimal_places=4)
    actor = actor_of_append_only_row()
    actor_name = actor_name()
    reason = models.TextField(blank=True, default="")
    break_glass = models.BooleanField(default=False)
    at = models.DateTimeField()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor_name or 'the system'}"

    @property
    def proposal(self) -> ConfidencePolicyProposal:
        """What is tried out."""
        return self.rollout.proposal
