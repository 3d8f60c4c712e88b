"""`manage.py checkpoint_ledger`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from confidence_project.foundation.commands import DomainCommand
from ledger.transparency.selectors import prove_consistency
from ledger.transparency.services import keep_log


class Command(DomainCommand):
    help = "Append what is new in the ledger to the transparency log, sign the log, and print the checkpoint."
    examples = """
  manage.py checkpoint_ledger > ledger.checkpoint
  manage.py checkpoint_ledger --consistency-from 1200   # proof that the log of 1200 leaves was only added to

The worker does the same every minute (`manage.py db_worker`). Keep or publish checkpoints where the operator of this
database cannot change them. Without CONFIDENCE_LOG_KEY the log grows and nothing is signed.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--consistency-from",
            type=int,
            metavar="SIZE",
            help="print the consistency proof from a log of SIZE leaves (c2sp.org/tlog-witness) with the checkpoint",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        logged, size = keep_log(), options["consistency_from"]
        if size is not None:
            self.stdout.write(prove_consistency(size), ending="")
        elif logged.checkpoint is not None:
            self.stdout.write(logged.checkpoint.cosigned_note, ending="")
        self.stderr.write(f"{logged.appended} leaves appended; the log has {logged.size}.")
        for problem in logged.problems_of_witnesses:
            self.stderr.write(problem)
        if logged.checkpoint is None:
            self.stderr.write(
                "Nothing was signed: CONFIDENCE_LOG_KEY is not set; `manage.py generate_log_key NAME` makes one."
            )
