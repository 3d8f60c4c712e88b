"""`manage.py keep_partitions`: see `ledger.months`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from confidence_project.foundation.commands import DomainCommand
from ledger.months.partitions import covered_until
from ledger.months.services import keep_partitions
from ledger.months.warning import too_few_ahead


class Command(DomainCommand):
    help = (
        "Make the ledger's partitions of the next three months (PostgreSQL), and drop those of the past whose "
        "decisions are all archived. The worker does so by itself, once a day."
    )
    examples = """
  manage.py keep_partitions
  manage.py keep_partitions --check   # exits with 1 where less than a month is ahead
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Say how far they reach, and change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            kept = keep_partitions()
            for name in kept.made:
                self.stdout.write(f"{name} was made.")
            for name in kept.dropped:
                self.stdout.write(f"{name} was dropped: all of it is archived.")
        until = covered_until()
        self.stdout.write("SQLite: one table takes all." if until is None else f"Partitions until {until:%Y-%m-%d}.")
        if warning := too_few_ahead():
            raise CommandError(warning[1])
