"""Try an approved proposal out before it is applied to all: in shadow, then on a share of the cases.

Promoting is applying the proposal; rejecting, expiry, a rollback, another proposal's application and a kill switch
end a rollout in their own transaction.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from confidence_project.errors import Conflict, FieldProblem, InvalidInput
from governance.config import parse_config
from governance.definitions import get_definition
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, KillSwitch, Rollout, Workspace
from governance.permissions import Person, Verb, require
from governance.texts import clean_text
from governance.workflow.deciding import REASON_LENGTH, require_appliable
from governance.workflow.expiry import expire_proposals
from governance.workflow.rollout_steps import move_rollout, write_rollout_event
from governance.workflow.transitions import lock, proposal_in


def start_rollout(*, actor: Person, workspace: Workspace, proposal_id: int, reason: str = "") -> Rollout:
    """Set an approved proposal to shadow: the gate records what it would have said, and nothing else changes.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.permissions.require`.
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
        lock(workspace)
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
    *, actor: Person, workspace: Workspace, proposal_id: int, share: Decimal, reason: str = ""
) -> Rollout:
    """Let the proposal on trial decide for a share of the cases, or for a larger one than before.

    Which cases follows from a hash of the case key: a raised share only adds cases, and none goes back and forth.

    Parameters
    ----------
    share
        More than now and less than 1, at most 4 decimals. It cannot be lowered: withdraw instead. For all cases,
        apply the proposal.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.permissions.require`: four eyes as for applying.
    Conflict
        The proposal has no active rollout, or it is stale or expired.
    InvalidInput
        The share is not one that can be set.
    """
    require(Verb.ROLL_OUT, actor, workspace, proposal_in(workspace, proposal_id))
    reason = clean_text(reason, name="reason", max_length=REASON_LENGTH)
    expire_proposals(workspace=workspace)
    with transaction.atomic():
        lock(workspace)
        now = timezone.now()
        proposal = proposal_in(workspace, proposal_id)
        require(Verb.ROLL_OUT, actor, workspace, proposal)
        rollout = _active(proposal)
        _check_still_applies(proposal, now)
        move_rollout("canary", rollout, actor=actor, at=now, reason=reason, share=_checked_share(share, rollout.share))
    return rollout


def withdraw_rollout(*, actor: Person, workspace: Workspace, proposal_id: int, reason: str) -> Rollout:
    """End the trial of a proposal: the policy in force rules over every case again. The proposal stays approved.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.permissions.require`; whoever approved may withdraw.
    Conflict
        The proposal has no active rollout.
    InvalidInput
        The reason is empty or cannot be stored.
    """
    require(Verb.ROLL_OUT, actor, workspace)
    reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True)
    with transaction.atomic():
        lock(workspace)
        rollout = _active(proposal_in(workspace, proposal_id))
        move_rollout("withdraw", rollout, actor=actor, at=timezone.now(), reason=reason)
    return rollout


def _active(proposal: ConfidencePolicyProposal) -> Rollout:
    rollout = Rollout.objects.active().filter(proposal=proposal).first()
    if rollout is None:
        raise Conflict("The proposal has no active rollout (any more). Set it to shadow first.")
    return rollout


def _check_still_applies(proposal: ConfidencePolicyProposal, now: datetime) -> None:
    """What could not be applied now is not worth a trial."""
    require_appliable(proposal, now)
    parse_config(get_definition(proposal.policy_key), proposal.config)
    policy = ConfidencePolicy.objects.in_workspace(proposal.workspace).filter(policy_key=proposal.policy_key).first()
    version = policy.version if policy else 0
    if version != proposal.base_version:
        raise Conflict(
            f"Stale: made for version {proposal.base_version}, but the policy has moved on to version {version}. "
            "Look at the policy again and open a new proposal."
        )


def _check_free(proposal: ConfidencePolicyProposal) -> None:
    """One trial at a time for each policy, and none while decisions are stopped: it would show nothing."""
    if Rollout.objects.in_workspace(proposal.workspace).active().filter(policy_key=proposal.policy_key).exists():
        raise Conflict("A rollout of this policy is active already. Withdraw it first.")
    switches = KillSwitch.objects.in_workspace(proposal.workspace).in_force()
    if switches.covering(proposal.policy_key).exists():
        raise Conflict("A kill switch is engaged over this policy. Release it first.")


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
    return share
