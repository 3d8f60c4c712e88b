"""`manage.py withdraw_name`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.models import DeclaredName
from governance.selectors import person_by_name, workspace_by_slug
from governance.workspaces.names import withdraw_name


class Command(DomainCommand):
    help = "Take a declared name from hosts of a workspace no longer; records that carry it stay as they are."
    examples = """
  manage.py withdraw_name model "GPT 4o" --workspace acme --as ann
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=DeclaredName.Kind.values)
        parser.add_argument("name", help="As list_names shows it.")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who withdraws it.")

    def handle(self, *args: Any, **options: Any) -> None:
        withdraw_name(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            kind=options["kind"],
            name=options["name"],
        )
        self.stdout.write("Withdrawn.")
