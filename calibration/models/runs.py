"""Calibration runs, what they recommend, and the costs that a workspace keeps for them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from calibration.models.engines import EvidenceEngine
from calibration.statistics.costs import Costs
from confidence_project.foundation.formatting import segment
from governance.definitions import title_of
from governance.models import ConfidencePolicyProposal, Workspace
from governance.models.actors import actor_name, actor_of_mutable_row
from governance.models.controls import IN_FORCE, Control
from governance.models.scoping import WorkspaceScopedQuerySet


class ConfidenceCalibrationRun(models.Model):
    """One computation over one window. `inputs_sha256` names evidence, parameters and config, not the level."""

    class Status(models.TextChoices):
        PENDING = "PENDING", "Waits"
        RUNNING = "RUNNING", "Runs"
        COMPLETE = "COMPLETE", "Complete"
        FAILED = "FAILED", "Failed"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="calibration_runs")
    scope = models.JSONField(default=list, help_text="Policy keys that were asked for; empty: all with evidence.")
    segment_by = models.JSONField(default=list, help_text="What the findings were split by.")
    window_from = models.DateTimeField()
    window_to = models.DateTimeField()
    target_failure_rate = models.FloatField(help_text="Alpha: the failure rate that allowed decisions may have.")
    risk_confidence = models.FloatField(help_text="1 - delta: how sure the bound is.")
    maturity_days = models.FloatField(help_text="Decisions younger than this at the window's end were left out.")
    dry_run = models.BooleanField(default=False, help_text="Figures only: nothing was to be proposed.")
    tighten_only = models.BooleanField(default=False, help_text="Nothing more lenient than in force was to be named.")
    costs = models.JSONField(
        null=True, blank=True, help_text="What a false allow, a false block and a review cost, as stated for this run."
    )
    engine = models.ForeignKey(
        EvidenceEngine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Where decisions were counted; blank: in the ledger. A review reads what its calendar names.",
    )
    labels_as_of = models.DateTimeField(null=True, blank=True, help_text="Outcomes recorded later were not read.")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    model = models.CharField(max_length=100, help_text="The statistical method.")
    statistics_version = models.CharField(max_length=20)
    computed_by = actor_of_mutable_row()
    computed_by_name = actor_name()
    samples = models.PositiveBigIntegerField(default=0)
    proposals_created = models.PositiveIntegerField(default=0)
    metrics = models.JSONField(default=dict, help_text="Headline figures by finding.")
    output = models.JSONField(default=dict, help_text="Curves and recommendations, whole.")
    error = models.TextField(blank=True, default="")
    inputs_sha256 = models.CharField(max_length=64, blank=True, default="")
    progress = models.FloatField(default=0.0, help_text="Share done, 0 to 1.")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True, help_text="Last sign of life while running.")
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "calibration run"
        indexes = [models.Index(fields=["status"], name="run_status")]
        constraints = [
            models.CheckConstraint(condition=Q(window_from__lt=F("window_to")), name="run_window_is_ordered"),
            models.UniqueConstraint(fields=["workspace"], condition=Q(status="RUNNING"), name="run_one_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"Calibration run {self.pk}"


class Recommendation(models.Model):
    """What a run says about one field of one policy for one segment: a value, or a refusal with its reason."""

    run = models.ForeignKey(ConfidenceCalibrationRun, on_delete=models.CASCADE, related_name="recommendations")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    policy_key = models.CharField(max_length=100)
    field = models.CharField(max_length=100)
    segment = models.JSONField(default=dict)
    current = models.FloatField()
    recommended = models.FloatField(null=True, blank=True)
    reason = models.CharField(max_length=40, help_text="OK, or why nothing is recommended.")
    explanation = models.TextField(help_text="The reason in plain words.")
    evidence = models.JSONField(default=dict)
    proposal = models.ForeignKey(
        ConfidencePolicyProposal, on_delete=models.PROTECT, null=True, blank=True, related_name="recommendations"
    )

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["policy_key", "field", "id"]

    def __str__(self) -> str:
        return f"{title_of(self.policy_key)}, {segment(self.segment)}"


class StandingCosts(Control):
    """What a workspace takes the outcomes of a policy to cost, for runs that are told no costs."""

    policy_key = models.CharField(max_length=100)
    false_allow = models.FloatField(help_text="A failure that was allowed; in one unit with the other two.")
    false_block = models.FloatField(help_text="A success that was blocked, on top of its review.")
    review = models.FloatField(help_text="Any decision that was blocked.")

    class Meta(Control.Meta):
        verbose_name = verbose_name_plural = "standing costs"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "policy_key"], condition=IN_FORCE, name="standing_costs_once"),
            models.CheckConstraint(
                condition=Q(false_allow__gte=0, false_block__gte=0, review__gte=0)
                & (Q(false_allow__gt=0) | Q(false_block__gt=0) | Q(review__gt=0)),
                name="standing_costs_decide",
            ),
        ]

    def __str__(self) -> str:
        return f"Costs of {self.policy_key} in {self.workspace}"

    @property
    def costs(self) -> Costs:
        return Costs(false_allow=self.false_allow, false_block=self.false_block, review=self.review)
