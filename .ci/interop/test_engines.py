"""The contract of the engines that are too large for every test run, or need a server: see `lakes`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from calibration.tests import engine_contract as contract
from confidence_project.foundation.errors import InvalidInput, Unavailable
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
]
in_each_lake = pytest.mark.parametrize(("kind", "lake"), LAKES)


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


@in_each_lake
def test_engine__the_same_decisions__gives_the_counts_and_the_hash_of_the_ledger(
    workspace: Workspace, folder: Path, kind: str, load: contract.Load | None
) -> None:
    contract.check_every_rule(workspace, kind, folder, load)


@in_each_lake
def test_engine__confidences_half_way__lie_where_the_ledger_has_them(
    workspace: Workspace, folder: Path, kind: str, load: contract.Load | None
) -> None:
    contract.check_halves(workspace, kind, folder, load)


@pytest.mark.parametrize(
    ("kind", "address", "why"),
    [
        ("clickhouse", "clickhouse://ann:secret@host", "The address of ClickHouse has the form https://"),
        ("bigquery", "https://ann:secret@host", "The address of BigQuery has the form bigquery://"),
        ("bigquery", "bigquery://acme-data", "has a name of 3 parts"),
        ("snowflake", "https://ann:secret@host", "The address of Snowflake has the form snowflake://"),
        ("trino", "https://ann:secret@host:port", "The address of Trino has the form https://"),
        ("trino", "http://ann:secret@host", "A password goes to Trino over https"),
        ("trino", "http://ann@127.0.0.1:9/lake/ai", "Trino could not read the declared sources"),
        ("clickhouse", "http://ann:secret@127.0.0.1:9/ai", "ClickHouse could not read the declared sources"),
    ],
)
def test_engine__at_an_address_that_is_none__is_refused_and_the_address_is_not_repeated(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, kind: str, address: str, why: str
) -> None:
    monkeypatch.setenv(contract.VARIABLE, address)
    engine = contract.declared(workspace, kind, contract.HALVES, decisions="decisions", outcomes="")
    with pytest.raises((InvalidInput, Unavailable), match=why) as refused:
        contract.looked_at(workspace, engine, policy_keys=["confidence_gate"])
    assert "secret" not in refused.value.detail
