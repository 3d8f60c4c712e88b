"""`manage.py start_shadow`."""

from __future__ import annotations

from typing import Any

from governance.access.permissions import Person
from governance.management.break_glass import ActingCommand
from governance.selectors import proposal_by_id
from governance.workflow import start_rollout


class Command(ActingCommand):
    help = "Set an approved proposal to shadow: the gate records what it would have said, and nothing else changes."
    examples = """
  manage.py start_shadow 17 --as root
  manage.py start_shadow 17 --as root --reason "A week beside version 3"
"""
    can_break_glass = False

    def act(self, actor: Person, options: dict[str, Any]) -> None:
        rollout = start_rollout(
            actor=actor,
            workspace=proposal_by_id(options["id"]).workspace,
            proposal_id=options["id"],
            reason=options["reason"],
        )
        self.stdout.write(f"Proposal {rollout.proposal_id} is in shadow (rollout {rollout.pk}).")
