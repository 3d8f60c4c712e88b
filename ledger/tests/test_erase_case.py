"""`erase_case`: what is on record about one case goes, from tables and archives; its leaves stay."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from governance.controls.retention import place_legal_hold, set_retention
from governance.models import Workspace
from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of
from ledger.models import DecisionOutcome, DecisionRecord, LedgerRemoval, LogLeaf
from ledger.retention import erasing
from ledger.tests.kept import decided, with_everything
from ledger.tests.transparency import SIGNER, run

parquet = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.django_db

SECRET = "ticket-4711"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.CONFIDENCE_LOG_KEY = SIGNER
    settings.CONFIDENCE_ARCHIVE_FOLDER = tmp_path
    return tmp_path


@pytest.fixture
def workspace(folder: Path) -> Workspace:
    """Two cases, each with one decision in an archive and one in the tables; in another workspace, the same key."""
    workspace = WorkspaceFactory(slug="acme")
    set_retention(actor=admin_of(workspace), workspace=workspace, days=365, reason="Policy on records.")
    for days in (400, 10):
        for key in (SECRET, "another"):
            with_everything(decided(workspace, days_ago=days, case_key=key))
    decided(WorkspaceFactory(slug="other"), days_ago=10, case_key=SECRET)
    run("prune_ledger", "--before", f"{datetime.now(UTC):%Y-%m-%d}")
    return workspace


def erase(*named: str, **changes: str) -> str:
    who = {"as": SuperuserFactory().username, "workspace": "acme", "reason": "Request 88.", **changes}
    return run("erase_case", *[part for name, value in who.items() for part in (f"--{name}", value)], *named)


def archived(folder: Path) -> list[dict[str, Any]]:
    return [row for path in folder.glob("*.parquet") for row in parquet.read_table(path).to_pylist()]


def test_erase__case__is_in_no_table_and_no_archive_and_its_leaves_stay(workspace: Workspace, folder: Path) -> None:
    leaves = LogLeaf.objects.count()
    assert "Erased 2 decisions, 1 archives rewritten." in erase("--case-key", SECRET)
    assert set(DecisionRecord.objects.values_list("workspace__slug", "case_key")) == {
        ("acme", "another"),
        ("other", SECRET),
    }
    assert DecisionOutcome.objects.count() == 2
    rows = archived(folder)
    assert len(rows) == 5
    assert SECRET not in "".join(row["content"] for row in rows)
    assert not any(SECRET.encode() in path.read_bytes() for path in folder.iterdir())
    from_archive, from_tables = LedgerRemoval.objects.filter(kind="erasure").order_by("pk")
    assert (from_archive.decisions, from_archive.rows, bool(from_archive.archive)) == (1, 5, True)
    assert (from_tables.decisions, from_tables.rows, from_tables.archive) == (1, 5, "")
    assert from_tables.reason == "Request 88."
    assert LogLeaf.objects.count() > leaves
    assert "15 rows were removed and stay leaves of the log; 1 archives checked." in run(
        "verify_ledger", archives=folder
    )
    with pytest.raises(CommandError, match="Nothing of this case"):
        erase("--case-key", SECRET)


@pytest.mark.parametrize("days", [400, 10], ids=["in an archive", "in the tables"])
def test_erase__by_the_hosts_id__takes_one_decision_and_the_id_answers_gone(
    workspace: Workspace, folder: Path, days: int
) -> None:
    ids = {row["decision_id"] for row in archived(folder)}
    record = DecisionRecord.objects.filter(workspace=workspace).first()
    external_id = record.external_id if days == 10 else _host_id_of(min(ids))
    assert "Erased 1 decisions" in erase("--external-id", external_id)
    caller = Caller(workspace)
    reply = caller.post("outcomes", {"external_id": "o", "decision_external_id": external_id, "success": True,
                                     "source": "human_review"})  # fmt: skip
    assert reply.status_code == 410
    assert "was erased on" in reply.json()["detail"]
    assert "agree" in run("verify_ledger", archives=folder)


def _host_id_of(decision_id: str) -> str:
    from ledger.models import DecisionExternalId

    return DecisionExternalId.objects.get(decision_id=decision_id).external_id


def test_erase__by_the_id_of_a_decision__takes_it_alone(workspace: Workspace, folder: Path) -> None:
    decision_id = archived(folder)[0]["decision_id"]
    assert "Erased 1 decisions, 1 archives rewritten." in erase("--decision", decision_id)
    assert decision_id not in {row["decision_id"] for row in archived(folder)}
    assert "agree" in run("verify_ledger", archives=folder)


def test_erase__legal_hold__stops_it(workspace: Workspace, folder: Path) -> None:
    place_legal_hold(actor=admin_of(workspace), workspace=workspace, reason="Matter 2026-14")
    with pytest.raises(CommandError, match="A legal hold on acme is in force since "):
        erase("--case-key", SECRET)
    assert DecisionRecord.objects.filter(workspace=workspace, case_key=SECRET).exists()
    assert SECRET in "".join(row["content"] for row in archived(folder))


def test_erase__by_an_admin__is_refused(workspace: Workspace) -> None:
    with pytest.raises(CommandError, match="A superuser may erase"):
        erase("--case-key", SECRET, **{"as": admin_of(workspace).username})


def test_erase__two_ways_of_naming__refused(workspace: Workspace) -> None:
    with pytest.raises(CommandError, match="not allowed with"):
        erase("--case-key", SECRET, "--external-id", "x")


def test_erase__broken_off_before_the_file_was_replaced__is_named_and_finished_by_the_next_run(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(path: Path) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "publish", die)
        with pytest.raises(Killed):
            erase("--case-key", SECRET)
    run("checkpoint_ledger")
    problems = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_ledger", archives=folder, stdout=StringIO(), stderr=problems)
    assert "An erasure that was broken off ends when" in problems.getvalue()
    erase("--case-key", SECRET)
    assert not any(SECRET.encode() in path.read_bytes() for path in folder.iterdir())
    assert "agree" in run("verify_ledger", archives=folder)
