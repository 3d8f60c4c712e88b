"""`manage.py prune_packs`: see `confidence_project.evidence_pack.services`."""

from __future__ import annotations

from typing import Any

from confidence_project.evidence_pack.services import prune_packs
from confidence_project.foundation.commands import DomainCommand


class Command(DomainCommand):
    help = (
        "Remove evidence packs that were made in the desk once they are older than CONFIDENCE_PACK_KEEP_DAYS. Run it "
        "daily, on a machine that has their folder."
    )
    examples = """
  manage.py prune_packs
"""

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Removed {prune_packs()} evidence packs.")
