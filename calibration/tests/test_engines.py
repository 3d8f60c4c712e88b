"""Evidence where it lies: the contract in DuckDB, who may declare what, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration.tests import engine_contract as contract
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


def test_engine__the_same_decisions__gives_the_counts_and_the_hash_of_the_ledger(
    workspace: Workspace, folder: Path
) -> None:
    contract.check_every_rule(workspace, "duckdb", folder)


def test_engine__confidences_half_way__lie_where_the_ledger_has_them(workspace: Workspace, folder: Path) -> None:
    contract.check_halves(workspace, "duckdb", folder)
