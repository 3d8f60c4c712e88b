"""`manage.py apply_proposal`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from governance.access.permissions import Person
from governance.management.break_glass import ActingCommand, add_acknowledgement
from governance.selectors import proposal_by_id
from governance.workflow import apply_confidence_policy_proposal


class Command(ActingCommand):
    help = "Put an approved proposal in force."
    examples = """
  manage.py apply_proposal 17 --as root
  manage.py apply_proposal 17 --as root --break-glass --reason "Incident 42: the gate lets errors through"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_acknowledgement(parser)

    def act(self, actor: Person, options: dict[str, Any]) -> None:
        revision = apply_confidence_policy_proposal(
            actor=actor,
            workspace=proposal_by_id(options["id"]).workspace,
            proposal_id=options["id"],
            reason=options["reason"],
            acknowledge_uncertified=options["acknowledge_uncertified"],
            break_glass=options["break_glass"],
        )
        self.stdout.write(f"{revision.policy_key} is at version {revision.version} now (revision {revision.pk}).")
