"""`manage.py start_canary`."""

from __future__ import annotations

from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import CommandError

from governance.access.permissions import Person
from governance.management.break_glass import ActingCommand, add_acknowledgement
from governance.selectors import proposal_by_id
from governance.workflow import set_canary_share


class Command(ActingCommand):
    help = "Let a proposal that is in shadow decide for a share of the cases, or for a larger one than now."
    examples = """
  manage.py start_canary 17 --as root --share 0.05
  manage.py start_canary 17 --as root --share 0.25 --reason "No flips that hurt in a week"
  manage.py start_canary 17 --as root --share 0.05 --break-glass --reason "Incident 42"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_acknowledgement(parser)
        parser.add_argument("--share", required=True, metavar="SHARE", help="More than 0 and less than 1, like 0.05.")

    def act(self, actor: Person, options: dict[str, Any]) -> None:
        try:
            share = Decimal(options["share"])
        except InvalidOperation as error:
            raise CommandError("The share is a number between 0 and 1, like 0.05.") from error
        rollout = set_canary_share(
            actor=actor,
            workspace=proposal_by_id(options["id"]).workspace,
            proposal_id=options["id"],
            share=share,
            reason=options["reason"],
            break_glass=options["break_glass"],
            acknowledge_uncertified=options["acknowledge_uncertified"],
        )
        self.stdout.write(f"Proposal {rollout.proposal_id} decides for a share of {rollout.share} of the cases now.")
