"""`manage.py list_rollouts`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.models import Rollout
from governance.selectors import workspace_by_slug


class Command(DomainCommand):
    help = "List the rollouts of a workspace, each after the id of its proposal, which the other commands take."
    examples = """
  manage.py list_rollouts --workspace acme
  manage.py list_rollouts --workspace acme --all
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--all", action="store_true", help="Those that have ended, too.")

    def handle(self, *args: Any, **options: Any) -> None:
        rollouts = Rollout.objects.in_workspace(workspace_by_slug(options["workspace"])).select_related("proposal")
        chosen = rollouts if options["all"] else rollouts.active()
        for rollout in chosen:
            self.stdout.write(
                f"{rollout.proposal_id:>6}  {rollout.status:<9}  {rollout.share:>6}  {rollout.policy_key:<24}  "
                f"{rollout.started_at:%Y-%m-%d %H:%M}  {rollout.proposal.title}"
            )
        self.stdout.write(f"{len(chosen)} listed.")
