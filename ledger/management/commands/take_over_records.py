"""`manage.py take_over_records`: see `ledger.domains.takeover`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from tqdm import tqdm

from confidence_project.foundation.commands import DomainCommand
from governance.models import Workspace
from governance.selectors import workspace_by_slug
from ledger.domains.takeover import rows_to_take_over, take_over_records


class Command(DomainCommand):
    help = (
        "Record in the ledger what drafts, overseer decisions and bookings tell that came in before the ledger held "
        "them, and bring their labels in line with what is known now."
    )
    examples = """
  manage.py take_over_records
  manage.py take_over_records --workspace acme

Run it once after an upgrade, and again after CONFIDENCE_REPLY_DAYS or CONFIDENCE_BOOKING_OUTCOMES changed. It may be
broken off and run again at any time, beside a running server: what is on record is left as it is.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="default: every workspace")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["workspace"]
        for workspace in [workspace_by_slug(slug)] if slug else Workspace.objects.all():
            # A progress bar on a terminal only.
            with tqdm(total=rows_to_take_over(workspace), desc=workspace.slug, unit=" rows", disable=None) as bar:
                new = take_over_records(workspace=workspace, on_progress=bar.update)
            self.stdout.write(f"{workspace.slug}: {new} decisions are new in the ledger.")
