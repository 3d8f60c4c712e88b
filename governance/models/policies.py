"""Policies, the proposals that change them, and the history that neither can leave out."""

from __future__ import annotations

from typing import Any, NoReturn, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from confidence_project.foundation.append_only import AppendOnlyModel, AppendOnlyViolation
from governance.definitions import title_of
from governance.models.actors import actor_name, actor_of_append_only_row, actor_of_mutable_row
from governance.models.scoping import AppendOnlyScopedQuerySet, WorkspaceScopedQuerySet
from governance.models.versions import governs
from governance.models.workspaces import Workspace


class ConfidencePolicy(models.Model):
    """The config in force for one policy key of a workspace. No row: the defaults of the definition."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="policies")
    policy_key = models.CharField(max_length=100)
    config = models.JSONField()
    version = models.PositiveIntegerField(default=0, help_text="Counts the changes of the effective config.")
    updated_at = models.DateTimeField(auto_now=True)

    versioned = governs()

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["workspace", "policy_key"]
        verbose_name_plural = "confidence policies"
        constraints = [models.UniqueConstraint(fields=["workspace", "policy_key"], name="policy_once")]

    def __str__(self) -> str:
        return f"{title_of(self.policy_key)}, version {self.version}"


def _refuse_rewriting() -> NoReturn:
    raise AppendOnlyViolation("What a proposal proposes cannot be changed: open a new proposal that supersedes it.")


class ProposalQuerySet(WorkspaceScopedQuerySet["ConfidencePolicyProposal"]):
    """Proposals; an update moves their state and never touches what they propose."""

    def with_status(self, *statuses: str) -> Self:
        """Those that have one of the statuses by now: an open one whose time is over is expired, marked or not."""
        overdue = Q(status__in=self.model.OPEN, expires_at__lte=timezone.now())
        wanted = Q(status__in=statuses) & ~overdue
        return self.filter(wanted | overdue if self.model.Status.EXPIRED in statuses else wanted)

    def update(self, **kwargs: Any) -> int:
        if kwargs.keys() & {"workspace_id", *self.model.written_once}:
            _refuse_rewriting()
        return super().update(**kwargs)


class ConfidencePolicyProposal(models.Model):
    """A change of a policy on its way to being approved and applied. `workflow.py` is the only writer."""

    class Status(models.TextChoices):
        PENDING = "PENDING", "Waits for approval"
        APPROVED = "APPROVED", "Waits to be applied"
        APPLIED = "APPLIED", "Applied"
        REJECTED = "REJECTED", "Rejected"
        SUPERSEDED = "SUPERSEDED", "Superseded"
        EXPIRED = "EXPIRED", "Expired"

    class Origin(models.TextChoices):
        BOOTSTRAP = "bootstrap", "Defaults, put on record"
        CALIBRATION = "calibration", "A calibration run"
        PERSON = "person", "A person"
        ALARM = "alarm", "An alarm"
        CANDIDATE = "candidate", "A registered candidate"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="proposals", db_index=False)
    policy_key = models.CharField(max_length=100)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    origin = models.CharField(max_length=11, choices=Origin.choices)
    about = models.CharField(
        max_length=64, blank=True, default="", help_text="Which values a person's proposal changes; blank: any."
    )
    title = models.CharField(max_length=200)
    summary = models.TextField(blank=True, default="")
    config = models.JSONField()
    base_version = models.PositiveIntegerField(help_text="The policy version that this proposal would change.")
    base_config = models.JSONField()
    # Canonical JSON as text: jsonb rewrites numbers, and the hash must survive the database.
    evidence = models.TextField(default="{}")
    evidence_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    author = actor_of_mutable_row()
    author_name = actor_name()
    approver = actor_of_mutable_row()
    approver_name = actor_name()
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_evidence_sha256 = models.CharField(max_length=64, blank=True, default="")
    rejecter = actor_of_mutable_row()
    rejecter_name = actor_name()
    rejected_at = models.DateTimeField(null=True, blank=True)
    reject_reason = models.TextField(blank=True, default="")
    applier = actor_of_mutable_row()
    applier_name = actor_name()
    applied_at = models.DateTimeField(null=True, blank=True)
    superseded_by = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="superseded",
        help_text="What took its place.",
    )
    large_step_acknowledged = models.BooleanField(
        default=False, help_text="Somebody confirmed a change larger than the definition's step."
    )

    objects = ProposalQuerySet.as_manager()

    # What is proposed, and on which grounds. The database holds to it as well.
    written_once = (
        "workspace", "policy_key", "origin", "about", "title", "summary", "config", "base_version", "base_config",
        "evidence", "evidence_sha256", "created_at", "author_name",
    )  # fmt: skip
    OPEN = (Status.PENDING, Status.APPROVED)

    # Of a proposal in rollout the gate reads these two.
    versioned = governs("workspace_id", "config", "expires_at")

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["workspace", "status"], name="proposal_workspace_status"),
            models.Index(fields=["status", "expires_at"], name="proposal_status_expiry"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "policy_key", "origin", "about"],
                condition=Q(status__in=["PENDING", "APPROVED"]),
                name="proposal_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{title_of(self.policy_key)}: proposal {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            _refuse_rewriting()
        super().save(*args, **kwargs)

    @property
    def effective_status(self) -> Status:
        """The status by now; `status` says PENDING or APPROVED until a verb or the command meets what has expired."""
        if self.status in self.OPEN and self.expires_at <= timezone.now():
            return self.Status.EXPIRED
        return self.Status(self.status)

    @property
    def is_open(self) -> bool:
        return self.effective_status in self.OPEN


class ProposalEvent(AppendOnlyModel):
    """One transition of a proposal: what, who, when and why."""

    proposal = models.ForeignKey(ConfidencePolicyProposal, on_delete=models.PROTECT, related_name="events")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    verb = models.CharField(max_length=20)
    from_status = models.CharField(max_length=10, blank=True, default="")
    to_status = models.CharField(max_length=10)
    actor = actor_of_append_only_row()
    actor_name = actor_name()
    reason = models.TextField(blank=True, default="")
    break_glass = models.BooleanField(default=False)
    acknowledged_uncertified = models.BooleanField(
        default=False, help_text="Whoever took the step confirmed that nothing bears the loosening out."
    )
    at = models.DateTimeField()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor_name or 'the system'}"


class ConfidencePolicyRevision(AppendOnlyModel):
    """One change of a policy's config. History only grows: a rollback is a new revision with old content."""

    class Action(models.TextChoices):
        BASELINE = "BASELINE", "Defaults before the first change"
        APPLY_PROPOSAL = "APPLY_PROPOSAL", "Proposal applied"
        ROLLBACK = "ROLLBACK", "Rolled back"

    policy = models.ForeignKey(ConfidencePolicy, on_delete=models.PROTECT, related_name="revisions", db_index=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    policy_key = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    action = models.CharField(max_length=14, choices=Action.choices)
    config_before = models.JSONField()
    config_after = models.JSONField()
    proposal = models.ForeignKey(
        ConfidencePolicyProposal, on_delete=models.PROTECT, null=True, blank=True, related_name="revisions"
    )
    restored_revision = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    actor = actor_of_append_only_row()
    actor_name = actor_name()
    reason = models.TextField(blank=True, default="")
    break_glass = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["policy", "version"], name="revision_version_once")]

    def __str__(self) -> str:
        return f"{title_of(self.policy_key)}: version {self.version}"
