"""`manage.py list_evaluators`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import workspace_by_slug
from telemetry.evaluators import evaluators_of


class Command(DomainCommand):
    help = "List the evaluators that a workspace has declared, with when each passes."
    examples = """
  manage.py list_evaluators --workspace acme
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        evaluators = evaluators_of(workspace_by_slug(options["workspace"]))
        for name, evaluator in sorted(evaluators.items()):
            self.stdout.write(f"{name}  {evaluator.passes_when}")
        self.stdout.write(f"{len(evaluators)} listed.")
