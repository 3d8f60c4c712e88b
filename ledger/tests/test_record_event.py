"""Recording in process: a verdict counts once its record is committed, and records hold no text."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction

from governance.definitions import get_definition
from governance.policies import get_confidence_policy
from governance.tests.factories import WorkspaceFactory
from ledger.contracts import DecisionGatePayload, parse_llm_decision
from ledger.gate import DecisionGate, GateContext
from ledger.models import DecisionRecord
from ledger.pipelines.decisions import decide
from ledger.services import DecisionLedger
from ledger.tests.bodies import PROMPT_HASH, llm_decision, submission


def payload(**changes):
    decision = parse_llm_decision(llm_decision(**changes), get_definition("confidence_gate"))
    return DecisionGatePayload(
        policy_key="confidence_gate",
        llm_decision=decision,
        ml_risk_score=0.12345,
        provider=decision.provider,
        model=decision.model,
        prompt_hash=decision.prompt_hash,
    )


def evaluate(workspace, asked):
    context = GateContext(
        kill_switch=False, automation_enabled=True, policy=get_confidence_policy(workspace, "confidence_gate")
    )
    return DecisionGate(context).evaluate(asked)


@pytest.mark.django_db
def test_record_event__allowed_decision__every_column_of_the_contract():
    workspace, asked = WorkspaceFactory(), payload(confidence=0.98765)
    record = DecisionLedger(workspace).record_event(asked, evaluate(workspace, asked))
    stored = DecisionRecord.objects.get(pk=record.pk)
    assert (stored.provider, stored.model, stored.prompt_hash) == ("acme", "acme-1", PROMPT_HASH)
    assert (stored.gate_verdict, stored.gate_reason, stored.schema_valid) == ("allow", "allowed", True)
    assert (stored.llm_confidence, stored.ml_risk_score) == (Decimal("0.9877"), Decimal("0.1235"))
    assert (stored.policy_version, stored.thresholds) == (0, {"confidence_threshold": 0.9})
    assert (stored.action_type, json.loads(stored.action_params)) == ("retry", {"attempts": 2})
    assert stored.decision_id.version == 7


@pytest.mark.django_db
def test_record_event__undeclared_parameters__are_not_stored():
    parameters = {"attempts": 2, "note": "call Ms. Smith", "delay_seconds": "soon", "secret": {"a": 1}}
    workspace = WorkspaceFactory()
    asked = payload(recommended_action={"type": "retry", "parameters": parameters})
    record = DecisionLedger(workspace).record_event(asked, evaluate(workspace, asked))
    assert json.loads(record.action_params) == {"attempts": 2}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "action, given, kept",
    [
        ("alert", {"severity": "high"}, {"severity": "high"}),
        ("alert", {"severity": "ms_smith_has_measles"}, {}),
        ("alert", {"severity": "High"}, {}),
        ("alert", {"severity": ["high"]}, {}),
        ("alert", {"severity": None}, {}),
        ("tune", {"parameter": "batch_size", "value": 0.00001}, {"parameter": "batch_size", "value": 0.00001}),
        ("tune", {"parameter": "confidence_gate"}, {"parameter": "confidence_gate"}),
        ("tune", {"parameter": "ms_smith_has_measles", "value": 3}, {"value": 3}),
        ("tune", {"parameter": "batch_size "}, {}),
        ("tune", {"parameter": 5, "value": True}, {}),
    ],
)
def test_record_event__strings_that_nobody_declared__are_not_stored(settings, action, given, kept):
    settings.CONFIDENCE_METADATA_NAMES = ["batch_size"]
    workspace = WorkspaceFactory()
    asked = payload(recommended_action={"type": action, "parameters": given})
    record = DecisionLedger(workspace).record_event(asked, evaluate(workspace, asked))
    assert (record.gate_verdict, json.loads(record.action_params)) == ("allow", kept)


@pytest.mark.django_db(transaction=True)
def test_record_event__inside_a_transaction__refused_because_nothing_would_be_committed():
    workspace, asked = WorkspaceFactory(), payload()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        DecisionLedger(workspace).record_event(asked, evaluate(workspace, asked))
    assert not DecisionRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_decide__inside_a_transaction__refused_because_nothing_would_be_committed():
    workspace = WorkspaceFactory()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        decide(workspace=workspace, submission=submission())
    assert not DecisionRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_arecord_event__from_a_coroutine__commits_the_same_record():
    workspace, asked = WorkspaceFactory(), payload()
    verdict = evaluate(workspace, asked)

    async def record_and_hang_up():
        record = await DecisionLedger(workspace).arecord_event(asked, verdict)
        await sync_to_async(connections.close_all)()
        return record

    record = asyncio.run(record_and_hang_up())
    assert DecisionRecord.objects.get(pk=record.pk).gate_reason == "allowed"
