"""When a policy may be loosened: its calendar of reviews, those that were held, and candidates that are watched."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from calibration.models.engines import EvidenceEngine
from calibration.models.runs import ConfidenceCalibrationRun
from confidence_project.foundation.append_only import AppendOnlyModel
from governance.models import ConfidencePolicyProposal, Workspace
from governance.models.actors import actor_name, actor_of_append_only_row
from governance.models.scoping import AppendOnlyScopedQuerySet


def _default_window_days() -> int:
    days: int = settings.CONFIDENCE_CALIBRATION_WINDOW_DAYS
    return days


def _default_maturity_days() -> float:
    days: float = settings.CONFIDENCE_MATURITY_DAYS
    return days


def _default_segments() -> list[str]:
    return ["provider", "model"]


class ReviewCalendar(AppendOnlyModel):
    """When the reviews of a policy are, and what they ask. Holds for windows that begin after it was set."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    policy_key = models.CharField(max_length=100)
    reviews_a_year = models.PositiveSmallIntegerField(default=4)
    opening_on = models.DateField(null=True, blank=True, help_text="The first review (UTC).")
    opening_decisions = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="The first review is over so many decisions, or over the first imported file. Neither: the dates go "
        "on from the opening before.",
    )
    window_days = models.PositiveIntegerField(default=_default_window_days)
    maturity_days = models.FloatField(
        default=_default_maturity_days, help_text="Decisions younger than this at the date are left out."
    )
    target_failure_rate = models.FloatField(default=0.05, help_text="Alpha: what may fail of what is allowed.")
    risk_confidence = models.FloatField(
        default=0.95, help_text="1 - delta: that nothing is loosened wrongly in any 365 days, candidates included."
    )
    candidate_share = models.FloatField(default=0.2, help_text="The share of delta that is kept for candidates.")
    segment_by = models.JSONField(default=_default_segments)
    looks_for_band = models.BooleanField(
        default=False,
        help_text="Look for a confidence ceiling, too: for models that are most wrong where they claim certainty. It "
        "takes .6 of delta, which costs coverage where no ceiling is needed.",
    )
    engine = models.ForeignKey(
        EvidenceEngine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Where decisions are counted; blank: in the ledger.",
    )
    reason = models.CharField(max_length=500)
    set_at = models.DateTimeField()
    set_by = actor_of_append_only_row()
    set_by_name = actor_name()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "policy_key"], name="review_calendar_of")]

    def __str__(self) -> str:
        return f"{self.reviews_a_year} reviews a year of {self.policy_key}"

    @property
    def delta(self) -> float:
        return round(1 - self.risk_confidence, 12)

    @property
    def candidate_delta(self) -> float:
        """What of delta is kept for candidates."""
        return self.delta * self.candidate_share


class HeldReview(AppendOnlyModel):
    """The ledger of levels: a review that was computed, and what it spent. Computing it again spends nothing."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    policy_key = models.CharField(max_length=100)
    on = models.DateField(help_text="The date whose window and labels it counts (UTC).")
    level = models.FloatField(help_text="What it spent of delta.")
    run = models.ForeignKey(ConfidenceCalibrationRun, on_delete=models.PROTECT, related_name="held_reviews")
    at = models.DateTimeField()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["workspace", "policy_key", "on"], name="review_held_once")]

    def __str__(self) -> str:
        return f"Review of {self.policy_key} on {self.on}"


class Candidate(AppendOnlyModel):
    """A threshold that was registered, to be watched on later decisions at a level of its own."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    policy_key = models.CharField(max_length=100)
    segment = models.JSONField(default=dict, blank=True)
    threshold = models.FloatField(help_text="Allow from this confidence on.")
    target_failure_rate = models.FloatField()
    maturity_days = models.FloatField()
    propensity = models.FloatField(help_text="The chance that all labels that count have had.")
    number = models.PositiveSmallIntegerField(help_text="The j of its level delta' / ((j+1)(j+2)).")
    level = models.FloatField()
    reason = models.CharField(max_length=500)
    registered_at = models.DateTimeField()
    registered_by = actor_of_append_only_row()
    registered_by_name = actor_name()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "policy_key"], name="candidate_of")]

    def __str__(self) -> str:
        return f"{self.policy_key} from {self.threshold:.4f} on"


class CandidateEnd(AppendOnlyModel):
    """A candidate passed, or was withdrawn; either is final."""

    candidate = models.OneToOneField(Candidate, on_delete=models.PROTECT, related_name="end")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    passed = models.BooleanField()
    proposal = models.ForeignKey(
        ConfidencePolicyProposal, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=500, blank=True, default="")
    ended_at = models.DateTimeField()
    ended_by = actor_of_append_only_row()
    ended_by_name = actor_name()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return "passed" if self.passed else "withdrawn"
