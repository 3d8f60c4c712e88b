"""`manage.py list_names`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.models import DeclaredName
from governance.selectors import workspace_by_slug


class Command(DomainCommand):
    help = "List the names of providers and models that a workspace has declared."
    examples = """
  manage.py list_names --workspace acme
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        names = DeclaredName.objects.in_workspace(workspace_by_slug(options["workspace"]))
        for each in names:
            self.stdout.write(f"{each.kind:<8}  {each.declared_at:%Y-%m-%d %H:%M}  {each.name}")
        self.stdout.write(f"{len(names)} listed.")
