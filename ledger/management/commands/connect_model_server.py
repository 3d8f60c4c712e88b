"""`manage.py connect_model_server`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import person_by_name, workspace_by_slug
from ledger.gateway.services import KEY_PREFIX, connect_model_server
from ledger.models import ModelServer


class Command(DomainCommand):
    help = (
        "Have the gateway ask a model's server for a workspace, in place of the one of the same protocol before. "
        "Its host is one of CONFIDENCE_MODEL_HOSTS; its key stays in the environment."
    )
    examples = """
  manage.py connect_model_server openai https://api.openai.com/v1/decisions --workspace acme --provider openai \\
      --key-variable CONFIDENCE_MODEL_KEY_OPENAI --as root --reason "Routing of tickets"
  manage.py connect_model_server system_one https://api.typesafe.ai/v1/systemone --workspace acme \\
      --provider typesafe --key-variable CONFIDENCE_MODEL_KEY_TYPESAFE --withhold --as root --reason "Pilot"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dialect", metavar="protocol", choices=ModelServer.Dialect.values)
        parser.add_argument("url", help="The endpoint in full.")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who connects.")
        parser.add_argument("--reason", required=True, help="Why; kept with the row.")
        parser.add_argument("--provider", default="", help="The name under which decisions are recorded.")
        parser.add_argument("--key-variable", default="", metavar="NAME", help=f"Begins with {KEY_PREFIX}.")
        parser.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="For the whole answer.")
        parser.add_argument("--max-reply", type=int, default=1024**2, metavar="BYTES")
        parser.add_argument("--withhold", action="store_true", help="Replace blocked answers by refusals.")

    def handle(self, *args: Any, **options: Any) -> None:
        connect_model_server(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            dialect=options["dialect"],
            url=options["url"],
            reason=options["reason"],
            provider=options["provider"],
            key_variable=options["key_variable"],
            timeout_seconds=options["timeout"],
            max_reply_bytes=options["max_reply"],
            withholds=options["withhold"],
        )
        self.stdout.write("Connected: it is asked from the next request on.")
