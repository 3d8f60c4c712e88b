"""`prune_ledger`: old decisions move into archives whose rows are the leaves of the log, and nothing else changes."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance.controls.retention import lift_legal_hold, place_legal_hold, set_retention
from governance.tests.callers import Caller
from governance.tests.factories import WorkspaceFactory, admin_of, viewer_of
from ledger.models import (
    CountedDay,
    DecisionOutcome,
    DecisionRecord,
    LedgerAmendment,
    LedgerRemoval,
    LogLeaf,
    RemovedLeaf,
)
from ledger.tests.bodies import envelope
from ledger.tests.factories import DecisionOutcomeFactory
from ledger.tests.kept import age, decided, with_everything
from ledger.tests.transparency import SIGNER, behind_the_triggers, run
from telemetry.tests import bodies

parquet = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.django_db

TODAY = f"{timezone.now():%Y-%m-%d}"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.CONFIDENCE_LOG_KEY = SIGNER
    settings.CONFIDENCE_ARCHIVE_FOLDER = tmp_path / "archives"
    return tmp_path / "archives"


@pytest.fixture
def caller() -> Caller:
    workspace = WorkspaceFactory(slug="acme")
    set_retention(actor=admin_of(workspace), workspace=workspace, days=365, reason="Policy on records.")
    return Caller(workspace)


@pytest.fixture
def old(caller: Caller) -> DecisionRecord:
    """A decision that is older than the period, with all that may be on record about one; and a young one."""
    decided(caller.workspace, days_ago=10, external_id="young")
    return with_everything(decided(caller.workspace, days_ago=400, external_id="old"))


def differences(**options: Any) -> str:
    problems = StringIO()
    with pytest.raises(CommandError, match="not what was logged"):
        call_command("verify_ledger", stdout=StringIO(), stderr=problems, **options)
    return problems.getvalue()


def refused(*arguments: str) -> str:
    said = StringIO()
    with pytest.raises(CommandError):
        call_command(*arguments, stdout=StringIO(), stderr=said)
    return said.getvalue()


def test_prune__old_decision__moves_into_an_archive_whose_rows_are_the_leaves(
    caller: Caller, old: DecisionRecord, folder: Path
) -> None:
    assert "1 decisions would be moved" in run("prune_ledger", "--before", TODAY, "--dry-run")
    assert not folder.exists()
    run("prune_ledger", "--before", TODAY, "--workspace", "acme", "--as", admin_of(caller.workspace).username)
    assert list(DecisionRecord.objects.values_list("external_id", flat=True)) == ["young"]
    assert not DecisionOutcome.objects.exists()
    assert not LedgerAmendment.objects.exists()
    removal = LedgerRemoval.objects.get()
    file = folder / removal.archive
    assert hashlib.sha256(file.read_bytes()).hexdigest() == removal.archive_sha256
    # Read by pyarrow alone, as an auditor would: the leaf hash of RFC 9162 over each content.
    rows = parquet.read_table(file).to_pylist()
    assert sorted(row["entry"] for row in rows) == ["amendment", "decision", "outcome", "outcome", "void"]
    for row in rows:
        computed = hashlib.sha256(b"\x00" + row["content"].encode()).digest()
        assert computed == row["leaf_hash"] == bytes(LogLeaf.objects.get(position=row["position"]).leaf_hash)
        assert row["decision_id"] == str(old.pk)
    said = {json.loads(row["content"])["external_id"] for row in rows if row["entry"] == "decision"}
    assert said == {"old"}
    assert removal.rows == 5
    assert removal.retention_days == 365
    assert LogLeaf.objects.filter(entry="removal").count() == 1
    output = run("verify_ledger", archives=folder)
    assert "5 rows were removed and stay leaves of the log; 1 archives checked." in output
    assert "agree" in output
    assert "no archive was looked at" in run("verify_ledger")
    assert "nothing to move" in run("prune_ledger", "--before", TODAY)


def test_prune__in_batches__makes_an_archive_each_for_a_month_and_goes_by_both_dates(
    caller: Caller, folder: Path
) -> None:
    for days in (800, 800, 800, 600, 400):
        decided(caller.workspace, days_ago=days)
    before = (datetime.now(UTC) - timedelta(days=450)).date().isoformat()
    run("prune_ledger", "--before", before, "--batch", "2")
    assert DecisionRecord.objects.count() == 1
    assert [removal.decisions for removal in LedgerRemoval.objects.order_by("pk")] == [2, 1, 1]
    assert len(list(folder.glob("*.parquet"))) == 3
    assert "agree" in run("verify_ledger", archives=folder)


def test_prune__workspace_without_a_period__keeps_everything(caller: Caller, old: DecisionRecord) -> None:
    other = WorkspaceFactory(slug="other")
    kept = decided(other, days_ago=4000)
    run("prune_ledger", "--before", TODAY)
    assert DecisionRecord.objects.filter(pk=kept.pk).exists()
    assert "has no retention period" in refused("prune_ledger", "--before", TODAY, "--workspace", "other")


def test_prune__legal_hold__stops_it_and_says_since_when(caller: Caller, old: DecisionRecord) -> None:
    workspace = caller.workspace
    place_legal_hold(actor=admin_of(workspace), workspace=workspace, reason="Matter 2026-14")
    assert "A legal hold on acme is in force since " in refused("prune_ledger", "--before", TODAY)
    assert DecisionRecord.objects.filter(pk=old.pk).exists()
    lift_legal_hold(actor=admin_of(workspace), workspace=workspace, reason="Closed.")
    run("prune_ledger", "--before", TODAY)
    assert not DecisionRecord.objects.filter(pk=old.pk).exists()


def test_prune__by_a_viewer__is_refused(caller: Caller, old: DecisionRecord) -> None:
    viewer = viewer_of(caller.workspace).username
    assert "may do this" in refused("prune_ledger", "--before", TODAY, "--as", viewer)
    assert DecisionRecord.objects.filter(pk=old.pk).exists()


def test_prune__row_that_was_changed__is_refused_and_stays(caller: Caller, old: DecisionRecord, folder: Path) -> None:
    run("checkpoint_ledger")
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE decision_ledger SET gate_verdict = 'block' WHERE external_id = 'old'")
    assert f"decision {old.pk} is not what was logged" in refused("prune_ledger", "--before", TODAY)
    assert not list(folder.glob("*.parquet*"))


def test_removed_decision__asked_for__is_gone_and_says_where_it_went(caller: Caller, old: DecisionRecord) -> None:
    run("prune_ledger", "--before", TODAY)
    archive = LedgerRemoval.objects.get().archive
    for path in (f"decisions/{old.pk}", f"decisions/{old.pk}/entry", f"decisions/{old.pk}/receipt"):
        reply = caller.get(path)
        assert (reply.status_code, reply.json()["code"]) == (410, "gone")
        assert archive in reply.json()["detail"]
        assert Caller(WorkspaceFactory()).get(path).status_code == 404, "nobody else learns that it was there"
    client = Client()
    client.force_login(viewer_of(caller.workspace))
    page = client.get(reverse("admin:ledger_decisionrecord_change", args=[old.pk]))
    assert page.status_code == 410
    assert archive in page.content.decode()
    with pytest.raises(CommandError, match="removed on"):
        run("prove_decision", str(old.pk))


def test_removed_decision__repeated_or_labelled__is_neither_judged_anew_nor_labelled(caller: Caller) -> None:
    asked = envelope(external_id="again")
    assert caller.post("decisions", asked).status_code == 201
    decision_id = str(age(DecisionRecord.objects.get(), days_ago=400))
    run("prune_ledger", "--before", TODAY)
    told = {"external_id": "label", "success": True, "source": "human_review"}
    for path, body in (
        ("decisions", asked),
        ("outcomes", {**told, "decision_external_id": "again"}),
        ("outcomes", {**told, "decision_id": decision_id}),
    ):
        reply = caller.post(path, body)
        assert (reply.status_code, reply.json()["code"]) == (410, "gone"), path
        bulk = caller.post(path, [body]).json()
        assert "gone" in json.dumps(bulk)
    assert not DecisionRecord.objects.exists()


def test_removed_decision__of_a_draft__takes_no_label_of_a_later_reply(caller: Caller) -> None:
    assert caller.post("drafts", bodies.draft(external_id="draft")).status_code == 201
    age(DecisionRecord.objects.get(), days_ago=400)
    run("prune_ledger", "--before", TODAY)
    assert not DecisionRecord.objects.exists()
    assert caller.post("sentiments", bodies.sentiment(draft="draft")).status_code == 201
    assert not DecisionOutcome.objects.exists()


def test_triggers__delete_without_a_removal_on_record__is_refused(caller: Caller, old: DecisionRecord) -> None:
    run("checkpoint_ledger")
    removal = LedgerRemoval.objects.create(
        workspace=caller.workspace, kind="retention", decisions=1, rows=1, occurred_from=timezone.now(),
        occurred_to=timezone.now(), recorded_to=timezone.now(), policy_keys=[], leaves_sha256="0" * 64,
        at=timezone.now(),
    )  # fmt: skip
    RemovedLeaf.objects.create(removal=removal, position=LogLeaf.objects.get(entry="amendment").position)
    if connection.vendor == "postgresql":
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in ("ledger_outcomevoid", "ledger_decisionoutcome", "decision_ledger"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table}")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ledger_ledgeramendment")
    # The way through the guard is told all the same: a removal that names other rows than went is named.
    assert "removal" in differences()


def test_verify__row_deleted_and_slipped_under_a_removal__is_named(
    caller: Caller, old: DecisionRecord, folder: Path
) -> None:
    run("prune_ledger", "--before", TODAY)
    young = LogLeaf.objects.get(entry="decision", entry_id=str(DecisionRecord.objects.get().pk))
    RemovedLeaf.objects.create(removal=LedgerRemoval.objects.get(), position=young.position)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM decision_ledger")
    problems = differences(archives=folder)
    assert "the rows that are gone are not those that it names" in problems
    assert f"it lacks the row of leaf {young.position}" in problems


def test_verify__archive_changed_or_missing__is_named(caller: Caller, old: DecisionRecord, folder: Path) -> None:
    run("prune_ledger", "--before", TODAY)
    file = folder / LedgerRemoval.objects.get().archive
    whole = file.read_bytes()
    file.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    assert f"archive {file.name}: the file is not the one on record" in differences(archives=folder)
    file.unlink()
    assert f"archive {file.name}: the file is not there" in differences(archives=folder)


def test_prune__outcome_that_comes_meanwhile__goes_with_its_decision(
    caller: Caller, old: DecisionRecord, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is swept before the batch is read; an outcome that comes between is logged and moved, too."""
    from ledger.retention import pruning

    asked = pruning.leaves_of
    came: list[DecisionOutcome] = []

    def late(ids: Any) -> Any:
        if not came:
            came.append(DecisionOutcomeFactory(decision=old, sequence=3, recorded_at=timezone.now()))
        return asked(ids)

    monkeypatch.setattr(pruning, "leaves_of", late)
    run("prune_ledger", "--before", TODAY)
    assert LedgerRemoval.objects.get().rows == 6
    assert "agree" in run("verify_ledger", archives=folder)


def test_log__after_a_prune_of_the_newest_rows__goes_on_with_what_comes(caller: Caller, folder: Path) -> None:
    """SQLite gives the row id of a last row that went to the next one."""
    for _ in range(3):
        decided(caller.workspace, days_ago=400)
    run("prune_ledger", "--before", TODAY)
    for number in range(5):
        caller.post("decisions", envelope(external_id=f"new-{number}"))
    run("checkpoint_ledger")
    output = run("verify_ledger", archives=folder)
    assert "; 0 rows are not in the log yet" in output


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("old")
def test_prune__daily_counts__are_made_anew_without_what_is_gone() -> None:
    run("keep_counts")
    run("prune_ledger", "--before", TODAY)
    assert "1 wait to be counted" in run("verify_counts")
    run("keep_counts")
    assert "2 days counted anew; 0 wait" in run("verify_counts")
    # SQLite gives the number of a last row that went to the next one.
    assert sorted(CountedDay.objects.values_list("decisions", flat=True)) == [0, 1]
