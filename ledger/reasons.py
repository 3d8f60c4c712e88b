"""Reason codes: why a verdict is what it is."""

from __future__ import annotations

from governance.definitions import ReasonCode
from governance.policies import Reason

__all__ = ["ASKED_REASONS", "OBSERVED", "THRESHOLD_REASONS", "PipelineReason", "Reason", "ReasonCode"]


class PipelineReason(ReasonCode):
    """Reason codes of the pipelines. A payload carries at most one; the gate puts it after `policy_unavailable`."""

    # There is nothing to judge.
    EMPTY_AUDIO = "empty_audio", "the recording held nothing to transcribe"
    TRANSCRIPTION_FAILED = "transcription_failed", "the recording could not be transcribed"
    AGENT_UNREACHABLE = "agent_unreachable", "the agent could not be reached"
    PROMPT_FAILED = "prompt_failed", "the prompt could not be run"

    # The reply of a decision model is sound, and holds no answer to judge.
    LLM_ABSTENTION = "llm_abstention", "the model abstained from an answer"
    UNSUPPORTED_QUESTION = "unsupported_question", "the model does not answer questions of this type"
    UNKNOWN_ANSWER_TYPE = "unknown_answer_type", "the answer is of a type that is not known"
    NO_CONFIDENCE = "no_confidence", "the answer came without a confidence"
    QUESTION_NOT_NAMED = "question_not_named", "the reply held several answers, and the policy names no question"

    # Something that is no threshold stands against it.
    NOT_RECOMMENDED = "not_recommended", "the model did not recommend to act"
    AUTO_BOOKING_DISABLED = "auto_booking_disabled", "automatic booking was switched off"
    TIMEZONE_CLARIFICATION_NEEDED = "timezone_clarification_needed", "the time zone has to be asked for first"
    AVAILABILITY_NOT_MATCHED = "availability_not_matched", "the time asked for is not free"
    BOOKING_NEEDS_CLARIFICATION = "booking_needs_clarification", "the booking has to be clarified first"
    BOOKING_DENIED = "booking_denied", "the booking was denied"


OBSERVED = "observed"
"""Reason of a record that the gate was not asked about: the verdict is the host's own."""

THRESHOLD_REASONS = frozenset(
    {
        Reason.ML_RISK_THRESHOLD_EXCEEDED,
        Reason.LLM_CONFIDENCE_BELOW_THRESHOLD,
        Reason.LLM_CONFIDENCE_ABOVE_CEILING,
    }
)
"""Blocks that another threshold would have let through: what audit sampling draws from."""

JUDGED_BY_THRESHOLDS = [OBSERVED, Reason.ALLOWED.value, *sorted(reason.value for reason in THRESHOLD_REASONS)]
"""The reasons on record of decisions that nothing but a threshold could have blocked."""

ASKED_REASONS = frozenset(
    {
        Reason.LLM_CONFIDENCE_BELOW_THRESHOLD,
        Reason.LLM_CONFIDENCE_ABOVE_CEILING,
        PipelineReason.LLM_ABSTENTION,
    }
)
"""The model is not sure enough, or says so itself: what a policy that asks leaves to people. Other reasons block."""
