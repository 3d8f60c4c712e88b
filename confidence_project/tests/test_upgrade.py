"""Data as the first migrations made it is there after the upgrade, guarded by triggers, and verifies."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from governance.tests.workers import database_url
from ledger.tests.transparency import SIGNER

UPGRADED = "upgraded_by_a_test"


@contextmanager
def an_empty_database(folder: Path) -> Iterator[str]:
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder / 'upgraded.sqlite3'}"
        return
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {UPGRADED}")
        cursor.execute(f"CREATE DATABASE {UPGRADED}")
    try:
        yield urlsplit(database_url())._replace(path=f"/{UPGRADED}").geturl()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {UPGRADED}")


@pytest.mark.django_db(transaction=True)
def test_upgrade__of_the_first_data__keeps_every_row_and_the_triggers_and_verifies(tmp_path: Path) -> None:
    with an_empty_database(tmp_path) as url:
        done = subprocess.run(
            [sys.executable, "-m", "confidence_project.tests.first_data"],
            env={**os.environ, "CONFIDENCE_DEV": "1", "DATABASE_URL": url, "CONFIDENCE_LOG_KEY": SIGNER,
                 "DJANGO_SETTINGS_MODULE": "confidence_project.settings"},
            cwd=settings.BASE_DIR, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert "Ledger, log and checkpoints agree." in done.stdout, done.stderr
    assert "System check identified no issues" in done.stdout
    # The last thing that it tries is to delete one.
    assert re.search("decision_ledger.* is append-only", done.stderr)
