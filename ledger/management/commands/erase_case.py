"""`manage.py erase_case`: see `ledger.retention.erasing`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import person_by_name, workspace_by_slug
from ledger.retention.erasing import Case, erase
from ledger.transparency.services import keep_log


class Command(DomainCommand):
    help = (
        "Erase the decisions of one case, with all that is on record about them, from the tables and the archives. "
        "Their leaves stay in the log, as hashes. A legal hold stops it. It cannot be undone."
    )
    examples = """
  manage.py erase_case --workspace acme --case-key ticket-4711 --as root --reason "Request 88 of the person concerned"
  manage.py erase_case --workspace acme --external-id draft-17 --as root --reason "Request 89"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="A superuser.")
        parser.add_argument("--reason", required=True, help="Why; kept in the log, so name nobody.")
        named = parser.add_mutually_exclusive_group(required=True)
        named.add_argument("--case-key", default="", metavar="KEY", help="All decisions of this case.")
        named.add_argument("--external-id", default="", metavar="ID", help="The decision under this id of the host.")
        named.add_argument("--decision", type=UUID, metavar="ID", help="The decision of this id.")
        parser.add_argument("--archives", type=Path, metavar="FOLDER", help="Default: CONFIDENCE_ARCHIVE_FOLDER.")

    def handle(self, *args: Any, **options: Any) -> None:
        removals = erase(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            case=Case(options["case_key"], options["external_id"], options["decision"]),
            reason=options["reason"],
            folder=options["archives"] or settings.CONFIDENCE_ARCHIVE_FOLDER,
        )
        keep_log()
        archives = sum(bool(removal.archive) for removal in removals)
        self.stdout.write(
            f"Erased {sum(removal.decisions for removal in removals)} decisions, {archives} archives rewritten."
        )
