"""`manage.py checkpoint_ledger`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from confidence_project.foundation.commands import DomainCommand
from ledger.transparency.selectors import prove_consistency
from ledger.transparency.services import append_leaves, sign_checkpoint


class Command(DomainCommand):
    help = "Append what is new in the ledger to the transparency log, sign the log, and print the checkpoint."
    examples = """
  manage.py checkpoint_ledger > ledger.checkpoint
  manage.py checkpoint_ledger --consistency-from 1200   # proof that the log of 1200 leaves was only added to

Run it every few minutes, and keep or publish checkpoints where the operator of this database cannot change them.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--full", action="store_true", help="look through the whole ledger for rows that are not in the log"
        )
        parser.add_argument(
            "--consistency-from",
            type=int,
            metavar="SIZE",
            help="print the consistency proof from a log of SIZE leaves (c2sp.org/tlog-witness) with the checkpoint",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        appended = append_leaves(everything=options["full"])
        checkpoint = sign_checkpoint()
        size = options["consistency_from"]
        self.stdout.write(checkpoint.note if size is None else prove_consistency(size), ending="")
        self.stderr.write(f"{appended} leaves appended; the log has {checkpoint.tree_size}.")
