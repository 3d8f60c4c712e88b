"""What hosts send about AI calls and about the domains that use them.

Every record carries `external_id`, the host's own id, so that a retry is not a second row. A later fact about a
record (an override, an outcome, a disposition) names the record by that same id. Unknown fields are refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator

from governance.vocabulary import HostId, Identifier, ModelName, Probability, ProviderName, Timestamp, Whole

Count = Annotated[int, Field(strict=True, ge=0, le=2_147_483_647), Whole]
Milliseconds = Annotated[float, Field(strict=True, ge=0, le=1e12, allow_inf_nan=False)]
TraceId = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{32}$")]
SpanId = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{16}$")]

Disposition = Literal["auto_sent", "sent_by_person", "edited", "discarded"]
BookingOutcome = Literal["kept", "rescheduled", "cancelled", "no_show", "corrected"]

BOOKING_GATE_DECISIONS = ("approve", "needs_clarification", "deny")


class Envelope(BaseModel):
    """What every submitted item has."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    external_id: HostId


def _null_or_given_together(one: str, other: str) -> dict[str, Any]:
    """Return as JSON Schema what `_both_or_neither` checks."""
    neither = {"properties": {name: {"type": "null"} for name in (one, other)}}
    both = {"properties": {name: {"type": "string"} for name in (one, other)}, "required": [one, other]}
    return {"anyOf": [neither, both]}


class RecordEnvelope(Envelope):
    """A record, with the time at which it happened; without one, it happened when it was received."""

    created_at: Timestamp | None = None


class InteractionEnvelope(RecordEnvelope):
    """One call of a model. Of `metadata` only what the allowlist declares is kept."""

    feature_id: Identifier = ""
    prompt_key: Identifier = ""
    provider: ProviderName = ""
    model: ModelName = ""
    operation: Identifier = ""
    status: Literal["ok", "error"] = "ok"
    error_type: Identifier = ""
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    cached_tokens: Count | None = None
    duration_ms: Milliseconds | None = None
    trace_id: TraceId = ""
    span_id: SpanId = ""
    response_id: HostId = Field(default="", description="The provider's id of its answer.")
    metadata: dict[Any, Any] | None = None


class SpanEnvelope(InteractionEnvelope):
    """An AI call that came as a span. `parent_span_id` is that of the span around it, in the same trace."""

    parent_span_id: SpanId = ""


class DraftEnvelope(RecordEnvelope):
    """A drafted reply that the auto-send evaluator judged."""

    provider: ProviderName = ""
    model: ModelName = ""
    confidence: Probability | None = None
    threshold: Probability | None = None
    action: Literal["send", "hold"]
    channel: Identifier = ""
    disposition: Disposition | None = None
    case_key: HostId = ""
    evaluated_at: Timestamp | None = None


class SentimentEnvelope(RecordEnvelope):
    """The sentiment of an inbound message that answered a draft."""

    draft: HostId = Field(description="The external id of the draft.")
    sentiment: Literal["positive", "neutral", "negative"]


class OverseerDecisionEnvelope(RecordEnvelope):
    """One stage of the meeting overseer's judgement of one message."""

    model_config = ConfigDict(
        json_schema_extra={
            **_null_or_given_together("human_override", "overridden_at"),
            "if": {"properties": {"stage": {"const": "booking_gate"}}},
            "then": {"properties": {"decision": {"enum": [*BOOKING_GATE_DECISIONS]}}},
        }
    )

    message_ref: HostId = Field(description="The host's id of the message.")
    stage: Literal["extract", "gate", "booking_gate"]
    decision: Identifier
    confidence: Probability | None = None
    provider: ProviderName = ""
    model: ModelName = ""
    prompt_key: Identifier = ""
    human_override: Identifier | None = None
    overridden_at: Timestamp | None = None

    @model_validator(mode="after")
    def _agrees_with_its_stage(self) -> Self:
        if self.stage == "booking_gate" and self.decision not in BOOKING_GATE_DECISIONS:
            raise ValueError(f"a booking gate decides one of {', '.join(BOOKING_GATE_DECISIONS)}")
        return _both_or_neither(self, "human_override", "overridden_at")


class BookingEnvelope(RecordEnvelope):
    """A meeting that a follow-up proposed."""

    model_config = ConfigDict(json_schema_extra=_null_or_given_together("outcome", "outcome_at"))

    provider: ProviderName = ""
    model: ModelName = ""
    parse_confidence: Probability | None = None
    threshold: Probability | None = None
    auto_booked: StrictBool = False
    case_key: HostId = ""
    outcome: BookingOutcome | None = None
    outcome_at: Timestamp | None = None

    @model_validator(mode="after")
    def _outcome_has_its_time(self) -> Self:
        return _both_or_neither(self, "outcome", "outcome_at")


class DispositionEnvelope(Envelope):
    """What became of a draft; `external_id` is the draft's."""

    disposition: Disposition


class OverrideEnvelope(Envelope):
    """What a person decided instead of the overseer; `external_id` is the overseer decision's."""

    human_override: Identifier
    overridden_at: Timestamp


class BookingOutcomeEnvelope(Envelope):
    """What became of a booking; `external_id` is the booking's."""

    outcome: BookingOutcome
    outcome_at: Timestamp


SomeEnvelope = TypeVar("SomeEnvelope", bound=Envelope)


def _both_or_neither(envelope: SomeEnvelope, one: str, other: str) -> SomeEnvelope:
    if (getattr(envelope, one) is None) != (getattr(envelope, other) is None):
        raise ValueError(f"{one} and {other} come together or not at all")
    return envelope
