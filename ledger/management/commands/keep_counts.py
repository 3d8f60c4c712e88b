"""`manage.py keep_counts`: see `ledger.counts`."""

from __future__ import annotations

from typing import Any

from confidence_project.foundation.commands import DomainCommand
from ledger.counts.services import keep_counts


class Command(DomainCommand):
    help = "Count anew the days of which something came or went, for calibration. The worker does so by itself."
    examples = """
  manage.py keep_counts
"""

    def handle(self, *args: Any, **options: Any) -> None:
        kept = keep_counts()
        self.stdout.write(f"{kept.touched} days were touched, {kept.counted} counted.")
