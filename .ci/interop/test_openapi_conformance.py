"""schemathesis asks the server whatever its OpenAPI document allows, and some of what it forbids."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from governance.access import tokens
from governance.tests.factories import SuperuserFactory, applied, pending
from ledger.models import DecisionOutcome
from telemetry.models import AIDraft

HERE = Path(__file__).parent
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
PATIENCE_SECONDS = 600


@pytest.fixture
def superuser_token(transactional_db: None) -> str:
    _, plain = tokens.issue_token(actor=SuperuserFactory())
    return plain


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise most calls are refused as too many, which the document allows and which shows nothing."""
    monkeypatch.setenv("CONFIDENCE_RATE_LIMIT", "1000000/min")
    monkeypatch.setenv("CONFIDENCE_PERSON_RATE_LIMIT", "1000000/min")


def test_openapi__every_operation_in_every_form__the_server_keeps_what_the_document_says(caller, superuser_token, url):
    applied(caller.workspace, 0.95)
    proposal = pending(caller.workspace, 0.8)
    known = {
        "CONFIDENCE_API_KEY": caller.key.plain,
        "CONFIDENCE_PERSON_TOKEN": superuser_token,
        "CONFIDENCE_WORKSPACE": caller.workspace.slug,
    }
    ended = subprocess.run(
        [SCHEMATHESIS, "run", f"{url}/api/v1/schema"],
        cwd=HERE,
        env={**os.environ, **known},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    # It was let in, as a machine and as a person.
    assert AIDraft.objects.exists()
    assert DecisionOutcome.objects.exists()
    proposal.refresh_from_db()
    assert proposal.status != proposal.Status.PENDING
