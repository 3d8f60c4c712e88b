"""Records that hosts send: AI calls, and the rows of the domains that use them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from governance.models import Workspace
from governance.models.scoping import WorkspaceScopedQuerySet


def _probability(help_text: str) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True, help_text=help_text)


class HostRecord(models.Model):
    """A record that a host sends under an id of its own, so that a retry is not a second row."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    external_id = models.CharField(max_length=200, null=True, blank=True, help_text="The host's own id.")
    body_sha256 = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, help_text="When it happened.")
    received_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["workspace", "created_at"], name="%(class)s_time"),
            models.Index(fields=["workspace", "id"], name="%(class)s_page"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "external_id"], name="%(app_label)s_%(class)s_external_id")
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.external_id or self.pk}"


class AIInteraction(HostRecord):
    """One call of a model: who, how long, how many tokens, and how it ended."""

    class Status(models.TextChoices):
        OK = "ok", "OK"
        ERROR = "error", "Error"

    feature_id = models.CharField(max_length=200, blank=True, default="")
    prompt_key = models.CharField(max_length=200, blank=True, default="")
    provider = models.CharField(max_length=200, blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="")
    operation = models.CharField(max_length=200, blank=True, default="")
    status = models.CharField(max_length=5, choices=Status.choices, default=Status.OK)
    error_type = models.CharField(max_length=200, blank=True, default="")
    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    reasoning_tokens = models.PositiveIntegerField(null=True, blank=True)
    cached_tokens = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.FloatField(null=True, blank=True)
    trace_id = models.CharField(max_length=32, blank=True, default="")
    span_id = models.CharField(max_length=16, blank=True, default="")
    parent_span_id = models.CharField(
        max_length=16, blank=True, default="", help_text="The span around it, which may watch the same call."
    )
    response_id = models.CharField(max_length=200, blank=True, default="", help_text="The provider's id of its answer.")
    metadata = models.JSONField(null=True, blank=True)
    metadata_removed = models.JSONField(
        null=True, blank=True, help_text="How many metadata entries were removed, by reason."
    )

    class Meta(HostRecord.Meta):
        verbose_name = "AI interaction"
        indexes = [
            *HostRecord.Meta.indexes,
            # Evaluations name the answer that they judge by the provider's id.
            models.Index(
                fields=["workspace", "response_id"], condition=~models.Q(response_id=""), name="aiinteraction_response"
            ),
            # A span finds the call inside it that is stored already.
            models.Index(
                fields=["workspace", "parent_span_id"],
                condition=~models.Q(parent_span_id=""),
                name="aiinteraction_parent",
            ),
            # The inspector: each filter finds its newest rows, and the values in use, without reading the others.
            models.Index(fields=["workspace", "feature_id", "created_at"], name="aiinteraction_feature"),
            models.Index(fields=["workspace", "provider", "created_at"], name="aiinteraction_provider"),
            models.Index(fields=["workspace", "model", "created_at"], name="aiinteraction_model"),
            models.Index(
                fields=["workspace", "created_at"], condition=models.Q(status="error"), name="aiinteraction_errors"
            ),
            models.Index(
                fields=["workspace", "created_at"],
                condition=models.Q(metadata__isnull=False),
                name="aiinteraction_with_metadata",
            ),
            models.Index(
                fields=["workspace", "created_at"],
                condition=models.Q(metadata__isnull=True),
                name="aiinteraction_bare",
            ),
        ]


class SameCall(models.Model):
    """A span that watches a call which `interaction` stands for: whoever names the span means that call."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    external_id = models.CharField(max_length=200, help_text="Trace and span.")
    parent_span_id = models.CharField(max_length=16, blank=True, default="")
    interaction = models.ForeignKey(AIInteraction, on_delete=models.CASCADE, related_name="other_spans")

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["workspace", "parent_span_id"], condition=~models.Q(parent_span_id=""), name="samecall_parent"
            )
        ]
        constraints = [models.UniqueConstraint(fields=["workspace", "external_id"], name="samecall_external_id")]

    def __str__(self) -> str:
        return f"Span {self.external_id} of {self.interaction}"


class AIDraft(HostRecord):
    """A drafted reply that the auto-send evaluator judged."""

    class Action(models.TextChoices):
        SEND = "send", "Send"
        HOLD = "hold", "Hold for a person"

    class Disposition(models.TextChoices):
        AUTO_SENT = "auto_sent", "Sent without a person"
        SENT_BY_PERSON = "sent_by_person", "Sent by a person"
        EDITED = "edited", "Edited, then sent"
        DISCARDED = "discarded", "Discarded"

    provider = models.CharField(max_length=200, blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="")
    confidence = _probability("0 to 1.")
    threshold = _probability("The threshold that was applied.")
    action = models.CharField(max_length=4, choices=Action.choices, blank=True, default="")
    channel = models.CharField(max_length=200, blank=True, default="")
    disposition = models.CharField(max_length=14, choices=Disposition.choices, blank=True, default="")
    case_key = models.CharField(max_length=200, blank=True, default="")
    evaluated_at = models.DateTimeField(null=True, blank=True)

    class Meta(HostRecord.Meta):
        verbose_name = "AI draft"


class InboundMessage(HostRecord):
    """The sentiment of a message that answered a draft: the label and the time, nothing else."""

    class Sentiment(models.TextChoices):
        POSITIVE = "positive", "Positive"
        NEUTRAL = "neutral", "Neutral"
        NEGATIVE = "negative", "Negative"

    draft = models.ForeignKey(AIDraft, on_delete=models.CASCADE, related_name="replies")
    sentiment = models.CharField(max_length=8, choices=Sentiment.choices)

    class Meta(HostRecord.Meta):
        verbose_name = "inbound message"


class MeetingOverseerDecision(HostRecord):
    """One stage of the meeting overseer's judgement of one message."""

    class Stage(models.TextChoices):
        EXTRACT = "extract", "Extract"
        GATE = "gate", "Gate"
        BOOKING_GATE = "booking_gate", "Booking gate"

    message_ref = models.CharField(max_length=200, help_text="The host's id of the message.")
    stage = models.CharField(max_length=12, choices=Stage.choices)
    decision = models.CharField(max_length=200)
    confidence = _probability("0 to 1.")
    provider = models.CharField(max_length=200, blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="")
    prompt_key = models.CharField(max_length=200, blank=True, default="")
    human_override = models.CharField(max_length=200, blank=True, default="", help_text="What a person decided.")
    overridden_at = models.DateTimeField(null=True, blank=True)

    class Meta(HostRecord.Meta):
        verbose_name = "meeting overseer decision"
        constraints = [
            *HostRecord.Meta.constraints,
            models.UniqueConstraint(fields=["workspace", "message_ref", "stage"], name="overseer_stage_once"),
        ]


class FollowUpBooking(HostRecord):
    """A meeting that a follow-up proposed, whether it was booked without a person, and what became of it."""

    class Outcome(models.TextChoices):
        KEPT = "kept", "Kept"
        RESCHEDULED = "rescheduled", "Rescheduled"
        CANCELLED = "cancelled", "Cancelled"
        NO_SHOW = "no_show", "No-show"
        CORRECTED = "corrected", "Corrected by a person"

    provider = models.CharField(max_length=200, blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="")
    parse_confidence = _probability("0 to 1.")
    threshold = _probability("The threshold that was applied.")
    auto_booked = models.BooleanField(default=False)
    case_key = models.CharField(max_length=200, blank=True, default="")
    outcome = models.CharField(max_length=11, choices=Outcome.choices, blank=True, default="")
    outcome_at = models.DateTimeField(null=True, blank=True)

    class Meta(HostRecord.Meta):
        verbose_name = "follow-up booking"
