"""The contract of the engines that are too large for every test run: ClickHouse (chdb) and Spark, which needs Java."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from calibration.tests import engine_contract as contract
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory

KINDS = [
    "clickhouse",
    pytest.param("spark", marks=pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17")),
]
# pyspark 4.3 looks at pandas, of which it needs nothing here.
pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore"), pytest.mark.parametrize("kind", KINDS)]


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(contract.VARIABLE, str(tmp_path))
    return tmp_path


def test_engine__the_same_decisions__gives_the_counts_and_the_hash_of_the_ledger(
    workspace: Workspace, folder: Path, kind: str
) -> None:
    contract.check_every_rule(workspace, kind, folder)


def test_engine__confidences_half_way__lie_where_the_ledger_has_them(
    workspace: Workspace, folder: Path, kind: str
) -> None:
    contract.check_halves(workspace, kind, folder)
