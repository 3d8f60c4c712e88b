"""The worker's part: it keeps the daily counts, again and again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from ledger.counts.services import keep_counts


@task()
def keep_counts_again() -> None:
    """Keep the counts, and ask for the next time first: whatever becomes of this one, the next one waits already."""
    keep_counts_later()
    _asked_for().filter(status=TaskResultStatus.SUCCESSFUL).delete()
    keep_counts(busy_days_wait=True)


def keep_counts_later(*, after: timedelta | None = None) -> None:
    """Ask a worker to keep the counts, unless one is asked already or `CONFIDENCE_COUNT_EVERY_SECONDS` is 0."""
    pause = timedelta(seconds=settings.CONFIDENCE_COUNT_EVERY_SECONDS) if after is None else after
    if settings.CONFIDENCE_COUNT_EVERY_SECONDS and not _asked_for().filter(status=TaskResultStatus.READY).exists():
        keep_counts_again.using(run_after=timezone.now() + pause).enqueue()


def _asked_for() -> Any:
    return DBTaskResult.objects.filter(task_path=keep_counts_again.module_path)
