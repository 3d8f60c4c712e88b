"""The watch over what was applied."""

from __future__ import annotations

from django.db import models

from confidence_project.foundation.append_only import AppendOnlyModel
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision, Workspace
from governance.models.scoping import AppendOnlyScopedQuerySet


class PolicyLook(AppendOnlyModel):
    """A look at the failures of what one version of a policy allowed: one a day, whoever looks first."""

    revision = models.ForeignKey(
        ConfidencePolicyRevision, on_delete=models.PROTECT, related_name="looks", db_index=False
    )
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    day = models.DateField(help_text="UTC.")
    labelled = models.PositiveBigIntegerField(help_text="Allowed decisions whose outcome is known, so far.")
    failures = models.PositiveBigIntegerField()
    alpha = models.FloatField(help_text="The failure rate that the evidence promised.")
    delta = models.FloatField(help_text="Accepted probability of a false alarm, over all looks together.")
    log_e_value = models.FloatField(help_text="Evidence that the promise is broken; an alarm at log(1/delta).")
    at = models.DateTimeField()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["revision", "day"], name="look_once_a_day")]

    def __str__(self) -> str:
        return f"{self.failures} of {self.labelled} failed by {self.day}"


class AnswersAlarm(AppendOnlyModel):
    """A model answers otherwise than in the window that a version was certified on; nobody has labelled anything.

    Once for each version and segment. In force while that version is.
    """

    revision = models.ForeignKey(
        ConfidencePolicyRevision, on_delete=models.PROTECT, related_name="answers_alarms", db_index=False
    )
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    segment = models.TextField(help_text="Of the certificate, as JSON.")
    since = models.DateField(help_text="The first of the days that were compared, UTC.")
    until = models.DateField(help_text="The last of them.")
    answers_before = models.PositiveBigIntegerField(
        help_text="In the certificate's window, on the same weekdays if enough."
    )
    answers_after = models.PositiveBigIntegerField()
    unanswered_before = models.PositiveBigIntegerField(help_text="Of these without a confidence: refused, abstained.")
    unanswered_after = models.PositiveBigIntegerField()
    psi = models.FloatField("PSI", help_text="Population stability index; above 0.2.")
    p_value = models.FloatField(help_text="Of a permutation test.")
    raised_at = models.DateTimeField()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["revision", "segment"], name="answers_alarm_once")]

    def __str__(self) -> str:
        return f"Answers changed since {self.since}"


class PolicyAlarm(AppendOnlyModel):
    """What a version of a policy allowed fails more often than was promised. In force while that version is."""

    revision = models.OneToOneField(ConfidencePolicyRevision, on_delete=models.PROTECT, related_name="alarm")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    look = models.ForeignKey(PolicyLook, on_delete=models.PROTECT, related_name="+")
    proposal = models.ForeignKey(
        ConfidencePolicyProposal,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Back to the config before; null: the definition refuses that config.",
    )
    raised_at = models.DateTimeField()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Alarm over {self.revision}"
