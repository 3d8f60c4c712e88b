"""`manage.py disconnect_model_server`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import person_by_name, workspace_by_slug
from ledger.gateway.services import disconnect_model_server
from ledger.models import ModelServer


class Command(DomainCommand):
    help = "Have the gateway ask a workspace's server of this protocol no longer; its clients get an error."
    examples = """
  manage.py disconnect_model_server openai --workspace acme --as ann --reason "The pilot is over"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dialect", metavar="protocol", choices=ModelServer.Dialect.values)
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who disconnects.")
        parser.add_argument("--reason", required=True, help="Why; kept with the row.")

    def handle(self, *args: Any, **options: Any) -> None:
        disconnect_model_server(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            dialect=options["dialect"],
            reason=options["reason"],
        )
        self.stdout.write("Disconnected: it is not asked from the next request on.")
