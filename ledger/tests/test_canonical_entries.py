"""The bytes under a leaf: fixed for ever, complete, and the same from both databases (this file runs on both)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from governance.models import AuditSampling
from governance.models.controls import Control
from governance.tests.factories import WorkspaceFactory
from ledger.models import DecisionOutcome, LedgerAmendment
from ledger.tests.entries import only_entry
from ledger.tests.factories import DecisionOutcomeFactory, DecisionRecordFactory, LedgerAmendmentFactory
from ledger.transparency.kinds import KINDS, Kind
from ledger.transparency.leaves import AMENDMENTS, DECISIONS, OUTCOMES
from ledger.transparency.merkle import leaf_hash

pytestmark = pytest.mark.django_db

DECISION_ID = UUID("0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a11")

DECISION = (
    '{"action_params":"{\\"attempts\\": 3}","action_type":"retry","audit_selected":true,'
    '"candidate_reason":"","candidate_verdict":"","case_key":"Fall-Ü",'
    '"channel":"","confidence_kind":"self_reported","decision_id":"0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a11",'
    '"entry":"decision","external_id":"","gate_reason":"llm_confidence_below_threshold","gate_verdict":"block",'
    '"interaction_id":null,"label_propensity":"0.0500","llm_confidence":"0.9000","ml_risk_score":null,'
    '"model":"acme-large","occurred_at":"2026-03-01T12:00:00.000000Z","origin":"gate","policy_key":"confidence_gate",'
    '"policy_version":7,"prompt_hash":"abababababababababababababababababababababababababababababababab",'
    '"provider":"acme","rollout_arm":"","rollout_id":null,"schema_valid":true,"schema_version":"1","task":"",'
    '"thresholds":{"budget":4000,"confidence_threshold":0.95,"limit":1},"timestamp":"2026-03-01T12:00:01.250000Z",'
    '"v":1,"workspace_id":4711}'
)
OUTCOME = (
    '{"automation_executed":null,"body_sha256":"","decision_id":"0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a11",'
    '"downstream_failure":false,"entry":"outcome","external_id":null,"id":12,'
    '"observed_at":"2026-03-01T11:00:00.000001Z","recorded_at":"2026-03-01T12:00:01.250000Z","reporter":"reviewer",'
    '"sequence":1,"source":"human_review","success":true,"v":1,"workspace_id":4711}'
)
AMENDMENT = (
    '{"actor_id":null,"actor_name":"backfill","at":"2026-03-01T12:00:01.250000Z",'
    '"decision_id":"0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a11","entry":"amendment","field":"prompt_hash","id":13,'
    '"reason":"It was not recorded.","v":1,'
    '"value_after":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","value_before":"",'
    '"workspace_id":4711}'
)


def test_entries__of_known_rows__are_these_bytes() -> None:
    decision = DecisionRecordFactory(
        decision_id=DECISION_ID,
        workspace=WorkspaceFactory(pk=4711),
        gate_verdict="block",
        gate_reason="llm_confidence_below_threshold",
        llm_confidence=Decimal("0.9"),
        confidence_kind="self_reported",
        thresholds={"confidence_threshold": 0.95, "limit": 1.0, "budget": 4000},
        policy_version=7,
        action_type="retry",
        action_params='{"attempts": 3}',
        case_key="Fall-Ü",
        audit_selected=True,
        label_propensity=Decimal("0.05"),
    )
    DecisionOutcomeFactory(
        id=12,
        decision=decision,
        downstream_failure=False,
        observed_at=datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=ZoneInfo("Europe/Berlin")),
    )
    LedgerAmendmentFactory(id=13, decision=decision)
    assert only_entry(DECISIONS).decode() == DECISION
    assert only_entry(OUTCOMES).decode() == OUTCOME
    assert only_entry(AMENDMENTS).decode() == AMENDMENT


def test_entry__of_a_decision_with_options__has_a_version_of_its_own() -> None:
    DecisionRecordFactory(options="3:ab")
    entry = json.loads(only_entry(DECISIONS))
    assert (entry["v"], entry["options"], "schema_problems" in entry) == (3, "3:ab", False)


def test_entry__of_audit_sampling__has_rules_only_where_there_are_some() -> None:
    kind = next(kind for kind in KINDS.all() if kind.entry == "audit_sampling")
    common = {"policy_key": "confidence_gate", "rate": Decimal("0.1"), "started_at": datetime(2026, 3, 1, tzinfo=UTC)}
    AuditSampling.objects.create(workspace=WorkspaceFactory(), **common)
    entry = json.loads(only_entry(kind))
    assert (entry["v"], "rules" in entry) == (1, False)
    AuditSampling.objects.update(rules=[{"side": "allowed", "rate": 0.05}])
    entry = json.loads(only_entry(kind))
    assert (entry["v"], entry["rules"]) == (2, [{"rate": 0.05, "side": "allowed"}])


CHANGES_OR_IS_SIGNED = {
    "proposal": "status author_id approver_id approver_name approved_at approved_evidence_sha256 rejecter_id "
    "rejecter_name rejected_at reject_reason applier_id applier_name applied_at large_step_acknowledged expires_at "
    "superseded_by_id",
    "rollout": "status share ended_at",
    "calibration_run": "computed_by_id progress heartbeat_at metrics",
    "checkpoint": "note",
}
OF_CONTROLS = {"started_by_id", "ended_by_id"}


@pytest.mark.parametrize("table", sorted({kind.model for kind in KINDS.all()}, key=lambda model: model.__name__))
def test_entries__of_a_table__hold_every_column_that_stays(table: type) -> None:
    kinds = [kind for kind in KINDS.all() if kind.model is table]
    held = {name for kind in kinds for name in (*kind.columns, *kind.digests)}
    left_out = {name for kind in kinds for name in CHANGES_OR_IS_SIGNED.get(kind.entry, "").split()}
    left_out |= OF_CONTROLS if issubclass(table, Control) else set()
    assert held == {field.attname for field in table._meta.concrete_fields} - left_out


@pytest.mark.parametrize("kind", [DECISIONS, OUTCOMES], ids=lambda kind: kind.entry)
def test_entry_id__is_ordered_like_the_key_and_leads_back(kind: Kind) -> None:
    keys = [UUID(int=9), UUID(int=1 << 100)] if kind is DECISIONS else [9, 10, 1 << 60]
    names = [kind.entry_id_of(key) for key in keys]
    assert names == sorted(names)
    assert [kind.key_of(name) for name in names] == keys


def test_leaf_hash__of_a_known_entry__is_this() -> None:
    """Computed with `printf '\\0…' | sha256sum`: not by the code under test."""
    assert leaf_hash(b'{"v":1}').hex() == "0fe7f04cd9688fb996eea9ae1248cbe83b4d04805413f35ab25ad9deb5a3cb32"


def test_models__outcomes_and_amendments__have_growing_keys() -> None:
    assert {DecisionOutcome._meta.pk.get_internal_type(), LedgerAmendment._meta.pk.get_internal_type()} == {
        "BigAutoField"
    }
