"""Clients that are not Python's, against the server as production runs it: gunicorn, on a database that it shares."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from confidence_project.demo.client import running_server
from governance.tests.callers import Caller

HERE = Path(__file__).parent
NODE = Path(sys.executable).parent / "node"
PATIENCE_SECONDS = 60


@pytest.fixture
def url(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where gunicorn serves the database of the tests."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{connection.settings_dict['NAME']}")
    with running_server() as url:
        yield url


@pytest.fixture
def caller(transactional_db: None) -> Caller:
    """A key with all scopes, in a workspace of its own."""
    return Caller()


@pytest.fixture
def run_client(url: str, caller: Caller) -> Callable[..., Any]:
    """Run a client with what a host sets in its environment; return the JSON that it prints."""

    def run(name: str, *arguments: str, **environment: str) -> Any:
        known = {
            "CONFIDENCE_URL": url,
            "CONFIDENCE_API_KEY": caller.key.plain,
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{caller.key.plain}",
        }
        ended = subprocess.run(
            [NODE, HERE / "clients" / f"{name}.js", *arguments],
            env={**os.environ, **known, **environment},
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr.decode()
        return json.loads(ended.stdout)

    return run
