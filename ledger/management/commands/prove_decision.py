"""`manage.py prove_decision DECISION_ID`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from confidence_project.foundation.commands import DomainCommand
from ledger.transparency.selectors import prove_decision


class Command(DomainCommand):
    help = "Print the proof that a decision is in the signed log (c2sp.org/tlog-proof@v1)."
    examples = """
  manage.py prove_decision 0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a11 > decision.tlog-proof
  manage.py prove_decision 0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a11 --entry > decision.json
  manage.py prove_decision 0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a11 --directory evidence/   # outcomes and amendments too

docs/ledger.md shows how to check a proof without this software.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("decision_id", type=UUID, metavar="DECISION_ID")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--entry", action="store_true", help="print the bytes that the leaf commits to instead")
        what.add_argument(
            "--directory", type=Path, metavar="DIR", help="write entry and proof of the decision and all its records"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        decision, *others = prove_decision(options["decision_id"])
        if options["directory"]:
            options["directory"].mkdir(parents=True, exist_ok=True)
            for proven in [decision, *others]:
                (options["directory"] / f"{proven.name}.json").write_bytes(proven.content)
                (options["directory"] / f"{proven.name}.tlog-proof").write_text(str(proven.proof), "utf-8")
                self.stdout.write(f"{options['directory'] / proven.name}.tlog-proof")
        elif options["entry"]:
            self.stdout.write(decision.content.decode(), ending="")
        else:
            self.stdout.write(str(decision.proof), ending="")
