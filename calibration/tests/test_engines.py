"""Evidence where it lies: the contract in DuckDB, who may declare what, and what is refused."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import duckdb
import pytest

from calibration.engines.arithmetic import check_answer, question
from calibration.tests import engine_contract as contract
from confidence_project.foundation.errors import Unavailable
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(contract.VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture(params=["files", "tables"])
def load(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> contract.Load | None:
    if request.param == "files":
        return None
    database = folder / "lake.duckdb"
    monkeypatch.setenv(contract.VARIABLE, str(database))
    return partial(contract.into_duckdb, database)


def test_engine__the_same_decisions__gives_the_counts_and_the_hash_of_the_ledger(
    workspace: Workspace, folder: Path, load: contract.Load | None
) -> None:
    contract.check_every_rule(workspace, "duckdb", folder, load)


def test_engine__confidences_half_way__lie_where_the_ledger_has_them(
    workspace: Workspace, folder: Path, load: contract.Load | None
) -> None:
    contract.check_halves(workspace, "duckdb", folder, load)


def test_server__that_steps_from_decimals_instead_of_doubles__is_refused() -> None:
    asked = question().sql(dialect="duckdb")
    check_answer("DuckDB", duckdb.sql(asked).fetchall())
    for other in ("DECIMAL(12, 5)", "FLOAT"):
        with pytest.raises(Unavailable, match="turns decimals into other numbers than the ledger"):
            check_answer("DuckDB", duckdb.sql(asked.replace("DOUBLE", other)).fetchall())
