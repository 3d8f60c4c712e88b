"""What a proposal is and where it stands, in words that no author wrote."""

from __future__ import annotations

from datetime import datetime

from governance.access.permissions import Person
from governance.models import ConfidencePolicyProposal

Status = ConfidencePolicyProposal.Status

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
