"""`manage.py prune_imports`: see `ledger.imports.course`."""

from __future__ import annotations

from typing import Any

from confidence_project.foundation.commands import DomainCommand
from ledger.imports.course import prune


class Command(DomainCommand):
    help = (
        "Remove uploads that nobody imported, and rejected rows, once they are older than CONFIDENCE_IMPORT_KEEP_DAYS. "
        "Run it daily, on a machine that has the folder of imports."
    )
    examples = """
  manage.py prune_imports
"""

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Removed the files of {prune()} imports.")
