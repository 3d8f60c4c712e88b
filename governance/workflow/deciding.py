"""The first pair of eyes: approve or reject."""

from __future__ import annotations

from datetime import datetime

from confidence_project.foundation.errors import EvidenceChanged, InvalidInput, WrongState
from governance.access.permissions import Person, Verb
from governance.definitions import get_definition
from governance.models import ConfidencePolicyProposal, Workspace
from governance.policies.changes import changes_between
from governance.policies.config import parse_config
from governance.texts import clean_text
from governance.workflow.evidence import sha256_of
from governance.workflow.locked import locked_proposal
from governance.workflow.opening import LARGE_STEP
from governance.workflow.review import is_uncertified
from governance.workflow.transitions import require_source, signature, take_step

REASON_LENGTH = 2_000

UNCERTIFIED = (
    "This loosens, and no review and no candidate bears that out. Acknowledge explicitly that it stands outside of "
    "what calibration promises, or do not go on."
)


def approve_confidence_policy_proposal(
    *,
    actor: Person,
    workspace: Workspace,
    proposal_id: int,
    acknowledge_large_step: bool = False,
    acknowledge_uncertified: bool = False,
    reason: str = "",
    break_glass: bool = False,
) -> ConfidencePolicyProposal:
    """Approve a pending proposal on its evidence, whose hash is bound to the approval.

    Parameters
    ----------
    acknowledge_large_step
        Confirms a step larger than the definition's `max_step`, where nobody has yet; it is stored.
    acknowledge_uncertified
        Confirms that nothing bears out what the proposal loosens; it is stored.
    break_glass
        A superuser approves a proposal of their own in an emergency; needs a reason and is marked.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`.
    Conflict
        The proposal is not pending (any more), or its evidence is not what was recorded.
    InvalidInput
        The definition has changed and refuses the config, or a large step, or a loosening without a certificate, is not
        acknowledged.
    """
    with locked_proposal(Verb.APPROVE, actor, workspace, proposal_id, break_glass=break_glass) as (proposal, now):
        reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=break_glass)
        require_source("approve", proposal)
        require_fresh(proposal, now)
        if sha256_of(proposal.evidence) != proposal.evidence_sha256:
            raise EvidenceChanged(
                "The evidence is not what was recorded when the proposal was opened. Reject the proposal."
            )
        acknowledged = proposal.large_step_acknowledged or acknowledge_large_step
        if has_large_step(proposal) and not acknowledged:
            raise InvalidInput(LARGE_STEP)
        take_step(
            "approve",
            proposal,
            actor=actor,
            at=now,
            reason=reason,
            break_glass=break_glass,
            acknowledged_uncertified=require_acknowledged(proposal, acknowledge_uncertified),
            **signature("approver", actor),
            approved_at=now,
            approved_evidence_sha256=proposal.evidence_sha256,
            large_step_acknowledged=acknowledged,
        )
    return proposal


def reject_confidence_policy_proposal(
    *, actor: Person, workspace: Workspace, proposal_id: int, reason: str
) -> ConfidencePolicyProposal:
    """Reject an open proposal, and say why. An approved one can still be rejected.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`.
    InvalidInput
        The reason is empty or cannot be stored.
    Conflict
        The proposal is not open (any more).
    """
    with locked_proposal(Verb.REJECT, actor, workspace, proposal_id) as (proposal, now):
        reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True)
        rejection = {**signature("rejecter", actor), "rejected_at": now, "reject_reason": reason}
        take_step("reject", proposal, actor=actor, at=now, reason=reason, **rejection)
    return proposal


def has_large_step(proposal: ConfidencePolicyProposal) -> bool:
    """True when a value moves further than its `max_step`; raise `InvalidInput` when the config has become invalid."""
    definition = get_definition(proposal.policy_key)
    changes = changes_between(definition, proposal.base_config, parse_config(definition, proposal.config))
    return any(change.is_large for change in changes)


def require_acknowledged(proposal: ConfidencePolicyProposal, acknowledged: bool) -> bool:
    """Return whether a step has something to acknowledge; raise `InvalidInput` where it has and nobody did."""
    is_needed = is_uncertified(proposal)
    if is_needed and not acknowledged:
        raise InvalidInput(UNCERTIFIED)
    return is_needed


def require_appliable(proposal: ConfidencePolicyProposal, now: datetime) -> None:
    """Raise `Conflict` for a proposal that is not approved, has expired, or has other evidence than was approved."""
    require_source("apply", proposal)
    require_fresh(proposal, now)
    if sha256_of(proposal.evidence) != proposal.approved_evidence_sha256:
        raise EvidenceChanged("The evidence is not what was approved. Reject the proposal and open a new one.")


def require_fresh(proposal: ConfidencePolicyProposal, now: datetime) -> None:
    """Raise `Conflict` for a proposal whose time ran out since `expire_proposals` looked."""
    if proposal.expires_at <= now:
        raise WrongState("The proposal has expired. Open a new one.")
