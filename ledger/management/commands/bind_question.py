"""`manage.py bind_question`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import person_by_name, workspace_by_slug
from ledger.gateway.services import bind_question


class Command(DomainCommand):
    help = (
        "Gate the answers to a question that come through the gateway by a policy, in place of the one before. "
        "Nothing is allowed on answers to a question that is not bound."
    )
    examples = """
  manage.py bind_question refund confidence_gate --workspace acme --as ann --reason "Refunds up to 50 €"
  manage.py bind_question "" confidence_gate --workspace acme --as ann --reason "Every question that is not bound"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("question", help="Its id, letter by letter; blank: every question that is not bound.")
        parser.add_argument("policy_key")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who binds.")
        parser.add_argument("--reason", required=True, help="Why; kept with the row.")

    def handle(self, *args: Any, **options: Any) -> None:
        bind_question(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            question=options["question"],
            policy_key=options["policy_key"],
            reason=options["reason"],
        )
        self.stdout.write("Bound: answers are gated by it from the next request on.")
