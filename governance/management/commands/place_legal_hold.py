"""`manage.py place_legal_hold`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.controls.retention import place_legal_hold
from governance.selectors import person_by_name, workspace_by_slug


class Command(DomainCommand):
    help = "Stop every prune and every erasure in a workspace."
    examples = """
  manage.py place_legal_hold --workspace acme --as ann --reason "Matter 2026-14"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who does it.")
        parser.add_argument("--reason", required=True, help="Why; kept with the row.")

    def handle(self, *args: Any, **options: Any) -> None:
        place_legal_hold(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            reason=options["reason"],
        )
        self.stdout.write("In force: nothing is pruned or erased.")
