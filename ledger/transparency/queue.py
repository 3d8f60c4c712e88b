"""The worker's part: it keeps the log, again and again, key or none."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from confidence_project.foundation.errors import DomainError
from ledger.transparency.services import keep_log

log = logging.getLogger(__name__)


@task()
def keep_log_again() -> None:
    """Keep the log, and ask for the next time first: whatever becomes of this one, the next one waits already."""
    keep_log_later()
    # One a minute would be half a million rows a year.
    _asked_for().filter(status=TaskResultStatus.SUCCESSFUL).delete()
    try:
        keep_log()
    except DomainError as error:
        log.error("The log was not kept: %s", error.detail)


def keep_log_later(*, after: timedelta | None = None) -> None:
    """Ask a worker to keep the log, unless one is asked already or `CONFIDENCE_LOG_EVERY_SECONDS` is 0."""
    pause = timedelta(seconds=settings.CONFIDENCE_LOG_EVERY_SECONDS) if after is None else after
    if settings.CONFIDENCE_LOG_EVERY_SECONDS and not _asked_for().filter(status=TaskResultStatus.READY).exists():
        keep_log_again.using(run_after=timezone.now() + pause).enqueue()


def _asked_for() -> Any:
    return DBTaskResult.objects.filter(task_path=keep_log_again.module_path)
