"""What somebody with the database's password and no triggers in the way may try: each attack, and the record it names.

Both databases run this file. Each attack is made after a checkpoint that an auditor kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from confidence_project.foundation.triggers.guarding import missing_triggers
from governance.controls.services import engage_kill_switch, release_kill_switch, set_audit_sampling
from governance.models import ConfidencePolicyRevision, ProposalEvent, WorkspaceEvent
from governance.sampling_rates import SamplingRates
from governance.tests.callers import Caller
from governance.tests.factories import KEY, SuperuserFactory, WorkspaceFactory, applied, config_of
from governance.workspaces.services import add_member
from ledger.models import Checkpoint, DecisionExternalId, DecisionOutcome, DecisionRecord, LogLeaf
from ledger.tests.bodies import envelope
from ledger.tests.factories import DecisionOutcomeFactory, LedgerAmendmentFactory
from ledger.tests.transparency import SIGNER, behind_the_triggers, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller() -> Caller:
    return Caller(WorkspaceFactory(slug="acme"))


@pytest.fixture(autouse=True)
def kept(settings: Any, tmp_path: Path, caller: Caller) -> Path:
    """The checkpoint that an auditor kept, over one of everything."""
    settings.CONFIDENCE_LOG_KEY = SIGNER
    workspace, superuser = caller.workspace, SuperuserFactory()
    applied(workspace)
    caller.post("decisions", envelope(external_id="allowed"))
    engage_kill_switch(actor=superuser, workspace=workspace, reason="Something is wrong.")
    caller.post("decisions", envelope(external_id="blocked"))
    release_kill_switch(actor=superuser, workspace=workspace, reason="It was not.")
    add_member(actor=superuser, workspace=workspace, user=SuperuserFactory(), role="viewer")
    set_audit_sampling(
        actor=superuser, workspace=workspace, policy_key=KEY, rates=SamplingRates(Decimal("0.1")), reason="To see."
    )
    decision = DecisionRecord.objects.get(external_id="allowed")
    DecisionOutcomeFactory(decision=decision, recorded_at=timezone.now())
    LedgerAmendmentFactory(decision=decision, at=timezone.now())
    note = tmp_path / "kept.checkpoint"
    note.write_text(run("checkpoint_ledger"), "utf-8")
    assert "agree" in run("verify_ledger", checkpoint=[note])
    return note


def named(kept: Path) -> list[str]:
    """What a verification with the checkpoint that was kept names, one a line; the roots that do not fit left out."""
    problems = StringIO()
    with pytest.raises(CommandError, match="not what was logged"):
        call_command("verify_ledger", checkpoint=[kept], stdout=StringIO(), stderr=problems)
    return [line for line in problems.getvalue().splitlines() if "the rows do not give the root" not in line]


def entry(row: Any) -> str:
    key = row.pk
    return f"{key:020d}" if isinstance(key, int) else str(key)


def decision(external_id: str) -> DecisionRecord:
    return DecisionRecord.objects.get(external_id=external_id)


def approval() -> ProposalEvent:
    return ProposalEvent.objects.get(verb="approve")


UPDATES: dict[str, tuple[str, Callable[[], Any]]] = {
    "decision": (
        "UPDATE decision_ledger SET gate_verdict = 'allow' WHERE external_id = 'blocked'",
        lambda: decision("blocked"),
    ),
    "outcome": (
        "UPDATE ledger_decisionoutcome SET success = (success = (1 = 0))",
        lambda: DecisionOutcome.objects.get(),
    ),
    "amendment": (
        "UPDATE ledger_ledgeramendment SET value_after = ''",
        lambda: DecisionRecord.objects.get(amendments__isnull=False).amendments.get(),
    ),
    "revision": (
        "UPDATE governance_confidencepolicyrevision SET actor_name = 'nobody' WHERE version = 1",
        lambda: ConfidencePolicyRevision.objects.get(version=1),
    ),
    "proposal": (
        "UPDATE governance_confidencepolicyproposal SET evidence = '{}  '",
        lambda: approval().proposal,
    ),
    "proposal_event": (
        "UPDATE governance_proposalevent SET actor_name = 'somebody else' WHERE verb = 'approve'",
        approval,
    ),
    "kill_switch": (
        "UPDATE governance_killswitch SET started_by_name = 'somebody else'",
        lambda: _control("KillSwitch"),
    ),
    "kill_switch_end": ("UPDATE governance_killswitch SET end_reason = 'x'", lambda: _control("KillSwitch")),
    "audit_sampling": ("UPDATE governance_auditsampling SET rate = 0.9", lambda: _control("AuditSampling")),
}  # fmt: skip


def _control(name: str) -> Any:
    from django.apps import apps

    return apps.get_model("governance", name).objects.get()


@pytest.mark.parametrize("kind", UPDATES)
def test_tampering__row_that_was_changed__is_named(kept: Path, kind: str) -> None:
    statement, target = UPDATES[kind]
    with behind_the_triggers() as cursor:
        cursor.execute(statement)
    assert named(kept)[0].startswith(f"{kind} {entry(target())}: the row is not what was logged (leaf ")


@pytest.mark.parametrize("table", ["ledger_ledgeramendment", "governance_auditsampling", "ledger_decisionoutcome"])
def test_tampering__row_that_was_deleted__is_named(kept: Path, table: str) -> None:
    with behind_the_triggers() as cursor:
        cursor.execute(f"DELETE FROM {table}")
    (told,) = named(kept)
    assert "the row is gone (leaf " in told


def test_tampering__host_id_that_leads_to_another_decision__is_named(kept: Path, caller: Caller) -> None:
    blocked, allowed = decision("blocked"), decision("allowed")
    with behind_the_triggers() as cursor:
        value = DecisionRecord._meta.pk.get_db_prep_value(allowed.pk, connection)
        cursor.execute("UPDATE ledger_decisionexternalid SET decision_id = %s WHERE external_id = 'blocked'", [value])
    assert caller.post("decisions", envelope(external_id="blocked")).json()["verdict"] == "allow", "so it pays"
    assert named(kept) == [
        f"host id of decision {allowed.pk}: it is not the one that the decision was recorded under",
        f"decision {blocked.pk}: its host id is gone, or leads to another decision",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_decisionexternalid SET decision_id = (SELECT decision_id FROM decision_ledger LIMIT 1)",
        "DELETE FROM ledger_decisionexternalid WHERE external_id = 'blocked'",
    ],
)
def test_host_id__with_the_triggers_in_place__cannot_be_moved(statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert DecisionExternalId.objects.get(external_id="blocked").decision_id == decision("blocked").pk


def _second_id(cursor: Any, target: DecisionRecord, workspace_id: int) -> None:
    columns = "workspace_id, external_id, decision_id, body_sha256"
    key = DecisionRecord._meta.pk.get_db_prep_value(target.pk, connection)
    statement = f"INSERT INTO ledger_decisionexternalid ({columns}) VALUES (%s, 'another', %s, 'x')"
    cursor.execute(statement, [workspace_id, key])


@pytest.mark.parametrize("whose", ["its own", "another"])
@pytest.mark.parametrize("external_id", ["allowed", ""])
def test_host_id__with_the_triggers_in_place__leads_to_no_decision_but_its_own(whose: str, external_id: str) -> None:
    target = decision("allowed")
    if not external_id:
        target = DecisionRecord(**{**_values(target), "external_id": ""})
        target.save(force_insert=True)
    workspace_id = target.workspace_id if whose == "its own" else WorkspaceFactory().pk
    with pytest.raises(DatabaseError, match="leads to what is recorded under it"), transaction.atomic():
        _second_id(connection.cursor(), target, workspace_id)


def test_host_id__the_trigger_over_it_is_gone__a_check_says_so() -> None:
    with behind_the_triggers():
        assert "ledger_decisionexternalid_leads_to" in map(str, missing_triggers(connection))
    assert missing_triggers(connection) == []


@pytest.mark.parametrize("whose", ["its own", "another"])
def test_tampering__second_host_id_for_a_decision__is_named(kept: Path, whose: str) -> None:
    target = decision("allowed")
    with behind_the_triggers() as cursor:
        _second_id(cursor, target, target.workspace_id if whose == "its own" else WorkspaceFactory().pk)
    assert f"host id of decision {target.pk}: it is not the one that the decision was recorded under" in named(kept)


def test_tampering__backdated_decision_with_a_host_id_of_its_own__is_named(kept: Path) -> None:
    real = decision("allowed")
    real.pk, real.external_id = None, ""
    slipped = DecisionRecord(**{**_values(real), "timestamp": timezone.now() - timedelta(days=20)})
    slipped.save(force_insert=True)
    run("checkpoint_ledger")
    (told,) = named(kept)
    assert told.startswith(f"decision {slipped.pk}: it says that it was written at ")


def _values(record: DecisionRecord) -> dict[str, Any]:
    return {each.attname: getattr(record, each.attname) for each in record._meta.concrete_fields[1:]}


def test_tampering__tail_of_log_and_ledger_cut__is_found_by_the_kept_checkpoint(kept: Path) -> None:
    size = LogLeaf.objects.count()
    with behind_the_triggers() as cursor:
        cursor.execute("DELETE FROM ledger_checkpoint")
        cursor.execute("DELETE FROM ledger_ledgeramendment")
        cursor.execute("DELETE FROM ledger_logleaf WHERE entry = 'amendment'")
        cursor.execute("DELETE FROM ledger_logleaf WHERE position > (SELECT MAX(position) FROM ledger_logleaf) - 1")
    assert f"kept checkpoint 1 of size {size}: the log has only" in "\n".join(named(kept))
    assert not Checkpoint.objects.exists()


def test_tampering__config_in_force_changed_without_a_revision__is_named(kept: Path) -> None:
    revision = ConfidencePolicyRevision.objects.get(version=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE governance_confidencepolicy SET config = %s", [json.dumps(config_of(0.1))])
    assert named(kept) == [f"policy {revision.policy_id}: the config in force is not that of its revision 1"]


def test_tampering__role_of_a_member_in_the_history__is_named(kept: Path) -> None:
    event = WorkspaceEvent.objects.get(kind="member.added")
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE governance_workspaceevent SET actor_name = 'x' WHERE id = %s", [event.pk])
    assert named(kept)[0].startswith(f"workspace_event {event.pk:020d}: the row is not what was logged")
