"""`manage.py prune_webhooks`: see `governance.webhooks.services`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from confidence_project.foundation.commands import DomainCommand
from governance.notices.services import prune_notices
from governance.webhooks.services import prune_webhooks


class Command(DomainCommand):
    help = "Delete the webhook messages and notices that were delivered or given up long ago. Run it daily."
    examples = """
  manage.py prune_webhooks
  manage.py prune_webhooks --days 7
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, metavar="N", help="Default: CONFIDENCE_WEBHOOK_KEEP_DAYS.")

    def handle(self, **options: Any) -> None:
        days = settings.CONFIDENCE_WEBHOOK_KEEP_DAYS if options["days"] is None else options["days"]
        if days < 0:
            raise CommandError("The days cannot be negative.")
        self.stdout.write(f"{prune_webhooks(days=days) + prune_notices(days=days)} message(s) deleted.")
