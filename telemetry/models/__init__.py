"""What telemetry keeps of AI calls and of the domains that use them: numbers, labels and times, never text."""

from telemetry.models.otlp import Evaluator, Reception
from telemetry.models.records import (
    AIDraft,
    AIInteraction,
    FollowUpBooking,
    HostRecord,
    InboundMessage,
    MeetingOverseerDecision,
    SameCall,
)

__all__ = [
    "AIDraft",
    "AIInteraction",
    "Evaluator",
    "FollowUpBooking",
    "HostRecord",
    "InboundMessage",
    "MeetingOverseerDecision",
    "Reception",
    "SameCall",
]
