"""`manage.py unbind_question`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import person_by_name, workspace_by_slug
from ledger.gateway.services import unbind_question


class Command(DomainCommand):
    help = "Gate the answers to a question no longer: nothing is allowed on them."
    examples = """
  manage.py unbind_question refund --workspace acme --as ann --reason "Asked by people again"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("question", help="Its id, letter by letter.")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who unbinds.")
        parser.add_argument("--reason", required=True, help="Why; kept with the row.")

    def handle(self, *args: Any, **options: Any) -> None:
        unbind_question(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            question=options["question"],
            reason=options["reason"],
        )
        self.stdout.write("Unbound, from the next request on.")
