"""`manage.py withdraw_rollout`."""

from __future__ import annotations

from typing import Any

from governance.access.permissions import Person
from governance.management.break_glass import ActingCommand
from governance.selectors import proposal_by_id
from governance.workflow import withdraw_rollout


class Command(ActingCommand):
    help = "End the rollout of a proposal: the policy in force rules over every case again."
    examples = """
  manage.py withdraw_rollout 17 --as root --reason "It blocks what it should allow"
"""
    can_break_glass = False

    def act(self, actor: Person, options: dict[str, Any]) -> None:
        rollout = withdraw_rollout(
            actor=actor,
            workspace=proposal_by_id(options["id"]).workspace,
            proposal_id=options["id"],
            reason=options["reason"],
        )
        self.stdout.write(f"The rollout of proposal {rollout.proposal_id} is {rollout.status}; it stays approved.")
