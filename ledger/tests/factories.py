"""Factories of the ledger: rows as the services write them, without the way through the gate."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import factory
from factory.django import DjangoModelFactory

from governance.tests.factories import WorkspaceFactory
from ledger.models import DecisionOutcome, DecisionRecord, LedgerAmendment

DECIDED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RECORDED_AT = datetime(2026, 3, 1, 12, 0, 1, 250_000, tzinfo=UTC)


class DecisionRecordFactory(DjangoModelFactory):
    class Meta:
        model = DecisionRecord

    workspace = factory.SubFactory(WorkspaceFactory)
    timestamp = RECORDED_AT
    occurred_at = DECIDED_AT
    provider = "acme"
    model = "acme-large"
    prompt_hash = "ab" * 32
    schema_version = "1"
    llm_confidence = Decimal("0.9500")
    gate_verdict = DecisionRecord.Verdict.ALLOW
    gate_reason = "allowed"
    schema_valid = True
    policy_key = "confidence_gate"
    policy_version = 0
    thresholds = factory.LazyFunction(lambda: {"confidence_threshold": 0.9})


class DecisionOutcomeFactory(DjangoModelFactory):
    class Meta:
        model = DecisionOutcome

    decision = factory.SubFactory(DecisionRecordFactory)
    workspace = factory.SelfAttribute("decision.workspace")
    sequence = 1
    success = True
    source = DecisionOutcome.Source.HUMAN_REVIEW
    observed_at = DECIDED_AT
    recorded_at = RECORDED_AT
    reporter = "reviewer"


class LedgerAmendmentFactory(DjangoModelFactory):
    class Meta:
        model = LedgerAmendment

    decision = factory.SubFactory(DecisionRecordFactory, prompt_hash="")
    workspace = factory.SelfAttribute("decision.workspace")
    field = LedgerAmendment.Field.PROMPT_HASH
    value_before = ""
    value_after = "cd" * 32
    reason = "It was not recorded."
    actor_name = "backfill"
    at = RECORDED_AT
