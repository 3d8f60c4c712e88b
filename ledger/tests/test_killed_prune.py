"""A prune that is killed fifty times, at moments of a seed: each row is in its table, or in a whole archive."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from governance.controls.retention import set_retention
from governance.tests.factories import WorkspaceFactory, admin_of
from governance.tests.workers import database_url
from ledger.models import DecisionOutcome, DecisionRecord, LedgerAmendment, OutcomeVoid
from ledger.tests.kept import decided, with_everything
from ledger.tests.transparency import SIGNER, run

parquet = pytest.importorskip("pyarrow.parquet")

KILLS, DECISIONS = 50, 300

_CODE = """
import os, random, signal, sys, time
import django; django.setup()
import pyarrow.parquet
from django.core.management import call_command
seeded = random.Random(17)
for line in sys.stdin:
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        with open(writes, "w", buffering=1) as told:
            call_command("prune_ledger", "--before", line.strip(), "--batch", "1", stdout=told)
        os._exit(0)
    os.close(writes)
    with open(reads) as told:
        told.readline()
        first = time.monotonic()
        told.readline()
        # Somewhere in the next two batches, however fast the machine is now.
        time.sleep(seeded.uniform(0.0, 2 * (time.monotonic() - first)))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else "ended", flush=True)
"""


@contextmanager
def pruning(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that begins a prune for every line, each in a process of its own, and kills it."""
    environment = {
        **os.environ,
        "CONFIDENCE_DEV": "1",
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "confidence_project.settings",
        "CONFIDENCE_LOG_KEY": SIGNER,
        "CONFIDENCE_ARCHIVE_FOLDER": str(folder),
    }
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", _CODE], env=environment, cwd=settings.BASE_DIR, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def rows_in_tables() -> set[tuple[str, str]]:
    tables = {"decision": DecisionRecord, "outcome": DecisionOutcome, "void": OutcomeVoid, "amendment": LedgerAmendment}
    return {(entry, str(key)) for entry, model in tables.items() for key in model.objects.values_list("pk", flat=True)}


def rows_in_archives(folder: Path) -> set[tuple[str, str]]:
    return {
        (row["entry"], row["entry_id"].lstrip("0") if row["entry_id"].isdigit() else row["entry_id"])
        for path in folder.glob("*.parquet")
        for row in parquet.read_table(path, columns=["entry", "entry_id"]).to_pylist()
    }


@pytest.mark.django_db(transaction=True)
def test_prune__killed_fifty_times__loses_no_row_and_ends_when_it_is_run_again(tmp_path: Path, settings: Any) -> None:
    settings.CONFIDENCE_LOG_KEY, settings.CONFIDENCE_ARCHIVE_FOLDER = SIGNER, tmp_path
    workspace, today = WorkspaceFactory(), f"{datetime.now(UTC):%Y-%m-%d}"
    set_retention(actor=admin_of(workspace), workspace=workspace, days=365, reason="Policy on records.")
    for number in range(DECISIONS):
        record = decided(workspace, days_ago=400 + number)
        if number % 5 == 0:
            with_everything(record)
    every, moved = rows_in_tables(), []
    connection.close()
    with pruning(tmp_path) as process:
        for number in range(KILLS):
            process.stdin.write(f"{today}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "killed\n"
            assert rows_in_tables() | rows_in_archives(tmp_path) == every
            if number % 10 == 0:
                assert "agree" in run("verify_ledger", archives=tmp_path)
            moved.append(DECISIONS - DecisionRecord.objects.count())
    assert moved == sorted(set(moved)), "each went on where the one before was killed"
    assert moved[-1] < DECISIONS, "and none was through before it was killed"
    run("prune_ledger", "--before", today)
    assert not DecisionRecord.objects.exists()
    assert rows_in_archives(tmp_path) == every
    assert not list(tmp_path.glob("*.part"))
    assert "agree" in run("verify_ledger", archives=tmp_path)
