"""The life of a rollout as a table, and the one way to take a step in it: a compare-and-swap with its event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from confidence_project.foundation.errors import LostRace, WrongState
from governance.access.permissions import Person
from governance.models import ConfidencePolicyProposal, Rollout, RolloutEvent, Workspace
from governance.webhooks.outbox import announce_rollout

Status = Rollout.Status


@dataclass(frozen=True, slots=True)
class RolloutTransition:
    """From which statuses a verb leads where."""

    sources: tuple[Status, ...]
    target: Status
    done: str


ROLLOUT_TRANSITIONS: dict[str, RolloutTransition] = {
    "canary": RolloutTransition((Status.SHADOW, Status.CANARY), Status.CANARY, "set to a share of the cases"),
    "promote": RolloutTransition((Status.SHADOW, Status.CANARY), Status.PROMOTED, "promoted"),
    "withdraw": RolloutTransition((Status.SHADOW, Status.CANARY), Status.WITHDRAWN, "withdrawn"),
    "stop": RolloutTransition((Status.SHADOW, Status.CANARY), Status.STOPPED, "stopped"),
}


def active_rollout(proposal: ConfidencePolicyProposal) -> Rollout:
    """Return the active rollout of a proposal; raise `WrongState` when it has none."""
    rollout = Rollout.objects.active().filter(proposal=proposal).first()
    if rollout is None:
        raise WrongState("The proposal has no active rollout (any more). Set it to shadow first.")
    return rollout


def move_rollout(
    verb: str,
    rollout: Rollout,
    *,
    actor: Person | None,
    at: datetime,
    reason: str = "",
    share: Decimal | None = None,
    break_glass: bool = False,
) -> RolloutEvent:
    """Move `rollout` on, write its event and return it; call it inside a transaction.

    Raises
    ------
    Conflict
        The verb does not lead on from the rollout's state, or somebody else moved it since it was read.
    """
    rule = ROLLOUT_TRANSITIONS[verb]
    if rollout.status not in rule.sources:
        raise WrongState(f"The rollout is {rollout.status}; only one that is active can be {rule.done}.")
    share = rollout.share if share is None else share
    ended_at = at if rule.target not in (Status.SHADOW, Status.CANARY) else None
    unmoved = Rollout.objects.filter(pk=rollout.pk, status=rollout.status, share=rollout.share)
    if unmoved.update(status=rule.target, share=share, ended_at=ended_at) != 1:
        raise LostRace("Somebody else moved the rollout at the same moment. Look at it again.")
    before = rollout.status
    rollout.refresh_from_db()
    return write_rollout_event(rollout, verb, before, actor=actor, at=at, reason=reason, break_glass=break_glass)


def write_rollout_event(
    rollout: Rollout,
    verb: str,
    from_status: str,
    *,
    actor: Person | None,
    at: datetime,
    reason: str,
    break_glass: bool = False,
) -> RolloutEvent:
    """Append one line to the rollout's history, and tell the workspace's webhooks."""
    event = RolloutEvent.objects.create(
        rollout=rollout,
        workspace_id=rollout.workspace_id,
        verb=verb,
        from_status=from_status,
        to_status=rollout.status,
        share=rollout.share,
        actor_id=actor.pk if actor else None,
        actor_name=actor.get_username() if actor else "",
        reason=reason,
        break_glass=break_glass,
        at=at,
    )
    announce_rollout(event)
    return event


def end_rollout_of(proposal_id: int, verb: str, *, actor: Person | None, at: datetime, reason: str) -> None:
    """End the rollout of a proposal that leaves the approved state, if it has an active one."""
    for rollout in Rollout.objects.active().filter(proposal_id=proposal_id):
        move_rollout(verb, rollout, actor=actor, at=at, reason=reason)


def stop_rollouts(workspace: Workspace, policy_key: str, *, actor: Person, at: datetime, reason: str) -> None:
    """Stop the active rollout of a policy key, or with a blank key every one of the workspace."""
    rollouts = Rollout.objects.in_workspace(workspace).active()
    for rollout in rollouts.filter(policy_key=policy_key) if policy_key else rollouts:
        move_rollout("stop", rollout, actor=actor, at=at, reason=reason)
