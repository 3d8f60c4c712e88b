"""What a proposal is and where it stands, in words that no author wrote."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from confidence_project.foundation.formatting import segment, threshold
from governance.access.permissions import Person
from governance.definitions import FieldKind, title_of
from governance.models import ConfidencePolicyProposal
from governance.policies.changes import Change
from governance.workflow.review import real_changes

Status = ConfidencePolicyProposal.Status
Origin = ConfidencePolicyProposal.Origin

NAMED = 2
"""So many changes are named in a headline; the table below it holds all of them."""

_NEXT = {
    Status.PENDING: "It waits for approval.",
    Status.APPROVED: "It waits to be applied.",
    Status.APPLIED: "It is closed.",
    Status.REJECTED: "It is closed.",
    Status.SUPERSEDED: "Another took its place.",
    Status.EXPIRED: "Its time is over: propose it again if it is still wanted.",
}


def state_in_words(proposal: ConfidencePolicyProposal, reader: Person) -> str:
    """Say who last moved a proposal, when, and what is next; the reader is called "you"."""
    status = proposal.effective_status
    taken = {
        Status.APPROVED: ("approved", proposal.approver_id, proposal.approver_name, proposal.approved_at),
        Status.APPLIED: ("applied", proposal.applier_id, proposal.applier_name, proposal.applied_at),
        Status.REJECTED: ("rejected", proposal.rejecter_id, proposal.rejecter_name, proposal.rejected_at),
    }.get(status)
    said = f"This proposal is {status.lower()}." if taken is None else _taken(reader, *taken)
    return f"{said} {_NEXT[status]}"


def _taken(reader: Person, done: str, who: int | None, name: str, at: datetime | None) -> str:
    by = "you" if who is not None and who == reader.pk else name or "the system"
    return f"This proposal was {done} by {by}{f', {at:%Y-%m-%d %H:%M} UTC' if at else ''}."


def headline(proposal: ConfidencePolicyProposal) -> str:
    """Say what a proposal would allow more or less of, and by how much: no word of it is its author's."""
    changes = real_changes(proposal.policy_key, proposal.base_config, proposal.config)
    title = title_of(proposal.policy_key)
    if not changes:
        on_record = proposal.origin == Origin.BOOTSTRAP
        return f"{title}: {'put the defaults on record' if on_record else 'nothing that can be read'}"
    named = "; ".join(_step(change) for change in changes[:NAMED])
    rest = len(changes) - NAMED
    return f"{title} would {_direction(changes)}: {named}{f'; and {rest} more' if rest > 0 else ''}"


def grounds(proposal: ConfidencePolicyProposal, *, uncertified: bool) -> str:
    """Say on which evidence a proposal rests, as far as its origin tells."""
    if uncertified:
        return "No evidence bears this out."
    return {
        Origin.CALIBRATION: "A calibration run certified it.",
        Origin.CANDIDATE: "A candidate that was watched bears it out.",
        Origin.ALARM: "An alarm asks for it.",
        Origin.BOOTSTRAP: "It changes nothing.",
    }.get(Origin(proposal.origin), "It makes things stricter, which needs no evidence.")


def _direction(changes: Sequence[Change]) -> str:
    ways = {change.is_looser for change in changes}
    is_of_budgets = all(change.field.kind is FieldKind.BUDGET for change in changes)
    if len(ways) > 1:
        return "allow more in one place and less in another"
    if is_of_budgets:
        return "give less room, so that more is cut short" if ways == {True} else "give more room"
    return "allow more" if ways == {True} else "allow less"


def _step(change: Change) -> str:
    name = change.field.title or change.field.name
    where = f" for {segment(change.segment)}" if change.segment else ""
    if change.current is None:
        return f"{_lower_first(name)} to {threshold(change.proposed)}{where}"
    moved = change.proposed - change.current
    size = f"{threshold(abs(moved))} {'higher' if moved > 0 else 'lower'}"
    return f"{_lower_first(name)} from {threshold(change.current)} to {threshold(change.proposed)}, {size}{where}"


def _lower_first(text: str) -> str:
    return text[0].lower() + text[1:]
