"""Versioned prompts with checked answers. `run_prompt` is in `telemetry.prompts.runner`, with the provider's SDK."""

from telemetry.prompts.registry import PromptDefinition, all_prompts, get_prompt, register_prompt
from telemetry.prompts.standard import (
    AutoSendEvaluation,
    BookingDecision,
    BookingGateDecision,
    OverseerDecision,
    OverseerGateDecision,
    ProposedTime,
    ProposedTimes,
)

__all__ = [
    "AutoSendEvaluation",
    "BookingDecision",
    "BookingGateDecision",
    "OverseerDecision",
    "OverseerGateDecision",
    "PromptDefinition",
    "ProposedTime",
    "ProposedTimes",
    "all_prompts",
    "get_prompt",
    "register_prompt",
]
