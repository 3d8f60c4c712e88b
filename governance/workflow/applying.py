"""The second pair of eyes: put an approved proposal in force, or bring an earlier config back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from confidence_project.foundation.errors import AlreadySo, InvalidInput, NotFound, Stale
from governance.access.permissions import Person, Verb, require
from governance.definitions import get_definition
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, ConfidencePolicyRevision, Workspace
from governance.policies.config import default_config, parse_config
from governance.rollouts.steps import active_rollout
from governance.texts import clean_text
from governance.webhooks.outbox import announce_rollback
from governance.workflow.break_glass_reviews import open_review
from governance.workflow.deciding import REASON_LENGTH, UNCERTIFIED, require_acknowledged, require_appliable
from governance.workflow.locked import locked_proposal
from governance.workflow.review import loosens
from governance.workflow.transitions import open_proposals, signature, stale, supersede, take_step, tell_superseded

Action = ConfidencePolicyRevision.Action


def apply_confidence_policy_proposal(
    *,
    actor: Person,
    workspace: Workspace,
    proposal_id: int,
    reason: str = "",
    break_glass: bool = False,
    acknowledge_uncertified: bool = False,
) -> ConfidencePolicyRevision:
    """Put an approved proposal in force: policy, revision, proposal and every superseded rival in one transaction.

    Parameters
    ----------
    acknowledge_uncertified
        Confirms that nothing bears out what the proposal loosens; it is stored. The approver has confirmed it for
        themselves.
    break_glass
        A superuser applies what they approved themselves, in an emergency. Needs a reason, is marked, and opens a
        `BreakGlassReview` that somebody else has to close.

    Returns
    -------
    ConfidencePolicyRevision
        The new revision; its version is the policy's.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`.
    Conflict
        The proposal is not approved (any more), is stale or expired, or its evidence is not what was approved.
    InvalidInput
        The definition has changed and refuses the config, or a loosening without a certificate is not acknowledged.
    """
    with locked_proposal(Verb.APPLY, actor, workspace, proposal_id, break_glass=break_glass) as (proposal, now):
        return _apply(proposal, actor, now, reason, break_glass, acknowledge_uncertified)


def promote_rollout(
    *,
    actor: Person,
    workspace: Workspace,
    proposal_id: int,
    reason: str = "",
    break_glass: bool = False,
    acknowledge_uncertified: bool = False,
) -> ConfidencePolicyRevision:
    """Put a proposal in rollout in force for every case: `apply_confidence_policy_proposal`, for rollouts alone.

    Raises
    ------
    NotFound, PermissionRefused, Conflict, InvalidInput
        As `apply_confidence_policy_proposal`; `WrongState` when the proposal has no active rollout (any more).
    """
    with locked_proposal(Verb.APPLY, actor, workspace, proposal_id, break_glass=break_glass) as (proposal, now):
        active_rollout(proposal)
        return _apply(proposal, actor, now, reason, break_glass, acknowledge_uncertified)


def rollback_confidence_policy_revision(
    *,
    actor: Person,
    workspace: Workspace,
    revision_id: int,
    reason: str,
    expected_version: int | None = None,
    break_glass: bool = False,
    acknowledge_uncertified: bool = False,
) -> ConfidencePolicyRevision:
    """Bring back what a revision put in force (its `config_after`), as a new revision; history only grows.

    Parameters
    ----------
    expected_version
        The policy version that the actor looked at; a policy that has moved on since is a `Conflict`.
    break_glass
        Marks an emergency, and opens a `BreakGlassReview` that somebody else has to close.
    acknowledge_uncertified
        Confirms that what comes back is looser, and that nothing bears it out now; no such rollback exists without it.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`.
    Conflict
        The policy is not at `expected_version`, or has this content already.
    InvalidInput
        The reason is empty, the definition has changed and refuses the old config, or it is looser and nobody
        acknowledged that.
    """
    require(Verb.ROLL_BACK, actor, workspace, break_glass=break_glass)
    reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True)
    with transaction.atomic():
        workspace.lock()
        now = timezone.now()
        restored = _revision_in(workspace, revision_id)
        policy = restored.policy
        if expected_version is not None and policy.version != expected_version:
            raise Stale(f"The policy is at version {policy.version} now. Look at it again.")
        if policy.config == restored.config_after:
            raise AlreadySo(f"The content of version {restored.version} is in force already.")
        if loosens(policy.policy_key, policy.config, restored.config_after) and not acknowledge_uncertified:
            raise InvalidInput(UNCERTIFIED)
        revision = _change_policy(
            policy,
            policy.version,
            restored.config_after,
            action=Action.ROLLBACK,
            actor=actor,
            at=now,
            reason=reason,
            break_glass=break_glass,
            restored_revision=restored,
        )
        announce_rollback(revision, restored)
        _supersede_rivals(policy, revision, actor, now)
    return revision


def _apply(
    proposal: ConfidencePolicyProposal,
    actor: Person,
    at: datetime,
    reason: str,
    break_glass: bool,
    acknowledged: bool,
) -> ConfidencePolicyRevision:
    reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=break_glass)
    require_appliable(proposal, at)
    marks: dict[str, Any] = {
        "break_glass": break_glass,
        "acknowledged_uncertified": require_acknowledged(proposal, acknowledged),
    }
    policy = _policy_with_baseline(proposal, actor, at)
    step: dict[str, Any] = {"actor": actor, "at": at, "reason": reason}
    revision = _change_policy(
        policy,
        proposal.base_version,
        proposal.config,
        action=Action.APPLY_PROPOSAL,
        break_glass=break_glass or proposal.events.filter(break_glass=True).exists(),
        proposal=proposal,
        **step,
    )
    take_step("apply", proposal, **step, **marks, **signature("applier", actor), applied_at=at)
    _supersede_rivals(policy, revision, actor, at)
    return revision


def _revision_in(workspace: Workspace, revision_id: int) -> ConfidencePolicyRevision:
    revisions = ConfidencePolicyRevision.objects.in_workspace(workspace).select_related("policy")
    revision = revisions.filter(pk=revision_id).first()
    if revision is None:
        raise NotFound("There is no such revision in this workspace.")
    return revision


def _policy_with_baseline(proposal: ConfidencePolicyProposal, actor: Person, at: datetime) -> ConfidencePolicy:
    """Return the policy; make it, with the defaults as version 0, when this is its first change."""
    defaults = default_config(get_definition(proposal.policy_key))
    policy, created = ConfidencePolicy.objects.get_or_create(
        workspace_id=proposal.workspace_id, policy_key=proposal.policy_key, defaults={"config": defaults, "version": 0}
    )
    if created:
        _write_revision(policy, 0, defaults, action=Action.BASELINE, actor=actor, at=at, reason="", break_glass=False)
    return policy


def _change_policy(
    policy: ConfidencePolicy, base_version: int, config: dict[str, Any], *, at: datetime, **revision: Any
) -> ConfidencePolicyRevision:
    """Compare-and-swap on the version, then the revision. The config is checked again: bounds may have moved."""
    parse_config(get_definition(policy.policy_key), config)
    version = base_version + 1
    unmoved = ConfidencePolicy.objects.filter(pk=policy.pk, version=base_version)
    if unmoved.update(config=config, version=version, updated_at=at) != 1:
        raise stale(base_version, policy.version)
    return _write_revision(policy, version, config, at=at, **revision)


def _write_revision(
    policy: ConfidencePolicy,
    version: int,
    config: dict[str, Any],
    *,
    actor: Person,
    at: datetime,
    break_glass: bool,
    reason: str,
    **rest: Any,
) -> ConfidencePolicyRevision:
    revision = ConfidencePolicyRevision.objects.create(
        policy=policy,
        workspace_id=policy.workspace_id,
        policy_key=policy.policy_key,
        version=version,
        config_before=policy.config,
        config_after=config,
        actor_id=actor.pk,
        actor_name=actor.get_username(),
        reason=reason,
        break_glass=break_glass,
        created_at=at,
        **rest,
    )
    if break_glass:
        open_review(revision, policy.policy_key, actor=actor, at=at, reason=reason)
    return revision


def _supersede_rivals(
    policy: ConfidencePolicy, revision: ConfidencePolicyRevision, actor: Person, at: datetime
) -> None:
    reason = f"Version {revision.version} of the policy took effect: the base of this proposal is stale."
    rivals = open_proposals(revision.workspace, policy.policy_key)
    supersede(rivals, actor=actor, at=at, reason=reason, by=revision.proposal)
    tell_superseded(rivals, by=revision.proposal, at=at)
