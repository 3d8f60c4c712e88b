"""`manage.py set_retention`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.controls.retention import set_retention
from governance.selectors import person_by_name, workspace_by_slug


class Command(DomainCommand):
    help = "Set how long a workspace keeps decisions before prune_ledger may move them into archives."
    examples = """
  manage.py set_retention 365 --workspace acme --as ann --reason "Policy on records 7.2"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("days", type=int, help="Decisions that were recorded longer ago may be pruned.")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who does it.")
        parser.add_argument("--reason", required=True, help="Why; kept with the row.")

    def handle(self, *args: Any, **options: Any) -> None:
        set_retention(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            days=options["days"],
            reason=options["reason"],
        )
        self.stdout.write("Set: prune_ledger goes by it from now on.")
