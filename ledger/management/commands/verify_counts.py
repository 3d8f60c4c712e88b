"""`manage.py verify_counts`: see `ledger.counts.verification`."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser

from confidence_project.foundation.commands import DomainCommand
from governance.models import Workspace
from ledger.counts.following import touch_days
from ledger.counts.verification import verify_counts


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        # argparse's own message would repeat what was given.
        raise ArgumentTypeError("give a day (UTC): 2026-01-31") from None


class Command(DomainCommand):
    help = "Count days anew in the ledger and compare them with the daily counts. Ends non-zero on any difference."
    examples = """
  manage.py verify_counts
  manage.py verify_counts --workspace acme --policy-key confidence_gate --day 2026-01-31

A day that differs stays as it is until it is counted anew: with --recount by the worker's next round. Until then
calibration counts it in the ledger.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG")
        parser.add_argument("--policy-key", metavar="KEY")
        parser.add_argument("--day", type=_day, metavar="DATE", help="UTC; default: every day.")
        parser.add_argument("--recount", action="store_true", help="Have days that differ counted anew.")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = None
        if options["workspace"] is not None:
            workspace = Workspace.objects.filter(slug=options["workspace"]).first()
            if workspace is None:
                raise CommandError("There is no workspace with this slug.")
        days = waiting = differences = 0
        for each in verify_counts(workspace=workspace, policy_key=options["policy_key"], day=options["day"]):
            days += 1
            waiting += each.waits
            for difference in each.differences:
                differences += 1
                self.stderr.write(f"{each.day.workspace.slug}, {each.day}: {difference}")
            if each.differences and options["recount"]:
                touch_days([(each.day.workspace_id, each.day.policy_key, each.day.day)])
        self.stdout.write(f"{days - waiting} days counted anew; {waiting} wait to be counted.")
        if differences:
            raise CommandError(f"The daily counts are not what the ledger holds: {differences} differences.")
        self.stdout.write("The daily counts agree with the ledger.")
