"""How a policy changes: proposal → approval → application, and back. Every verb holds its own permission.

Each verb is a compare-and-swap in one transaction with its audit row; losing a race is a `Conflict`.
"""

from governance.rollouts.steps import ROLLOUT_TRANSITIONS
from governance.selectors import list_confidence_policy_proposals
from governance.workflow.applying import (
    apply_confidence_policy_proposal,
    promote_rollout,
    rollback_confidence_policy_revision,
)
from governance.workflow.deciding import (
    approve_confidence_policy_proposal,
    has_large_step,
    reject_confidence_policy_proposal,
)
from governance.workflow.expiry import expire_proposals
from governance.workflow.opening import (
    SUMMARY_LENGTH,
    TITLE_LENGTH,
    open_proposal,
    propose_confidence_policy,
)
from governance.workflow.rolling_out import set_canary_share, start_rollout, withdraw_rollout
from governance.workflow.transitions import TRANSITIONS, Transition

__all__ = [
    "ROLLOUT_TRANSITIONS",
    "SUMMARY_LENGTH",
    "TITLE_LENGTH",
    "TRANSITIONS",
    "Transition",
    "apply_confidence_policy_proposal",
    "approve_confidence_policy_proposal",
    "expire_proposals",
    "has_large_step",
    "list_confidence_policy_proposals",
    "open_proposal",
    "promote_rollout",
    "propose_confidence_policy",
    "reject_confidence_policy_proposal",
    "rollback_confidence_policy_revision",
    "set_canary_share",
    "start_rollout",
    "withdraw_rollout",
]
