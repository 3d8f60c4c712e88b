"""The worker's part: it keeps the partitions, day by day."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from confidence_project.foundation.errors import DomainError
from ledger.months.services import keep_partitions

log = logging.getLogger(__name__)

PAUSE = timedelta(days=1)


@task()
def keep_partitions_again() -> None:
    """Keep the partitions, and ask for the next time first: whatever becomes of this one, the next one waits."""
    keep_partitions_later()
    _asked_for().filter(status=TaskResultStatus.SUCCESSFUL).delete()
    try:
        keep_partitions()
    except DomainError as error:
        log.error("The partitions were not kept: %s", error.detail)


def keep_partitions_later(*, after: timedelta = PAUSE) -> None:
    """Ask a worker to keep the partitions, unless one is asked already, or the database has none (SQLite)."""
    asked = _asked_for().filter(status=TaskResultStatus.READY, run_after__lte=timezone.now() + after)
    if connection.vendor == "postgresql" and not asked.exists():
        keep_partitions_again.using(run_after=timezone.now() + after).enqueue()


def _asked_for() -> Any:
    return DBTaskResult.objects.filter(task_path=keep_partitions_again.module_path)
