"""The contract of the engines that are too large for every test run, or need a server: see `lakes`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from calibration.tests import engine_contract as contract
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory

pytest_plugins = ["lakes"]

NEEDS_JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17")
LAKES = [
    ("clickhouse", "files"),
    ("clickhouse", "clickhouse_server"),
    pytest.param("spark", "files", marks=NEEDS_JAVA),
    pytest.param("spark", "spark_connect", marks=NEEDS_JAVA),
    ("bigquery", "bigquery_emulator"),
    ("snowflake", "snowflake_emulator"),
    ("trino", "trino"),
]
# pyspark 4.3 looks at pandas, of which it needs nothing here.
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.parametrize(("kind", "lake"), LAKES),
]


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(contract.VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def load(request: pytest.FixtureRequest, lake: str) -> contract.Load | None:
    return request.getfixturevalue(lake)


def test_engine__the_same_decisions__gives_the_counts_and_the_hash_of_the_ledger(
    workspace: Workspace, folder: Path, kind: str, load: contract.Load | None
) -> None:
    contract.check_every_rule(workspace, kind, folder, load)


def test_engine__confidences_half_way__lie_where_the_ledger_has_them(
    workspace: Workspace, folder: Path, kind: str, load: contract.Load | None
) -> None:
    contract.check_halves(workspace, kind, folder, load)
