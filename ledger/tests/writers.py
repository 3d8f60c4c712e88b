"""Processes of their own that ask the gate without a pause, through the WSGI application, until they are killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.conf import settings

from governance.tests.workers import database_url

_CODE = """
import itertools, json, os
import django; django.setup()
from governance.tests.served import ServedClient
from ledger.tests.bodies import envelope
client, number = ServedClient(headers={"X-API-Key": os.environ["KEY"], "Host": "localhost"}), itertools.count()
size, kind = int(os.environ["SIZE"]), "application/x-ndjson"
def body():
    return json.dumps(envelope(external_id=f"{os.getpid()}-{next(number)}"))
while True:
    lines = [body() for _ in range(size)]
    content, kind = (lines[0], "application/json") if size == 1 else ("\\n".join(lines), "application/x-ndjson")
    reply = client.post("/api/v1/decisions", content, content_type=kind)
    while reply.status_code == 409:  # what governs changed time and again: the host is told to try again
        reply = client.post("/api/v1/decisions", content, content_type=kind)
    if reply.status_code == 401:
        raise SystemExit(41)
    assert reply.status_code == 201, reply.content
"""
UNAUTHORIZED = 41
"""Exit code of a writer whose key is refused."""


@contextmanager
def writing(key: str, *sizes: int) -> Iterator[list[subprocess.Popen[Any]]]:
    """Run a writer for each of `sizes`: 1 asks one at a time, more sends as many in each request."""
    variables = {**os.environ, "CONFIDENCE_DEV": "1", "DATABASE_URL": database_url(), "KEY": key}
    variables |= {"DJANGO_SETTINGS_MODULE": "confidence_project.settings", "CONFIDENCE_RATE_LIMIT": "1000000/min"}
    with ExitStack() as stack:
        processes = []
        for size in sizes:
            environment = {**variables, "SIZE": str(size)}
            command = [sys.executable, "-c", _CODE]
            process = stack.enter_context(subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR))
            stack.callback(process.kill)
            processes.append(process)
        yield processes
