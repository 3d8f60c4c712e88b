"""`manage.py backfill_prompt_hash`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from confidence_project.foundation.commands import DomainCommand
from governance.models import Workspace
from governance.selectors import workspace_by_slug
from ledger.amendments import backfill_prompt_hashes


class Command(DomainCommand):
    help = "Give records without a prompt hash a fallback hash, by amendments: the records stay as they are."
    examples = """
  manage.py backfill_prompt_hash --dry-run
  manage.py backfill_prompt_hash --workspace acme --batch-size 500

The view decision_ledger_effective shows the amended hash. Run again, it amends only what is new.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="default: every workspace")
        parser.add_argument("--batch-size", type=int, default=2_000, metavar="N", help="records a transaction")
        parser.add_argument("--dry-run", action="store_true", help="count, and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        slug, write = options["workspace"], not options["dry_run"]
        for workspace in [workspace_by_slug(slug)] if slug else Workspace.objects.all():
            amended = backfill_prompt_hashes(workspace=workspace, batch_size=max(options["batch_size"], 1), write=write)
            self.stdout.write(f"{workspace.slug}: {amended} records {'amended' if write else 'would be amended'}.")
