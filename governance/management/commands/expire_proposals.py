"""`manage.py expire_proposals`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.models import Workspace
from governance.selectors import workspace_by_slug
from governance.workflow import expire_proposals


class Command(DomainCommand):
    help = "Mark open proposals whose time is over as expired. Run it daily; verbs also do it when they meet one."
    examples = """
  manage.py expire_proposals
  manage.py expire_proposals --workspace acme
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="Default: all.")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["workspace"]
        workspaces = [workspace_by_slug(slug)] if slug else list(Workspace.objects.all())
        expired = sum(expire_proposals(workspace=workspace) for workspace in workspaces)
        self.stdout.write(f"Expired {expired} of the open proposals.")
