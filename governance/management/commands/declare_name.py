"""`manage.py declare_name`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.models import DeclaredName
from governance.selectors import person_by_name, workspace_by_slug
from governance.workspaces.names import declare_name


class Command(DomainCommand):
    help = (
        "Take a name of a provider or a model that has blanks, or letters beyond ASCII, from hosts of a workspace. "
        "Names without white space need no declaring."
    )
    examples = """
  manage.py declare_name model "GPT 4o" --workspace acme --as ann
  manage.py declare_name provider "Azure OpenAI" --workspace acme --as ann
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=DeclaredName.Kind.values)
        parser.add_argument("name", help="Letter by letter as hosts send it.")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who declares.")

    def handle(self, *args: Any, **options: Any) -> None:
        declare_name(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            kind=options["kind"],
            name=options["name"],
        )
        self.stdout.write("Declared: it is taken from the next request on.")
