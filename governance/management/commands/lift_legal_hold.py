"""`manage.py lift_legal_hold`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.controls.retention import lift_legal_hold
from governance.selectors import person_by_name, workspace_by_slug


class Command(DomainCommand):
    help = "Let decisions of a workspace be pruned and erased again."
    examples = """
  manage.py lift_legal_hold --workspace acme --as ann --reason "Matter 2026-14 is closed"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who does it.")
        parser.add_argument("--reason", required=True, help="Why; kept with the row.")

    def handle(self, *args: Any, **options: Any) -> None:
        lift_legal_hold(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            reason=options["reason"],
        )
        self.stdout.write("Lifted.")
