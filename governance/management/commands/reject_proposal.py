"""`manage.py reject_proposal`."""

from __future__ import annotations

from typing import Any

from governance.access.permissions import Person
from governance.management.break_glass import ActingCommand
from governance.selectors import proposal_by_id
from governance.workflow import reject_confidence_policy_proposal


class Command(ActingCommand):
    help = "Reject an open proposal."
    examples = """
  manage.py reject_proposal 17 --as ada --reason "The window holds one customer only"
"""
    can_break_glass = False

    def act(self, actor: Person, options: dict[str, Any]) -> None:
        proposal = reject_confidence_policy_proposal(
            actor=actor,
            workspace=proposal_by_id(options["id"]).workspace,
            proposal_id=options["id"],
            reason=options["reason"],
        )
        self.stdout.write(f"Proposal {proposal.pk} is {proposal.status}.")
