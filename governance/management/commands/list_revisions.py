"""`manage.py list_revisions`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.models import ConfidencePolicyRevision
from governance.selectors import workspace_by_slug
from governance.workflow.review import is_uncertified_change


class Command(DomainCommand):
    help = "List the history of a policy, with the ids that rollback_revision takes."
    examples = """
  manage.py list_revisions --workspace acme --policy-key decision_gate
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--policy-key", required=True, metavar="KEY")

    def handle(self, *args: Any, **options: Any) -> None:
        revisions = ConfidencePolicyRevision.objects.in_workspace(workspace_by_slug(options["workspace"])).filter(
            policy_key=options["policy_key"]
        )
        revisions = revisions.select_related("proposal")
        for revision in revisions:
            values = json.dumps(revision.config_after["values"])
            self.stdout.write(
                f"{revision.pk:>6}  v{revision.version:<4}  {revision.action:<14}  "
                f"{revision.created_at:%Y-%m-%d %H:%M}  {revision.actor_name}  {values}"
                f"{'  (not certified)' if is_uncertified_change(revision) else ''}"
            )
        self.stdout.write(f"{len(revisions)} listed.")
