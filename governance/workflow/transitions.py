"""The life of a proposal as a table, and the one way to take a step in it.

A step is a compare-and-swap: an UPDATE on id *and* the status that was read, which must change exactly one row, in
one transaction with its `ProposalEvent`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confidence_project.foundation.errors import LostRace, NotFound, Stale, WrongState
from governance.access.permissions import Person
from governance.models import ConfidencePolicyProposal, ProposalEvent, Workspace
from governance.rollouts.steps import end_rollout_of
from governance.webhooks.outbox import announce_step, announce_superseded

Status = ConfidencePolicyProposal.Status


@dataclass(frozen=True, slots=True)
class Transition:
    """From which statuses a verb leads where."""

    sources: tuple[Status, ...]
    target: Status
    done: str


TRANSITIONS: dict[str, Transition] = {
    "approve": Transition((Status.PENDING,), Status.APPROVED, "approved"),
    "reject": Transition((Status.PENDING, Status.APPROVED), Status.REJECTED, "rejected"),
    "apply": Transition((Status.APPROVED,), Status.APPLIED, "applied"),
    "supersede": Transition((Status.PENDING, Status.APPROVED), Status.SUPERSEDED, "superseded"),
    "expire": Transition((Status.PENDING, Status.APPROVED), Status.EXPIRED, "marked as expired"),
}


def require_source(verb: str, proposal: ConfidencePolicyProposal) -> None:
    """Raise `Conflict`, naming the current state, when the verb does not lead on from it."""
    rule = TRANSITIONS[verb]
    if proposal.status not in rule.sources:
        sources = " or ".join(rule.sources)
        raise WrongState(f"The proposal is {proposal.status}; only one that is {sources} can be {rule.done}.")


def take_step(
    verb: str,
    proposal: ConfidencePolicyProposal,
    *,
    actor: Person | None,
    at: datetime,
    reason: str = "",
    break_glass: bool = False,
    acknowledged_uncertified: bool = False,
    **changes: Any,
) -> None:
    """Move `proposal` on and write its event; call it inside a transaction.

    Raises
    ------
    Conflict
        The verb does not lead on from the proposal's state, or somebody else moved it since it was read.
    """
    require_source(verb, proposal)
    target = TRANSITIONS[verb].target
    unmoved = ConfidencePolicyProposal.objects.filter(pk=proposal.pk, status=proposal.status)
    if unmoved.update(status=target, **changes) != 1:
        raise LostRace("Somebody else moved the proposal at the same moment. Look at it again.")
    write_event(
        proposal,
        verb,
        proposal.status,
        target,
        actor=actor,
        at=at,
        reason=reason,
        break_glass=break_glass,
        acknowledged_uncertified=acknowledged_uncertified,
    )
    if proposal.status == Status.APPROVED:
        # Only an approved proposal is in rollout, so whatever ends that ends the rollout.
        ending = "promote" if verb == "apply" else "stop"
        end_rollout_of(proposal.pk, ending, actor=actor, at=at, reason=reason)
    proposal.refresh_from_db()


def write_event(
    proposal: ConfidencePolicyProposal,
    verb: str,
    from_status: str,
    to_status: str,
    *,
    actor: Person | None,
    at: datetime,
    reason: str = "",
    break_glass: bool = False,
    acknowledged_uncertified: bool = False,
) -> None:
    """Append one line to the proposal's history, and tell the workspace's webhooks."""
    ProposalEvent.objects.create(
        proposal=proposal,
        workspace_id=proposal.workspace_id,
        verb=verb,
        from_status=from_status,
        to_status=to_status,
        actor_id=actor.pk if actor else None,
        actor_name=actor.get_username() if actor else "",
        reason=reason,
        break_glass=break_glass,
        acknowledged_uncertified=acknowledged_uncertified,
        at=at,
    )
    announce_step(proposal, verb, to_status, at=at, break_glass=break_glass)


def stale(base_version: int, version: int) -> Stale:
    """Return the error for a proposal whose policy has moved on."""
    return Stale(
        f"Stale: made for version {base_version}, but the policy has moved on to version {version}. "
        "Look at the policy again and open a new proposal."
    )


def signature(role: str, actor: Person) -> dict[str, Any]:
    """Return the columns in which a proposal keeps who took a step: `author`, `approver`, `rejecter` or `applier`."""
    return {f"{role}_id": actor.pk, f"{role}_name": actor.get_username()}


def proposal_in(workspace: Workspace, proposal_id: int) -> ConfidencePolicyProposal:
    """Return a proposal of the workspace; raise `NotFound` for any other."""
    proposal = ConfidencePolicyProposal.objects.in_workspace(workspace).filter(pk=proposal_id).first()
    if proposal is None:
        raise NotFound("There is no such proposal in this workspace.")
    return proposal


def supersede(
    proposals: Iterable[ConfidencePolicyProposal],
    *,
    actor: Person | None,
    at: datetime,
    reason: str,
    by: ConfidencePolicyProposal | None = None,
) -> None:
    """Supersede open proposals; `by` is the one that takes their place, where there is one already."""
    for proposal in proposals:
        take_step("supersede", proposal, actor=actor, at=at, reason=reason, superseded_by=by)


def tell_superseded(
    proposals: Iterable[ConfidencePolicyProposal], *, by: ConfidencePolicyProposal | None, at: datetime
) -> None:
    """Tell of each that it was superseded, and by which; once that one is there, so that both ids are known."""
    for proposal in proposals:
        announce_superseded(proposal, by, at=at)


def open_proposals(workspace: Workspace, policy_key: str) -> list[ConfidencePolicyProposal]:
    """Return the proposals of a policy that wait, for approval or to be applied."""
    rows = ConfidencePolicyProposal.objects.in_workspace(workspace)
    return list(rows.filter(policy_key=policy_key, status__in=ConfidencePolicyProposal.OPEN))
