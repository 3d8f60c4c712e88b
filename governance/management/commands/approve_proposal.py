"""`manage.py approve_proposal`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from governance.access.permissions import Person
from governance.management.break_glass import ActingCommand, add_acknowledgement
from governance.selectors import proposal_by_id
from governance.workflow import approve_confidence_policy_proposal


class Command(ActingCommand):
    help = "Approve a pending proposal."
    examples = """
  manage.py approve_proposal 17 --as ada
  manage.py approve_proposal 17 --as ada --acknowledge-large-step
  manage.py approve_proposal 17 --as root --break-glass --reason "Incident 42: the gate lets errors through"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--acknowledge-large-step", action="store_true", help="A value may move further than the usual step."
        )
        add_acknowledgement(parser)

    def act(self, actor: Person, options: dict[str, Any]) -> None:
        proposal = approve_confidence_policy_proposal(
            actor=actor,
            workspace=proposal_by_id(options["id"]).workspace,
            proposal_id=options["id"],
            reason=options["reason"],
            acknowledge_large_step=options["acknowledge_large_step"],
            acknowledge_uncertified=options["acknowledge_uncertified"],
            break_glass=options["break_glass"],
        )
        self.stdout.write(f"Proposal {proposal.pk} is {proposal.status}.")
