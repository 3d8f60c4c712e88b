"""`manage.py declare_evaluator`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import person_by_name, workspace_by_slug
from telemetry.evaluators import declare_evaluator


class Command(DomainCommand):
    help = (
        "Say when what an evaluator says of an answer is a success, so that its evaluations (gen_ai.evaluation.result) "
        "become outcomes. Replaces what was declared before; outcomes that were read by it stay."
    )
    examples = """
  manage.py declare_evaluator hallucination --workspace acme --pass-on factual --as ann --reason "Our judge's labels"
  manage.py declare_evaluator grounding --workspace acme --pass-on yes --fail-on no partly --as ann --reason "Its words"
  manage.py declare_evaluator toxicity --workspace acme --at-most 0.5 --as ann --reason "Half is where we step in"
  manage.py declare_evaluator helpfulness --workspace acme --at-least 4 --scale 1 5 --as ann --reason "Stars of five"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="What stands in gen_ai.evaluation.name, letter by letter.")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who declares.")
        parser.add_argument("--reason", required=True, help="Why; kept with the declaration.")
        parser.add_argument("--pass-on", nargs="+", default=[], metavar="LABEL", help="Labels of a success.")
        parser.add_argument(
            "--fail-on", nargs="+", default=[], metavar="LABEL", help="Labels of a failure; default: every other."
        )
        parser.add_argument("--at-least", type=float, metavar="SCORE", help="Passes from this score on.")
        parser.add_argument("--at-most", type=float, metavar="SCORE", help="Passes up to this score.")
        parser.add_argument(
            "--scale", nargs=2, type=float, metavar=("LOWEST", "HIGHEST"), help="The scores there are; default: 0 1."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        declare_evaluator(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            name=options["name"],
            reason=options["reason"],
            passing_labels=options["pass_on"],
            failing_labels=options["fail_on"],
            at_least=options["at_least"],
            at_most=options["at_most"],
            scale=tuple(options["scale"]) if options["scale"] else None,
        )
        self.stdout.write("Declared: evaluations that arrive from now on are read by it.")
