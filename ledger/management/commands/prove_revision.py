"""`manage.py prove_revision WORKSPACE POLICY_KEY VERSION`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from confidence_project.foundation.commands import DomainCommand
from ledger.transparency.bundles import add_directory, write_bundle
from ledger.transparency.selectors import prove_revision


class Command(DomainCommand):
    help = "Print the proof that a policy's revision is in the signed log, or write all proofs of how it came about."
    examples = """
  manage.py prove_revision acme decision_gate 3 > revision.tlog-proof
  manage.py prove_revision acme decision_gate 3 --directory evidence/   # who proposed, approved and applied it, on what

docs/verify_bundle.py checks a directory without this software; docs/ledger.md says how.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", metavar="WORKSPACE", help="its slug")
        parser.add_argument("policy_key", metavar="POLICY_KEY")
        parser.add_argument("version", type=int, metavar="VERSION")
        add_directory(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        proven = prove_revision(
            workspace_slug=options["workspace"], policy_key=options["policy_key"], version=options["version"]
        )
        if options["directory"]:
            write_bundle(self, options["directory"], proven)
        else:
            self.stdout.write(str(proven[0].proof), ending="")
