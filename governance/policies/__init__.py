"""What governs a decision: the policy in force, what is on trial beside it, and the controls over both."""

from governance.policies.effective import (
    ALLOWS_NOTHING,
    EffectivePolicy,
    PolicyUnavailable,
    Standing,
    get_confidence_policy,
    read_standing,
    read_standings,
    resolve_threshold,
)

__all__ = [
    "ALLOWS_NOTHING",
    "EffectivePolicy",
    "PolicyUnavailable",
    "Standing",
    "get_confidence_policy",
    "read_standing",
    "read_standings",
    "resolve_threshold",
]
