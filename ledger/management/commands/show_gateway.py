"""`manage.py show_gateway`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import workspace_by_slug
from ledger.models import ModelServer, QuestionBinding


class Command(DomainCommand):
    help = "Show which models' servers the gateway asks for a workspace, and which policy gates which question."
    examples = """
  manage.py show_gateway --workspace acme
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = workspace_by_slug(options["workspace"])
        servers = ModelServer.objects.in_workspace(workspace).in_force().order_by("dialect")
        for server in servers:
            key = server.key_variable or "no key"
            blocked = "withheld" if server.withholds else "returned"
            self.stdout.write(f"{server.dialect:<10}  {server.provider}  {server.url}  {key}  blocked: {blocked}")
        bindings = QuestionBinding.objects.in_workspace(workspace).in_force().order_by("question")
        for binding in bindings:
            self.stdout.write(f"{binding.policy_key}  gates  {binding.question or 'every other question'}")
        self.stdout.write(f"{len(servers)} servers, {len(bindings)} bindings.")
