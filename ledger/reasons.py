"""Reason codes: why a verdict is what it is."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Reason codes of the gate, in the order in which it looks for them."""

    KILL_SWITCH = "kill_switch"
    AUTOMATION_DISABLED = "automation_disabled"
    POLICY_UNAVAILABLE = "policy_unavailable"
    SCHEMA_INVALID = "schema_invalid"
    LLM_REFUSAL = "llm_refusal"
    MISSING_LLM_DECISION = "missing_llm_decision"
    PROVIDER_BLOCKED = "provider_blocked"
    MODEL_BLOCKED = "model_blocked"
    MISSING_RISK_SCORE = "missing_risk_score"
    ML_RISK_THRESHOLD_EXCEEDED = "ml_risk_threshold_exceeded"
    LLM_CONFIDENCE_BELOW_THRESHOLD = "llm_confidence_below_threshold"
    ALLOWED = "allowed"


class PipelineReason(StrEnum):
    """Reason codes of the pipelines. A payload carries at most one; the gate puts it after `policy_unavailable`."""

    # There is nothing to judge.
    EMPTY_AUDIO = "empty_audio"
    TRANSCRIPTION_FAILED = "transcription_failed"
    AGENT_UNREACHABLE = "agent_unreachable"
    PROMPT_FAILED = "prompt_failed"

    # Something that is no threshold stands against it.
    NOT_RECOMMENDED = "not_recommended"
    AUTO_BOOKING_DISABLED = "auto_booking_disabled"
    TIMEZONE_CLARIFICATION_NEEDED = "timezone_clarification_needed"
    AVAILABILITY_NOT_MATCHED = "availability_not_matched"
    BOOKING_NEEDS_CLARIFICATION = "booking_needs_clarification"
    BOOKING_DENIED = "booking_denied"


OBSERVED = "observed"
"""Reason of a record that the gate was not asked about: the verdict is the host's own."""

THRESHOLD_REASONS = frozenset({Reason.ML_RISK_THRESHOLD_EXCEEDED, Reason.LLM_CONFIDENCE_BELOW_THRESHOLD})
"""Blocks that another threshold would have let through: what audit sampling draws from."""
