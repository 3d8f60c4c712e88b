"""The ledger by month: each partition is guarded, the next ones are there in time, and those of the past go once all of
it is archived."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client

from confidence_project.foundation.triggers.guarding import missing_triggers
from governance.controls.retention import place_legal_hold, set_retention
from governance.tests.callers import Caller
from governance.tests.factories import WorkspaceFactory, admin_of, applied
from ledger import recording
from ledger.models import DecisionExternalId, DecisionOutcome, DecisionRecord, LogLeaf
from ledger.months.partitions import first_of_next_month, partitions
from ledger.tests.bodies import envelope
from ledger.tests.factories import DecisionOutcomeFactory, DecisionRecordFactory
from ledger.tests.kept import decided, id_of, with_everything
from ledger.tests.months import drop_partitions, parted_since
from ledger.tests.transparency import SIGNER, behind_the_triggers, run

pytestmark = pytest.mark.django_db

of_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no partitions")

NOW = datetime.now(UTC)
NEXT_MONTH = first_of_next_month(first_of_next_month(NOW))
"""The first partition reaches a month further where it was made in the last days of one."""


@pytest.fixture
def caller(settings: Any, tmp_path: Path) -> Caller:
    settings.CONFIDENCE_LOG_KEY, settings.CONFIDENCE_ARCHIVE_FOLDER = SIGNER, tmp_path / "archives"
    workspace = WorkspaceFactory(slug="acme")
    set_retention(actor=admin_of(workspace), workspace=workspace, days=365, reason="Policy on records.")
    applied(workspace)
    return Caller(workspace)


def archives() -> Path:
    return Path(configured.CONFIDENCE_ARCHIVE_FOLDER)


def names() -> list[str]:
    return [partition.name for partition in partitions()]


def holding(decision: DecisionRecord) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM decision_ledger WHERE decision_id = %s", [decision.pk])
        return str(cursor.fetchone()[0])


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)


@of_postgresql
def test_ledger__as_it_is_installed__reaches_three_months_ahead() -> None:
    first, *months = partitions()
    assert first.name == f"decision_ledger_until_{first.until:%Y_%m}"
    assert [month.name for month in months] == [f"decision_ledger_{at.until:%Y_%m}" for at in partitions()[:-1]]
    assert months[-1].until >= NOW + timedelta(days=3 * 28)
    assert all(month.until == first_of_next_month(before.until) for before, month in zip(partitions(), months))  # noqa: B905
    inserted = DecisionRecordFactory(decision_id=id_of(NEXT_MONTH))
    assert holding(inserted) == f"decision_ledger_{NEXT_MONTH:%Y_%m}"


@of_postgresql
@pytest.mark.parametrize("at", [NOW, NEXT_MONTH], ids=["what was there", "a month"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET model = 'other'", "DELETE FROM {}", "TRUNCATE {}"])
def test_statement__straight_to_a_partition__is_refused(at: datetime, statement: str) -> None:
    partition = holding(DecisionRecordFactory(decision_id=id_of(at)))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        sql(statement.format(partition))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        sql(f"SET LOCAL session_replication_role = replica; {statement.format(partition)}")
    assert DecisionRecord.objects.count() == 1


@of_postgresql
@pytest.mark.parametrize("at", [0, 1], ids=["what was there", "a month"])
@pytest.mark.parametrize("event", ["change", "removal", "truncate"])
def test_trigger__switched_off_on_one_partition__is_named_and_comes_back(at: int, event: str) -> None:
    partition, name = names()[at], f"decision_ledger_append_only_{event}"
    sql(f"ALTER TABLE {partition} DISABLE TRIGGER {name}")
    assert list(map(str, missing_triggers(connection))) == [f"{name} on {partition}"]
    said = StringIO()
    with pytest.raises(CommandError, match=f"{name} on {partition}, which guards its table, is missing .* or was"):
        call_command("check", databases=["default"], stdout=said, stderr=said)
    assert Client().get("/readyz").status_code == 503
    assert f"{name} on {partition} was missing" in run("enforce_append_only")
    assert missing_triggers(connection) == []


@of_postgresql
@pytest.mark.parametrize(
    ("function", "named"),
    [
        ("confidence_append_only", "decision_ledger_append_only_change"),
        ("decision_ledger_append_only_removal", "decision_ledger_append_only_removal"),
        ("ledger_decisionoutcome_led_to", "ledger_decisionoutcome_led_to on decision_ledger"),
        ("confidence_write_once", "governance_rollout_write_once"),
    ],
)
def test_trigger__whose_function_does_nothing_any_more__is_named(function: str, named: str) -> None:
    sql(f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$")
    assert named in list(map(str, missing_triggers(connection)))
    run("enforce_append_only")
    assert missing_triggers(connection) == []


@of_postgresql
def test_trigger__that_calls_another_function__is_named() -> None:
    sql("CREATE FUNCTION waves_through() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$")
    name = "decision_ledger_append_only_change"
    sql(f"DROP TRIGGER {name} ON decision_ledger")
    sql(f"CREATE TRIGGER {name} BEFORE UPDATE ON decision_ledger FOR EACH ROW EXECUTE FUNCTION waves_through()")
    sql(f"ALTER TABLE decision_ledger ENABLE ALWAYS TRIGGER {name}")
    assert list(map(str, missing_triggers(connection))) == [name]


def test_outcome__of_no_decision__is_refused_by_the_database() -> None:
    outcome = DecisionOutcomeFactory()
    for changed in ({"decision_id": id_of(NOW)}, {"workspace": WorkspaceFactory()}):
        values = {field.attname: getattr(outcome, field.attname) for field in DecisionOutcome._meta.concrete_fields}
        another = DecisionOutcome(**{**values, "id": None, "sequence": 2, "external_id": None})
        for name, value in changed.items():
            setattr(another, name, value)
        with pytest.raises(DatabaseError, match="leads to a row of decision_ledger"), transaction.atomic():
            another.save(force_insert=True)


@of_postgresql
@pytest.mark.django_db(transaction=True)
def test_outcome__committed_while_its_decision_is_being_removed__goes_with_it(caller: Caller) -> None:
    pytest.importorskip("pyarrow.parquet")
    old, inserted = decided(caller.workspace, days_ago=400), Event()
    run("checkpoint_ledger")

    def attach() -> None:
        try:
            with transaction.atomic():
                DecisionOutcomeFactory(decision=old)
                inserted.set()
                time.sleep(2)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        attaching = pool.submit(attach)
        assert inserted.wait(30)
        run("prune_ledger", "--before", f"{NOW:%Y-%m-%d}")
        attaching.result()
    assert not DecisionRecord.objects.exists()
    assert not DecisionOutcome.objects.exists()
    assert "agree" in run("verify_ledger", archives=archives())


def test_decision__with_an_outcome__is_not_deleted_whatever_is_on_record(caller: Caller) -> None:
    record = DecisionOutcomeFactory(decision=decided(caller.workspace, days_ago=400)).decision
    run("prune_ledger", "--before", f"{NOW:%Y-%m-%d}")
    assert not DecisionRecord.objects.exists()
    with behind_the_triggers():
        put_back(record)
        outcome = DecisionOutcomeFactory(decision=record, external_id="later")
    with pytest.raises(DatabaseError, match="ledger_decisionoutcome leads to the row"), transaction.atomic():
        connection.cursor().execute("DELETE FROM decision_ledger")
    assert outcome.decision_id == record.pk


def put_back(record: DecisionRecord) -> None:
    record._state.adding = True
    record.save(force_insert=True)


def test_verify__outcome_whose_decision_is_not_there__names_it(caller: Caller) -> None:
    outcome = DecisionOutcomeFactory(decision=decided(caller.workspace, days_ago=1))
    run("checkpoint_ledger")
    with behind_the_triggers() as cursor:
        cursor.execute("DELETE FROM decision_ledger")
    said = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_ledger", stdout=StringIO(), stderr=said)
    assert f"outcome {outcome.pk}: its decision is not in the ledger" in said.getvalue()


@of_postgresql
@pytest.mark.parametrize("bulk", [False, True])
def test_decision__that_no_partition_takes__503_and_nothing_is_stored(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, bulk: bool
) -> None:
    later = datetime(NOW.year + 3, 1, 1, tzinfo=UTC)
    with monkeypatch.context() as patched:
        patched.setattr(recording, "new_decision_id", lambda: id_of(later))
        body = envelope(external_id="x")
        reply = caller.post_lines("decisions", [body]) if bulk else caller.post("decisions", body)
        assert reply.status_code == 503
        assert "manage.py keep_partitions" in reply.json()["detail"]
        assert "no partition of relation" not in reply.content.decode()
    assert not DecisionRecord.objects.exists()
    assert not DecisionExternalId.objects.exists()
    assert caller.post("decisions", body).status_code == 201


@of_postgresql
def test_keep_partitions__some_are_gone__makes_them_again_and_no_more() -> None:
    expected = names()
    assert run("keep_partitions") == f"Partitions until {partitions()[-1].until:%Y-%m-%d}.\n"
    drop_partitions(2)
    assert run("keep_partitions").startswith(f"{expected[-2]} was made.\n{expected[-1]} was made.\n")
    assert names() == expected
    assert missing_triggers(connection) == []


@of_postgresql
def test_partitions__that_end_soon__are_a_warning_of_the_probe_and_of_the_command() -> None:
    assert Client().get("/readyz").json() == {"status": "ready"}
    assert "Partitions until" in run("keep_partitions", "--check")
    parted_since(0)
    drop_partitions(len(partitions()) - 1)
    reply = Client().get("/readyz")
    assert (reply.status_code, reply.json()["status"]) == (200, "ready")
    (warning,) = reply.json()["warnings"]
    assert warning["code"] == "partitions_end_soon"
    with pytest.raises(CommandError, match="keep_partitions"):
        run("keep_partitions", "--check")
    run("keep_partitions")
    assert Client().get("/readyz").json() == {"status": "ready"}


def test_keep_partitions__on_sqlite__has_nothing_to_do() -> None:
    if connection.vendor == "postgresql":
        pytest.skip("SQLite's")
    assert run("keep_partitions") == "SQLite: one table takes all.\n"


@of_postgresql
def test_month__all_of_it_archived__is_dropped_and_what_it_held_stays_known(caller: Caller) -> None:
    pytest.importorskip("pyarrow.parquet")
    parted_since(500)
    old = with_everything(decided(caller.workspace, days_ago=400, external_id="old"))
    young = decided(caller.workspace, days_ago=100, external_id="young")
    month = holding(old)
    run("keep_partitions")
    # Months that held nothing go, too, once they are over for a month.
    assert holding(old) in names()
    assert holding(young) in names()
    run("prune_ledger", "--before", f"{NOW:%Y-%m-%d}")
    assert f"{month} was dropped: all of it is archived." in run("keep_partitions")
    assert month not in names()
    again = caller.post("decisions", envelope(external_id="old"))
    assert again.status_code == 410
    assert "The archive" in again.json()["detail"]
    for named in ({"decision_id": str(old.pk)}, {"decision_external_id": "old"}):
        body = {"success": True, "source": "downstream_event", "external_id": "late", **named}
        assert caller.post("outcomes", body).status_code == 410
    assert caller.get(f"decisions/{old.pk}").status_code == 410
    assert list(DecisionRecord.objects.values_list("external_id", flat=True)) == ["young"]
    assert LogLeaf.objects.filter(entry_id=str(old.pk)).exists()
    assert "agree" in run("verify_ledger", archives=archives())
    assert missing_triggers(connection) == []


@of_postgresql
def test_month__under_a_legal_hold__stays(caller: Caller) -> None:
    pytest.importorskip("pyarrow.parquet")
    parted_since(500)
    old = decided(caller.workspace, days_ago=400, external_id="old")
    place_legal_hold(actor=admin_of(caller.workspace), workspace=caller.workspace, reason="A case.")
    with pytest.raises(CommandError):
        run("prune_ledger", "--before", f"{NOW:%Y-%m-%d}")
    run("keep_partitions")
    assert holding(old) in names()
