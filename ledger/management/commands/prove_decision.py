"""`manage.py prove_decision DECISION_ID`."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.core.management.base import CommandParser

from confidence_project.foundation.commands import DomainCommand
from ledger.transparency.bundles import add_directory, write_bundle
from ledger.transparency.selectors import prove_decision, prove_entry, receipt_of


class Command(DomainCommand):
    help = "Print the proof that a decision is in the signed log (c2sp.org/tlog-proof@v1, or a COSE receipt)."
    examples = """
  manage.py prove_decision 0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a11 > decision.tlog-proof
  manage.py prove_decision 0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a11 --entry > decision.json
  manage.py prove_decision 0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a11 --format cose > decision.cose
  manage.py prove_decision 0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a11 --directory evidence/   # with all that belongs to it

docs/verify_bundle.py checks a directory without this software; docs/ledger.md says how.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("decision_id", type=UUID, metavar="DECISION_ID")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--entry", action="store_true", help="print the bytes that the leaf commits to instead")
        what.add_argument(
            "--format",
            choices=["tlog-proof", "cose"],
            default="tlog-proof",
            help="of the proof: C2SP's text, or a COSE receipt (RFC 9942), which is binary (default: %(default)s)",
        )
        add_directory(what)

    def handle(self, *args: Any, **options: Any) -> None:
        decision_id = options["decision_id"]
        if options["directory"]:
            write_bundle(self, options["directory"], prove_decision(decision_id))
            (options["directory"] / "decision.cose").write_bytes(receipt_of(decision_id))
        elif options["format"] == "cose":
            receipt, out = receipt_of(decision_id), cast(Any, self.stdout._out)
            # Beneath the stream, which takes text: a receipt is bytes.
            out.buffer.write(receipt)
        elif options["entry"]:
            self.stdout.write(prove_entry(decision_id).content.decode(), ending="")
        else:
            self.stdout.write(str(prove_entry(decision_id).proof), ending="")
