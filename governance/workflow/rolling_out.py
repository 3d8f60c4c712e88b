"""Try an approved proposal out before it is applied to all: in shadow, then on a share of the cases.

Promoting is applying the proposal; rejecting, expiry, a rollback, another proposal's application and a kill switch
end a rollout in their own transaction.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from confidence_project.foundation.errors import FieldProblem, InvalidInput, WrongState
from governance.access.permissions import Person, Verb, require
from governance.definitions import get_definition
from governance.models import (
    BreakGlassReview,
    ConfidencePolicyProposal,
    KillSwitch,
    Rollout,
    Workspace,
)
from governance.policies.config import parse_config
from governance.policies.stored import stored_policy
from governance.rollouts.steps import active_rollout, move_rollout, write_rollout_event
from governance.texts import clean_text
from governance.workflow.break_glass_reviews import open_review
from governance.workflow.deciding import REASON_LENGTH, require_acknowledged, require_appliable
from governance.workflow.expiry import expire_proposals
from governance.workflow.locked import locked_proposal
from governance.workflow.transitions import proposal_in, stale


def start_rollout(*, actor: Person, workspace: Workspace, proposal_id: int, reason: str = "") -> Rollout:
    """Set an approved proposal to shadow: the gate records what it would have said, and nothing else changes.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`.
    Conflict
        The proposal is not approved (any more), is stale or expired; another rollout of the policy is active, or a
        kill switch is engaged over it.
    InvalidInput
        The definition has changed and refuses the config.
    """
    require(Verb.ROLL_OUT, actor, workspace)
    reason = clean_text(reason, name="reason", max_length=REASON_LENGTH)
    proposal_in(workspace, proposal_id)
    expire_proposals(workspace=workspace)
    with transaction.atomic():
        workspace.lock()
        now = timezone.now()
        proposal = proposal_in(workspace, proposal_id)
        _check_still_applies(proposal, now)
        _check_free(proposal)
        rollout = Rollout.objects.create(
            workspace=workspace, policy_key=proposal.policy_key, proposal=proposal, started_at=now
        )
        write_rollout_event(rollout, "shadow", "", actor=actor, at=now, reason=reason)
    return rollout


def set_canary_share(
    *,
    actor: Person,
    workspace: Workspace,
    proposal_id: int,
    share: Decimal,
    reason: str = "",
    break_glass: bool = False,
    acknowledge_uncertified: bool = False,
) -> Rollout:
    """Let the proposal in rollout decide for a share of the cases, or for a larger one than before.

    Which cases follows from a hash of the case key: a raised share only adds cases, and none goes back and forth.

    Parameters
    ----------
    share
        More than now and less than 1, at most 4 decimals. It cannot be lowered: withdraw instead. For all cases,
        apply the proposal.
    break_glass
        A superuser lets decide what they approved themselves, in an emergency. Needs a reason, is marked, and opens a
        `BreakGlassReview` that somebody else has to close.
    acknowledge_uncertified
        Confirms that nothing bears out what the proposal loosens; no case is decided by such a proposal without it.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`: four eyes as for applying.
    Conflict
        The proposal has no active rollout, or it is stale or expired; or a kill switch is engaged over the policy.
    InvalidInput
        The share is not one that can be set, or a loosening without a certificate is not acknowledged.
    """
    with locked_proposal(Verb.ROLL_OUT, actor, workspace, proposal_id, break_glass=break_glass) as (proposal, now):
        reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=break_glass)
        rollout = active_rollout(proposal)
        _check_still_applies(proposal, now)
        _check_not_stopped(proposal)
        share = _checked_share(share, rollout.share)
        require_acknowledged(proposal, acknowledge_uncertified)
        glass_broken = break_glass or proposal.events.filter(break_glass=True).exists()
        step: dict[str, Any] = {"actor": actor, "at": now, "reason": reason}
        event = move_rollout("canary", rollout, **step, share=share, break_glass=glass_broken)
        if break_glass or (glass_broken and not _is_under_review(rollout)):
            open_review(event, rollout.policy_key, **step)
    return rollout


def withdraw_rollout(*, actor: Person, workspace: Workspace, proposal_id: int, reason: str) -> Rollout:
    """End the rollout of a proposal: the policy in force rules over every case again. The proposal stays approved.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`; whoever approved may withdraw.
    Conflict
        The proposal has no active rollout.
    InvalidInput
        The reason is empty or cannot be stored.
    """
    require(Verb.ROLL_OUT, actor, workspace)
    reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True)
    with transaction.atomic():
        workspace.lock()
        rollout = active_rollout(proposal_in(workspace, proposal_id))
        move_rollout("withdraw", rollout, actor=actor, at=timezone.now(), reason=reason)
    return rollout


def _is_under_review(rollout: Rollout) -> bool:
    """True when a step of the rollout was put under review already: a raised share is no new approval."""
    return BreakGlassReview.objects.filter(rollout_event__rollout=rollout).exists()


def _check_still_applies(proposal: ConfidencePolicyProposal, now: datetime) -> None:
    """What could not be applied now is not worth a rollout."""
    require_appliable(proposal, now)
    parse_config(get_definition(proposal.policy_key), proposal.config)
    version, _ = stored_policy(proposal.workspace, proposal.policy_key)
    if version != proposal.base_version:
        raise stale(proposal.base_version, version)


def _check_free(proposal: ConfidencePolicyProposal) -> None:
    """One rollout at a time for each policy, and none while decisions are stopped."""
    if Rollout.objects.in_workspace(proposal.workspace).active().filter(policy_key=proposal.policy_key).exists():
        raise WrongState("A rollout of this policy is active already. Withdraw it first.")
    _check_not_stopped(proposal)


def _check_not_stopped(proposal: ConfidencePolicyProposal) -> None:
    """A step taken while every decision is blocked would show nothing, and be felt only when the switch is lifted."""
    if settings.CONFIDENCE_KILL_SWITCH:
        raise WrongState("The environment's kill switch (CONFIDENCE_KILL_SWITCH) is on. Lift it first.")
    switches = KillSwitch.objects.in_workspace(proposal.workspace).in_force()
    if switches.covering(proposal.policy_key).exists():
        raise WrongState("A kill switch is engaged over this policy. Release it first.")


def _checked_share(share: Any, share_now: Decimal) -> Decimal:
    problem = None
    if not isinstance(share, Decimal) or not share.is_finite() or not 0 < share < 1:
        problem = "must lie between 0 and 1, both excluded; apply the proposal to reach all cases"
    elif share != share.quantize(Decimal("0.0001")):
        problem = "must have at most 4 decimals"
    elif share <= share_now:
        problem = "can only be raised, or cases would go back and forth; withdraw the rollout to step back"
    if problem:
        raise InvalidInput(f"The share {problem}.", [FieldProblem("/share", "value", f"share {problem}")])
    return Decimal(share)
