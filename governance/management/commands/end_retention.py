"""`manage.py end_retention`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.controls.retention import end_retention
from governance.selectors import person_by_name, workspace_by_slug


class Command(DomainCommand):
    help = "Keep the decisions of a workspace for good again."
    examples = """
  manage.py end_retention --workspace acme --as ann --reason "Under revision"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who does it.")
        parser.add_argument("--reason", required=True, help="Why; kept with the row.")

    def handle(self, *args: Any, **options: Any) -> None:
        end_retention(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            reason=options["reason"],
        )
        self.stdout.write("Ended: nothing more is pruned.")
