"""`manage.py list_proposals`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.models import ConfidencePolicyProposal
from governance.selectors import workspace_by_slug
from governance.workflow.review import is_uncertified


class Command(DomainCommand):
    help = "List the open proposals of a workspace, with the ids that the other commands take."
    examples = """
  manage.py list_proposals --workspace acme
  manage.py list_proposals --workspace acme --status APPLIED --policy-key decision_gate
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--policy-key", metavar="KEY")
        parser.add_argument(
            "--status",
            action="append",
            choices=ConfidencePolicyProposal.Status.values,
            help="May be given again; default: the open ones.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        proposals = ConfidencePolicyProposal.objects.in_workspace(workspace_by_slug(options["workspace"])).with_status(
            *(options["status"] or ConfidencePolicyProposal.OPEN)
        )
        if options["policy_key"]:
            proposals = proposals.filter(policy_key=options["policy_key"])
        for proposal in proposals:
            self.stdout.write(
                f"{proposal.pk:>6}  {proposal.effective_status:<10}  {proposal.policy_key:<24}  {proposal.origin:<11}  "
                f"base v{proposal.base_version:<4}  {proposal.created_at:%Y-%m-%d}  {proposal.title}"
                f"{'  (not certified)' if is_uncertified(proposal) else ''}"
            )
        self.stdout.write(f"{len(proposals)} listed.")
