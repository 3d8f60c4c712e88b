"""`manage.py withdraw_evaluator`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import person_by_name, workspace_by_slug
from telemetry.evaluators import evaluator_by_name, withdraw_evaluator


class Command(DomainCommand):
    help = "Read what an evaluator says as an outcome no longer; outcomes that were read by it stay."
    examples = """
  manage.py withdraw_evaluator toxicity --workspace acme --as ann --reason "Its model was replaced"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="As list_evaluators shows it.")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who withdraws it.")
        parser.add_argument("--reason", required=True, help="Why; kept with the declaration.")

    def handle(self, *args: Any, **options: Any) -> None:
        withdraw_evaluator(
            actor=person_by_name(options["username"]),
            evaluator=evaluator_by_name(workspace_by_slug(options["workspace"]), options["name"]),
            reason=options["reason"],
        )
        self.stdout.write("Withdrawn.")
