"""Tampering: whatever is changed behind the triggers, `verify_ledger` says what."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from ledger.models import Checkpoint, DecisionRecord
from ledger.tests.factories import DecisionOutcomeFactory, DecisionRecordFactory, LedgerAmendmentFactory
from ledger.tests.transparency import SIGNER, VERIFIER, behind_the_triggers, run
from ledger.transparency.notes import SignerKey, TreeHead
from ledger.transparency.services import append_leaves

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _key(settings: Any) -> None:
    settings.CONFIDENCE_LOG_KEY = SIGNER


@pytest.fixture
def decisions() -> list[DecisionRecord]:
    """Three logged decisions, one with an outcome, one with an amendment."""
    records = [DecisionRecordFactory(), DecisionOutcomeFactory().decision, LedgerAmendmentFactory().decision]
    run("checkpoint_ledger")
    return records


def differences(**options: Any) -> str:
    """What a verification that fails wrote."""
    problems = StringIO()
    with pytest.raises(CommandError, match="not what was logged"):
        call_command("verify_ledger", stdout=StringIO(), stderr=problems, **options)
    return problems.getvalue()


def test_verify__untouched__agrees(decisions: list[DecisionRecord]) -> None:
    DecisionRecordFactory.create_batch(2, timestamp=timezone.now())
    run("checkpoint_ledger")
    DecisionRecordFactory(timestamp=timezone.now())
    output = run("verify_ledger")
    assert "8 leaves and 2 checkpoints checked; 1 rows are not in the log yet." in output
    assert "agree" in output


@pytest.mark.parametrize(
    ("table", "key", "change"),
    [
        ("decision_ledger", "decision_id", "llm_confidence = 0.9501"),
        ("decision_ledger", "decision_id", "gate_verdict = 'block'"),
        ("decision_ledger", "decision_id", "prompt_hash = ''"),
        ("decision_ledger", "decision_id", "policy_version = NULL"),
        ("decision_ledger", "decision_id", "schema_problems = '[]'"),
        ("decision_ledger", "decision_id", "thresholds = '{\"confidence_threshold\": 0.91}'"),
    ],
)
def test_verify__changed_decision__is_named(decisions: list[DecisionRecord], table: str, key: str, change: str) -> None:
    target = decisions[1]
    with behind_the_triggers() as cursor:
        value = DecisionRecord._meta.pk.get_db_prep_value(target.pk, cursor.db)
        cursor.execute(f"UPDATE {table} SET {change} WHERE {key} = %s", [value])
    found = differences()
    assert f"decision {target.pk}: the row is not what was logged (leaf 1)" in found
    assert "checkpoint of size 5: the rows do not give the root that was signed" in found
    assert str(decisions[0].pk) not in found


def test_verify__what_broke_a_contract__cannot_be_changed_or_taken_away() -> None:
    said = [{"pointer": "/decision/confidence", "code": "less_than_equal", "detail": "Input should be at most 1"}]
    DecisionRecordFactory(schema_valid=False, schema_problems=said)
    run("checkpoint_ledger")
    assert "agree" in run("verify_ledger")
    for change in ("NULL", "'[]'"):
        with behind_the_triggers() as cursor:
            cursor.execute(f"UPDATE decision_ledger SET schema_problems = {change}")
        assert "the row is not what was logged (leaf 0)" in differences()


@pytest.mark.parametrize(
    "change", ["llm_confidence = 'high'", "timestamp = 'noon'", "model = x'00'", "schema_valid = 7"]
)
def test_verify__sqlite_column_that_holds_what_it_cannot_hold__is_named(
    decisions: list[DecisionRecord], change: str
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL holds columns to their types")
    with behind_the_triggers() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute(f"UPDATE decision_ledger SET {change} WHERE decision_id = %s", [decisions[1].pk.hex])
        cursor.execute("PRAGMA ignore_check_constraints = OFF")
    found = differences()
    assert f"decision {decisions[1].pk}: the row is not what was logged (leaf 1)" in found
    assert str(decisions[0].pk) not in found


def test_verify__changed_outcome__is_named(decisions: list[DecisionRecord]) -> None:
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE ledger_decisionoutcome SET success = %s", [False])
    assert "outcome 00000000" in differences()


def test_verify__changed_amendment__is_named(decisions: list[DecisionRecord]) -> None:
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE ledger_ledgeramendment SET value_after = ''")
    assert "amendment 00000000" in differences()


def test_verify__deleted_outcome__is_named(decisions: list[DecisionRecord]) -> None:
    with behind_the_triggers() as cursor:
        cursor.execute("DELETE FROM ledger_decisionoutcome")
    assert "the row is gone (leaf 3)" in differences()


def test_verify__row_and_leaf_changed_together__still_miss_the_signed_root(decisions: list[DecisionRecord]) -> None:
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE decision_ledger SET model = 'other'")
        cursor.execute("DELETE FROM ledger_logleaf")
        cursor.execute("DELETE FROM ledger_logwatermark")
    append_leaves()
    assert "checkpoint of size 5: the rows do not give the root that was signed" in differences()


def test_verify__cut_log__is_found(decisions: list[DecisionRecord]) -> None:
    with behind_the_triggers() as cursor:
        cursor.execute("DELETE FROM ledger_logleaf WHERE position = 4")
    assert "checkpoint of size 5: the log has only 4 leaves" in differences()


def test_verify__gap_in_the_log__is_found(decisions: list[DecisionRecord]) -> None:
    with behind_the_triggers() as cursor:
        cursor.execute("DELETE FROM ledger_logleaf WHERE position = 2")
    assert "leaves 2 to 2 are missing" in differences()


def test_verify__changed_node__is_found() -> None:
    DecisionRecordFactory.create_batch(260)
    run("checkpoint_ledger")
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE ledger_lognode SET node_hash = %s", [bytes(32)])
    assert differences() == "log: node 0 of level 8 does not fit the leaves\n"


def test_verify__everything_made_anew__is_found_by_a_kept_checkpoint(
    decisions: list[DecisionRecord], tmp_path: Path
) -> None:
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(Checkpoint.objects.get().note, "utf-8")
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE decision_ledger SET model = 'other'")
        for table in ("ledger_logleaf", "ledger_logwatermark", "ledger_checkpoint"):
            cursor.execute(f"DELETE FROM {table}")
    run("checkpoint_ledger")
    assert "agree" in run("verify_ledger")
    assert "kept checkpoint 1 of size 5: the rows do not give" in differences(checkpoint=[kept])


def test_verify__checkpoint_signed_by_somebody_else__is_found(decisions: list[DecisionRecord]) -> None:
    forged = SignerKey.generate("PeterNeumann").sign(TreeHead("PeterNeumann", 5, bytes(32)).text)
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE ledger_checkpoint SET note = %s", [forged])
    assert "checkpoint of size 5: None of the known keys has signed the note." in differences()


def test_verify__columns_of_a_checkpoint_changed__is_found(decisions: list[DecisionRecord]) -> None:
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE ledger_checkpoint SET root_hash = %s", [bytes(32)])
    assert "columns do not say what its signed note says" in differences()


def test_verify__row_that_was_slipped_in_behind_a_checkpoint__is_named(decisions: list[DecisionRecord]) -> None:
    slipped = DecisionRecordFactory(timestamp=timezone.now() - timedelta(days=1))
    assert f"decision {slipped.pk}: the row was never logged" in differences()


def test_verify__backdated_row_that_the_next_checkpoint_logged__is_named_with_both_times(
    decisions: list[DecisionRecord], tmp_path: Path
) -> None:
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(Checkpoint.objects.get().note, "utf-8")
    said = timezone.now() - timedelta(days=20)
    slipped = DecisionRecordFactory(timestamp=said)
    run("checkpoint_ledger")
    swept_at = Checkpoint.objects.earliest("tree_size").swept_at
    found = differences(checkpoint=[kept])
    assert found == (
        f"decision {slipped.pk}: it says that it was written at {said:%Y-%m-%dT%H:%M:%S.%fZ}, and the checkpoint of "
        f"size 5, which holds what was there by {swept_at:%Y-%m-%dT%H:%M:%S.%fZ}, does not hold it (leaf 6)\n"
    )


def test_verify__outcome_that_was_backdated__is_named(decisions: list[DecisionRecord]) -> None:
    DecisionOutcomeFactory(decision=decisions[0], recorded_at=timezone.now() - timedelta(hours=1))
    run("checkpoint_ledger")
    assert "outcome 0000000" in differences()


def test_verify__clock_that_is_a_little_behind__is_tolerated_as_stated(decisions: list[DecisionRecord]) -> None:
    DecisionRecordFactory(timestamp=timezone.now() - timedelta(minutes=5))
    run("checkpoint_ledger")
    assert "agree" in run("verify_ledger")
    assert "it says that it was written at" in differences(clock_tolerance=1.0)


def test_verify__imported_history__has_times_of_its_own_and_is_not_backdated(decisions: list[DecisionRecord]) -> None:
    DecisionRecordFactory(
        timestamp=timezone.now(), occurred_at=timezone.now() - timedelta(days=900), origin=DecisionRecord.Origin.IMPORT
    )
    run("checkpoint_ledger")
    assert "agree" in run("verify_ledger")


def test_verify__time_of_a_checkpoint_moved_so_that_a_backdated_row_fits__is_named(
    decisions: list[DecisionRecord],
) -> None:
    DecisionRecordFactory(timestamp=timezone.now() - timedelta(days=20))
    run("checkpoint_ledger")
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE ledger_checkpoint SET swept_at = %s", [timezone.now() - timedelta(days=30)])
    assert "checkpoint 0000000" in differences()


def test_verify__auditor_with_the_public_key_alone__needs_no_secret(
    decisions: list[DecisionRecord], settings: Any
) -> None:
    settings.CONFIDENCE_LOG_KEY = ""
    assert "agree" in run("verify_ledger", verifier_key=[VERIFIER])


def test_verify__checkpoint_file_that_cannot_be_read__is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run("verify_ledger", checkpoint=[tmp_path / "absent"])


def test_verify__table_of_many_windows__is_looked_through_whole(
    monkeypatch: pytest.MonkeyPatch, decisions: list[DecisionRecord]
) -> None:
    monkeypatch.setattr("ledger.transparency.sequencing.WINDOW", 2)
    DecisionRecordFactory.create_batch(4, timestamp=timezone.now())
    assert "; 4 rows are not in the log yet." in run("verify_ledger")
    slipped = DecisionRecordFactory.create_batch(3, timestamp=timezone.now() - timedelta(days=1), external_id="h")
    found = differences()
    for each in slipped:
        assert f"decision {each.pk}: the row was never logged" in found
        assert f"decision {each.pk}: its host id is gone, or leads to another decision" in found
    with behind_the_triggers() as cursor:
        cursor.execute("DELETE FROM ledger_logwatermark")
    assert append_leaves() == 8, "the checkpoint, four and three"
