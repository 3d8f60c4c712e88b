"""Controls that stand over policies. Each row is in force from `started_at` until `ended_at`; ended rows stay."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from confidence_project.foundation.errors import InvalidInput
from governance.definitions import title_of
from governance.models.actors import actor_name, actor_of_mutable_row
from governance.models.policies import ConfidencePolicyRevision
from governance.models.rollouts import RolloutEvent
from governance.models.scoping import Row, WorkspaceScopedQuerySet
from governance.models.versions import governs
from governance.models.webhooks import WebhookEndpoint
from governance.models.workspaces import Workspace
from governance.sampling_rates import SamplingRates, read_rates

Event = WebhookEndpoint.Event

REASON_LENGTH = 500

IN_FORCE = Q(ended_at__isnull=True)


class ControlQuerySet(WorkspaceScopedQuerySet[Row]):
    """Reads of controls."""

    def in_force(self) -> Self:
        return self.filter(IN_FORCE)

    def covering(self, *policy_keys: str) -> Self:
        """Those that cover one of the policy keys: its own, and the workspace-wide ones (blank key)."""
        return self.filter(policy_key__in=["", *policy_keys])


class Control(models.Model):
    """Who put something in force, when and why, and who ended it."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    policy_key = models.CharField(max_length=100, blank=True, default="", help_text="Blank: the whole workspace.")
    reason = models.CharField(max_length=REASON_LENGTH)
    started_at = models.DateTimeField()
    started_by = actor_of_mutable_row()
    started_by_name = actor_name()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = actor_of_mutable_row()
    ended_by_name = actor_name()
    end_reason = models.CharField(max_length=REASON_LENGTH, blank=True, default="")

    objects = ControlQuerySet.as_manager()

    gate_columns: ClassVar[tuple[str, str] | None] = None
    """Two expressions in SQL by which the gate reads the rows in force, beside their policy key; None: it does not."""

    announced: ClassVar[tuple[Event, Event] | None] = None
    """What webhooks call its start and its end; None: they are not told."""

    told: ClassVar[tuple[str, ...]] = ()
    """Fields of which they are told, beside id and policy key: none that holds what a person wrote."""

    class Meta:
        abstract = True
        ordering = ["-started_at", "-id"]

    @classmethod
    def row_kind(cls) -> str:
        """What the gate's statement calls rows of this control."""
        return str(cls._meta.model_name)


class KillSwitch(Control):
    """Blocks every decision of a workspace, or of one policy key, from the next call on."""

    gate_columns = ("''", "''")
    versioned = governs()
    announced = (Event.KILL_SWITCH_ENGAGED, Event.KILL_SWITCH_RELEASED)

    class Meta(Control.Meta):
        verbose_name_plural = "kill switches"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "policy_key"], condition=IN_FORCE, name="kill_switch_once")
        ]

    def __str__(self) -> str:
        return f"Kill switch on {title_of(self.policy_key) if self.policy_key else 'everything'} in {self.workspace}"


class BlockedSource(Control):
    """Blocks decisions of one provider or one model."""

    class Kind(models.TextChoices):
        PROVIDER = "provider", "Provider"
        MODEL = "model", "Model"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    value = models.CharField(max_length=200)

    gate_columns = ("kind", "value")
    versioned = governs()
    announced = (Event.SOURCE_BLOCKED, Event.SOURCE_UNBLOCKED)
    told = ("kind",)

    class Meta(Control.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "policy_key", "kind", "value"], condition=IN_FORCE, name="blocked_source_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value} blocked in {self.workspace}"


def check_rules(rules: object) -> None:
    try:
        read_rates(Decimal(0), rules)
    except InvalidInput as error:
        raise ValidationError(error.detail) from error


class AuditSampling(Control):
    """Sends a share of the decisions of a policy key to human review; the verdict stays what it is."""

    rate = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Probability with which a blocked decision is selected that no rule covers, 0 to 1.",
    )
    rules = models.JSONField(
        null=True,
        blank=True,
        validators=[check_rules],
        help_text="Rates of what is allowed or blocked, by confidence and segment: see SamplingRates; null: none.",
    )

    gate_columns = ("COALESCE(CAST(rules AS text), 'null')", "CAST(rate AS text)")
    versioned = governs()
    announced = (Event.AUDIT_SAMPLING_STARTED, Event.AUDIT_SAMPLING_STOPPED)
    told = ("rate", "rule_rates")

    class Meta(Control.Meta):
        verbose_name_plural = "audit sampling"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "policy_key"], condition=IN_FORCE, name="audit_sampling_once"),
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lte=1), name="audit_sampling_rate_is_probability"),
        ]

    def __str__(self) -> str:
        return f"Audit sampling of {title_of(self.policy_key)} in {self.workspace}"

    @property
    def rule_rates(self) -> list[dict[str, object]]:
        """The rules without the values that they match, which a person wrote."""
        return [{**rule.as_json(), "match": [key for key, _ in rule.match]} for rule in self.rates.rules]

    @property
    def rates(self) -> SamplingRates:
        """What is drawn."""
        return read_rates(self.rate, self.rules)


class BreakGlassReview(Control):
    """An emergency change that a second superuser still has to look at; ending the row closes the review."""

    revision = models.OneToOneField(
        ConfidencePolicyRevision, on_delete=models.PROTECT, null=True, blank=True, related_name="review"
    )
    rollout_event = models.OneToOneField(
        RolloutEvent, on_delete=models.PROTECT, null=True, blank=True, related_name="review"
    )

    announced = (Event.BREAK_GLASS_REVIEW_OPENED, Event.BREAK_GLASS_REVIEW_CLOSED)
    told = ("revision_id", "rollout_event_id")

    class Meta(Control.Meta):
        indexes = [models.Index(fields=["workspace"], condition=IN_FORCE, name="break_glass_open")]
        constraints = [
            models.CheckConstraint(
                condition=Q(revision__isnull=False, rollout_event__isnull=True)
                | Q(revision__isnull=True, rollout_event__isnull=False),
                name="break_glass_of_one_change",
            )
        ]

    def __str__(self) -> str:
        return f"Break-glass review {self.pk} of {title_of(self.policy_key)}"

    @property
    def change(self) -> ConfidencePolicyRevision | RolloutEvent:
        """What has to be looked at."""
        change = self.revision or self.rollout_event
        assert change is not None  # noqa: S101 - narrows the type; a constraint of the table says it
        return change
