"""`manage.py db_worker`: the worker of django-tasks-db, which from its start on keeps log, counts and partitions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django_tasks_db.management.commands.db_worker import Command as DatabaseWorker

from confidence_project.foundation.commands import DomainCommand
from ledger.counts.queue import keep_counts_later
from ledger.months.queue import keep_partitions_later
from ledger.transparency.queue import keep_log_later


class Command(DomainCommand, DatabaseWorker):
    help = (
        "Carry out what waits in the database: imports, calibrations, webhooks; and keep the transparency log, the "
        "daily counts and the ledger's partitions."
    )
    examples = """
  manage.py db_worker
  manage.py db_worker --batch   # what is ready now, and no more
"""

    def handle(self, *args: Any, **options: Any) -> None:
        keep_log_later(after=timedelta())
        keep_counts_later(after=timedelta())
        keep_partitions_later(after=timedelta())
        super().handle(*args, **options)
