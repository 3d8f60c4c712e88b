"""`manage.py export_policies`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import workspace_by_slug
from governance.workflow.files import policies_file


class Command(DomainCommand):
    help = "Print the policies in force in a workspace as JSON, to be kept beside code and proposed again."
    examples = """
  manage.py export_policies --workspace acme > policies.json
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(policies_file(workspace_by_slug(options["workspace"])), indent=2))
