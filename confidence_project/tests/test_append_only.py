"""Append-only tables refuse every change, whichever way it comes, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F
from django.test import Client

from calibration.models import AnswersAlarm, Candidate, CandidateEnd, HeldReview, PolicyAlarm, PolicyLook
from calibration.tests.factories import WINDOW, review
from confidence_project.foundation.append_only import AppendOnlyViolation, append_only_models
from confidence_project.foundation.triggers import release
from governance.admin.policy_keys import EXAMPLE
from governance.models import ConfidencePolicyRevision, ProposalEvent
from governance.policies.keys import confirm_policy_key, propose_policy_key
from governance.tests.factories import SuperuserFactory, applied, in_shadow
from governance.workflow.commenting import comment_on_proposal
from governance.workspaces.services import rename_workspace
from ledger.models import (
    Checkpoint,
    Cosignature,
    DecisionExternalId,
    DecisionOutcome,
    DecisionRecord,
    DomainDecision,
    Judgement,
    JudgeVerdict,
    LedgerRemoval,
    LogLeaf,
    LogNode,
    OutcomeVoid,
    RemovedLeaf,
)
from ledger.tests.factories import RECORDED_AT, DecisionOutcomeFactory, DecisionRecordFactory, LedgerAmendmentFactory
from telemetry.models import AIDraft

pytestmark = pytest.mark.django_db


Change = Callable[[DecisionRecord], Any]

THROUGH_DJANGO: dict[str, Change] = {
    "save": lambda record: record.save(),
    "save_update_fields": lambda record: record.save(update_fields=["model"]),
    "save_forced_update": lambda record: record.save(force_update=True),
    "delete": lambda record: record.delete(),
    "update": lambda record: DecisionRecord.objects.filter(pk=record.pk).update(model="other"),
    "update_of_all": lambda record: DecisionRecord.objects.update(model=F("provider")),
    "delete_queryset": lambda record: DecisionRecord.objects.all().delete(),
    "bulk_update": lambda record: DecisionRecord.objects.bulk_update([record], ["model"]),
    "update_or_create": lambda record: DecisionRecord.objects.update_or_create(
        pk=record.pk, defaults={"model": "other"}
    ),
    "raw_delete": lambda record: DecisionRecord.objects.all()._raw_delete("default"),
    "base_manager": lambda record: DecisionRecord._base_manager.filter(pk=record.pk).update(model="other"),
    "related_manager": lambda record: record.outcomes.all().delete(),
}

ROUND_DJANGO: dict[str, Change] = {
    "plain_queryset_update": lambda record: models.QuerySet(DecisionRecord).update(model="other"),
    "plain_queryset_raw_delete": lambda record: models.QuerySet(DecisionRecord)._raw_delete("default"),
    "bulk_create_upsert": lambda record: DecisionRecord.objects.bulk_create(
        [record], update_conflicts=True, unique_fields=["decision_id"], update_fields=["model"]
    ),
    "model_save_base": lambda record: models.Model.save(record),
}

SQL = [
    "UPDATE decision_ledger SET model = 'other'",
    "UPDATE decision_ledger SET decision_id = decision_id",
    "DELETE FROM decision_ledger",
]


def rows(model: type[models.Model]) -> list[dict[str, Any]]:
    return list(model._default_manager.order_by("pk").values())


@pytest.mark.parametrize("name", THROUGH_DJANGO)
def test_django__change__is_refused_with_what_to_do(name: str) -> None:
    record = DecisionOutcomeFactory().decision
    before = rows(DecisionRecord)
    record.model = "other"
    with pytest.raises(AppendOnlyViolation, match="record a correction"):
        THROUGH_DJANGO[name](record)
    assert rows(DecisionRecord) == before


@pytest.mark.parametrize("name", ROUND_DJANGO)
def test_django__change_round_the_guards__is_refused_by_the_database(name: str) -> None:
    record = DecisionRecordFactory()
    before = rows(DecisionRecord)
    record.model = "other"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ROUND_DJANGO[name](record)
    assert rows(DecisionRecord) == before


@pytest.mark.parametrize("statement", SQL)
def test_sql__change__is_refused(statement: str) -> None:
    DecisionRecordFactory()
    refused_by_the_database(statement)


def refused_by_the_database(statement: str) -> None:
    before = rows(DecisionRecord)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert rows(DecisionRecord) == before


@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE", "INSERT"])
def test_sqlite__insert_over_an_existing_row__is_refused(verb: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("REPLACE is SQLite's")
    DecisionRecordFactory()
    refused_by_the_database(f"{verb} INTO decision_ledger SELECT * FROM decision_ledger")


def test_upsert__that_would_update__is_refused() -> None:
    DecisionRecordFactory()
    refused_by_the_database(
        "INSERT INTO decision_ledger SELECT * FROM decision_ledger WHERE true "
        "ON CONFLICT (decision_id) DO UPDATE SET model = 'other'"
    )


def test_sqlite__replace_by_another_unique_key__is_refused() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("REPLACE is SQLite's")
    record = DecisionRecordFactory(external_id="id-1")
    DecisionExternalId.objects.create(
        workspace=record.workspace, external_id="id-1", decision_id=record.pk, body_sha256="a" * 64
    )
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT OR REPLACE INTO ledger_decisionexternalid (workspace_id, external_id, decision_id, body_sha256) "
            "SELECT workspace_id, external_id, decision_id, 'b' FROM ledger_decisionexternalid"
        )
    assert DecisionExternalId.objects.get().body_sha256 == "a" * 64


def test_sqlite__insert_into_a_large_analysed_table__reads_no_more_of_it() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's triggers look for the keys of a new row")
    first = DecisionOutcomeFactory()
    DecisionOutcome.objects.bulk_create(
        DecisionOutcomeFactory.build(decision=first.decision, sequence=sequence) for sequence in range(2, 2_002)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    hundreds_of_steps = []
    connection.connection.set_progress_handler(lambda: hundreds_of_steps.append(1) and None, 100)
    try:
        DecisionOutcomeFactory(decision=first.decision, sequence=2_002)
    finally:
        connection.connection.set_progress_handler(None, 0)
    assert len(hundreds_of_steps) < 10


@pytest.mark.parametrize("statement", ["TRUNCATE decision_ledger CASCADE", "TRUNCATE governance_workspace CASCADE"])
def test_postgresql__truncate__is_refused(statement: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    DecisionRecordFactory()
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    refused_by_the_database(statement)


def test_postgresql__session_that_plays_replica__is_refused() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL's")
    DecisionRecordFactory()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    refused_by_the_database("UPDATE decision_ledger SET model = 'other'")


def _one_row_of_each() -> None:
    outcome = DecisionOutcomeFactory()
    OutcomeVoid.objects.create(outcome=outcome, workspace=outcome.workspace, at=RECORDED_AT, reporter="a domain")
    draft = AIDraft.objects.create(workspace=outcome.workspace)
    DomainDecision.objects.create(decision=outcome.decision, workspace=outcome.workspace, draft=draft)
    record = LedgerAmendmentFactory(decision__external_id="id-1").decision
    DecisionExternalId.objects.create(
        workspace=record.workspace, external_id="id-1", decision_id=record.pk, body_sha256="a" * 64
    )
    LogLeaf.objects.create(position=0, entry="decision", entry_id=str(record.pk), leaf_hash=bytes(32))
    LogNode.objects.create(level=8, index=0, node_hash=bytes(32))
    signed = Checkpoint.objects.create(tree_size=1, root_hash=bytes(32), note="a note", created_at=RECORDED_AT)
    removal = LedgerRemoval.objects.create(
        workspace=record.workspace, kind="erasure", decisions=1, rows=1, occurred_from=RECORDED_AT,
        occurred_to=RECORDED_AT, recorded_to=RECORDED_AT, policy_keys=[], leaves_sha256="0" * 64, at=RECORDED_AT,
    )  # fmt: skip
    RemovedLeaf.objects.create(removal=removal, position=1)
    Cosignature.objects.create(checkpoint=signed, witness="w", line="a line", received_at=RECORDED_AT)
    revision = applied(record.workspace)
    in_shadow(record.workspace, 0.85)
    look = PolicyLook.objects.create(
        revision=revision, workspace=record.workspace, day=RECORDED_AT.date(), labelled=1, failures=1, alpha=0.05,
        delta=0.05, log_e_value=3.0, at=RECORDED_AT,
    )  # fmt: skip
    PolicyAlarm.objects.create(revision=revision, workspace=record.workspace, look=look, raised_at=RECORDED_AT)
    AnswersAlarm.objects.create(
        revision=revision, workspace=record.workspace, segment="{}", since=RECORDED_AT.date(),
        until=RECORDED_AT.date(), answers_before=200, answers_after=100, unanswered_before=0, unanswered_after=50,
        psi=1.0, p_value=0.0001, raised_at=RECORDED_AT,
    )  # fmt: skip
    run = review(workspace=record.workspace, policy_keys=["confidence_gate"], **WINDOW)
    HeldReview.objects.create(
        workspace=record.workspace, policy_key="confidence_gate", on=RECORDED_AT, level=0.01, run=run, at=RECORDED_AT
    )
    candidate = Candidate.objects.create(
        workspace=record.workspace, policy_key="confidence_gate", threshold=0.5, target_failure_rate=0.05,
        maturity_days=7, propensity=0.1, number=0, level=0.005, registered_at=RECORDED_AT,
    )  # fmt: skip
    CandidateEnd.objects.create(candidate=candidate, workspace=record.workspace, passed=False, ended_at=RECORDED_AT)
    rename_workspace(actor=SuperuserFactory(), workspace=record.workspace, name="Another name")
    comment_on_proposal(
        actor=SuperuserFactory(), workspace=record.workspace, proposal_id=revision.proposal_id, text="A remark."
    )
    Judgement.objects.create(
        workspace=record.workspace, decision=record, policy_key=record.policy_key, purpose="label", answer="right",
        is_blind=True, at=RECORDED_AT,
    )  # fmt: skip
    JudgeVerdict.objects.create(
        workspace=record.workspace, decision=record, success=True, lot=7_000, share="0.6", is_spared=True,
        recorded_at=RECORDED_AT, reporter="key", external_id="judge-1", body_sha256="00" * 32,
    )  # fmt: skip
    made = propose_policy_key(actor=SuperuserFactory(), text=EXAMPLE, reason="Smoke.")
    confirm_policy_key(actor=SuperuserFactory(), proposed_id=made.pk, reason="Smoke.")
    Client().force_login(SuperuserFactory())  # leaves its line in the record of sign-ins
    assert ConfidencePolicyRevision.objects.exists()
    assert ProposalEvent.objects.exists()


def test_every_append_only_table__refuses_update_and_delete() -> None:
    _one_row_of_each()
    if connection.vendor == "postgresql":
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    for model in append_only_models():
        table, column = model._meta.db_table, model._meta.pk.column
        assert model._default_manager.exists(), f"{table} has no row to try"
        for statement in (f'UPDATE "{table}" SET "{column}" = "{column}"', f'DELETE FROM "{table}"'):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                connection.cursor().execute(statement)


def test_check__missing_trigger__fails_and_the_command_restores_it() -> None:
    release(connection, ["decision_ledger"])
    with pytest.raises(CommandError, match=r"confidence\.E001"):
        call_command("check", databases=["default"], stdout=StringIO(), stderr=StringIO())
    output = StringIO()
    call_command("enforce_append_only", stdout=output)
    expected = ["update", "removal", "replace"] if connection.vendor == "sqlite" else ["change", "removal", "truncate"]
    names = [f"decision_ledger_append_only_{event}" for event in expected]
    assert output.getvalue() == "".join(f"{name} was missing and is back.\n" for name in names)
    call_command("check", databases=["default"], stdout=StringIO())
    DecisionRecordFactory()
    refused_by_the_database("DELETE FROM decision_ledger")


def test_check__disabled_trigger__fails() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite cannot disable a trigger")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE decision_ledger DISABLE TRIGGER decision_ledger_append_only_change")
    with pytest.raises(CommandError, match=r"confidence\.E001"):
        call_command("check", databases=["default"], stdout=StringIO(), stderr=StringIO())


def test_enforce__missing_view__is_restored() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP VIEW decision_ledger_effective")
    output = StringIO()
    call_command("enforce_append_only", stdout=output)
    assert output.getvalue() == "decision_ledger_effective was missing and is back.\n"
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM decision_ledger_effective")


def test_enforce__nothing_missing__says_so() -> None:
    output = StringIO()
    call_command("enforce_append_only", stdout=output)
    assert output.getvalue() == "Every trigger and view is in place.\n"
