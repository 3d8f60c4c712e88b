"""`manage.py show_rollout`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from confidence_project.foundation.errors import NotFound
from governance.selectors import latest_rollout, proposal_by_id
from governance.workflow.consequences import flips_of


class Command(DomainCommand):
    help = "Show the rollout of a proposal, the active one or else the last: its state, its flips and what happened."
    examples = """
  manage.py show_rollout 17
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=int, help="Of the proposal, as list_rollouts shows it.")

    def handle(self, *args: Any, **options: Any) -> None:
        rollout = latest_rollout(proposal_by_id(options["id"]))
        if rollout is None:
            raise NotFound("The proposal was never tried out. `manage.py start_shadow` begins.")
        self.stdout.write(f"{rollout.policy_key}: {rollout.status}, a share of {rollout.share} of the cases.")
        flips = flips_of(rollout)
        if flips is not None:
            self.stdout.write(
                f"Of {flips.compared} decisions it would have blocked {flips.to_block} that were allowed, and allowed "
                f"{flips.to_allow} that were blocked. It decided {flips.canary} itself."
            )
        for event in rollout.events.all():
            broken = " under break-glass" if event.break_glass else ""
            because = f": {event.reason}" if event.reason else ""
            who = event.actor_name or "the system"
            self.stdout.write(f"{event.at:%Y-%m-%d %H:%M}  {event.to_status} {event.share} by {who}{broken}{because}")
