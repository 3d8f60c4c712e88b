"""`manage.py prune_ledger`: see `ledger.retention.pruning`."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from confidence_project.foundation.commands import DomainCommand
from confidence_project.foundation.errors import DomainError
from governance.models import RetentionPeriod, Workspace
from governance.selectors import person_by_name, workspace_by_slug
from ledger.retention.pruning import BATCH, count_prunable, prune
from ledger.transparency.services import keep_log


class Command(DomainCommand):
    help = (
        "Move decisions that were recorded before a date, and are older than the retention period of their workspace, "
        "with all that is on record about them into Parquet archives. Their leaves stay in the log. A legal hold stops "
        "it; a run that was broken off goes on when it is run again."
    )
    examples = """
  manage.py prune_ledger --before 2026-01-01 --dry-run
  manage.py prune_ledger --before 2026-01-01 --workspace acme --as ann
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--before", required=True, type=date.fromisoformat, metavar="DATE", help="UTC midnight.")
        parser.add_argument("--workspace", metavar="SLUG", help="Default: every workspace with a retention period.")
        parser.add_argument("--as", dest="username", metavar="USERNAME", help="Who prunes; kept with each batch.")
        parser.add_argument("--archives", type=Path, metavar="FOLDER", help="Default: CONFIDENCE_ARCHIVE_FOLDER.")
        parser.add_argument("--batch", type=int, default=BATCH, metavar="N", help="Decisions an archive (%(default)s).")
        parser.add_argument("--dry-run", action="store_true", help="Count, and remove nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch"] < 1:
            raise CommandError("--batch is a number of decisions of at least 1.")
        if not options["dry_run"]:
            keep_log()
        refused = [
            workspace.slug for workspace in _workspaces(options["workspace"]) if not self._done(workspace, options)
        ]
        if not options["dry_run"]:
            keep_log()
        if refused:
            raise CommandError(f"Not all was pruned: {', '.join(refused)}.")

    def _done(self, workspace: Workspace, options: dict[str, Any]) -> bool:
        before = datetime.combine(options["before"], datetime.min.time(), UTC)
        try:
            if options["dry_run"]:
                self.stdout.write(f"{workspace.slug}: {count_prunable(workspace, before)} decisions would be moved.")
                return True
            actor = person_by_name(options["username"]) if options["username"] else None
            moved = 0
            for removal in prune(
                workspace=workspace,
                before=before,
                folder=options["archives"] or settings.CONFIDENCE_ARCHIVE_FOLDER,
                actor=actor,
                batch=options["batch"],
            ):
                moved += removal.decisions
                self.stdout.write(f"{workspace.slug}: {moved} decisions moved; {removal.archive}")
            if not moved:
                self.stdout.write(f"{workspace.slug}: nothing to move.")
        except DomainError as error:
            self.stderr.write(f"{workspace.slug}: {error.detail}")
            return False
        return True


def _workspaces(slug: str | None) -> list[Workspace]:
    if slug:
        return [workspace_by_slug(slug)]
    with_period = RetentionPeriod.objects.in_force().values("workspace_id")
    return list(Workspace.objects.filter(pk__in=with_period).order_by("slug"))
