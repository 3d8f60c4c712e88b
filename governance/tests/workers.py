"""Workers for tests: one that empties the queue in this process, and one in a process of its own that can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django_tasks_db.management.commands.db_worker import Worker

WORK = "from django.core.management import call_command; call_command('db_worker', reload=False, interval=0.1)"


def work_off() -> None:
    """Carry out every task that is ready."""
    Worker(
        queue_names=["default"],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id="test",
        excluded_queue_names=[],
    ).run()


@contextmanager
def worker_process(before: str = "", **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `manage.py db_worker` on the test database; `before` is run in its process first."""
    code = f"import django; django.setup()\n{before}\n{WORK}"
    variables = {**os.environ, "CONFIDENCE_DEV": "1", "DATABASE_URL": database_url(), **environment}
    variables["DJANGO_SETTINGS_MODULE"] = "confidence_project.settings"
    with subprocess.Popen([sys.executable, "-c", code], env=variables, cwd=settings.BASE_DIR) as process:
        try:
            yield process
        finally:
            process.kill()


def database_url() -> str:
    """The URL of the test database, for other processes."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
