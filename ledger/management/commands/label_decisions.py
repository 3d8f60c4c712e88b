"""`manage.py label_decisions`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from confidence_project.foundation.commands import DomainCommand
from governance.models import Workspace
from governance.selectors import workspace_by_slug
from ledger.pipelines.labelling import label_decisions


class Command(DomainCommand):
    help = "Label gated drafts, overseer decisions and bookings by the facts that came in for them."
    examples = """
  manage.py label_decisions
  manage.py label_decisions --workspace acme --days 90

The pipelines label at once what is reported to them; this does it for what came in over HTTP. Run it every hour.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="default: every workspace")
        parser.add_argument("--days", type=int, default=30, metavar="N", help="how far back decisions are looked at")

    def handle(self, *args: Any, **options: Any) -> None:
        slug, since = options["workspace"], timezone.now() - timedelta(days=options["days"])
        for workspace in [workspace_by_slug(slug)] if slug else Workspace.objects.all():
            self.stdout.write(f"{workspace.slug}: {label_decisions(workspace=workspace, since=since)} new labels.")
