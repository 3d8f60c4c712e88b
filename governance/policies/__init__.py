"""What governs a decision: the policy in force, what is in rollout beside it, and the controls over both."""

from governance.policies.context import GateContext, Reason
from governance.policies.effective import EffectivePolicy, PolicyUnavailable
from governance.policies.governing import current_version, hold, last_read, read_context, read_contexts
from governance.policies.run_time import ALLOWS_NOTHING, get_confidence_policy, resolve_threshold

__all__ = [
    "ALLOWS_NOTHING",
    "EffectivePolicy",
    "GateContext",
    "PolicyUnavailable",
    "Reason",
    "current_version",
    "get_confidence_policy",
    "hold",
    "last_read",
    "read_context",
    "read_contexts",
    "resolve_threshold",
]
