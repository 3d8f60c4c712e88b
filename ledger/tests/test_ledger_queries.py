"""The queries that people ran on the earlier ledger run verbatim, and the effective view shows what holds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from ledger.tests.factories import (
    DECIDED_AT,
    DecisionOutcomeFactory,
    DecisionRecordFactory,
    LedgerAmendmentFactory,
)

pytestmark = pytest.mark.django_db

COUNT_BLOCKS_BY_REASON = (
    "SELECT gate_reason, COUNT(*) FROM decision_ledger GROUP BY gate_reason ORDER BY COUNT(*) DESC;"
)
CONFIDENCE_BY_PROVIDER = (
    "SELECT provider, ROUND(llm_confidence, 1) AS bucket, COUNT(*) FROM decision_ledger "
    "WHERE llm_confidence IS NOT NULL GROUP BY provider, bucket ORDER BY provider, bucket;"
)


def fetch(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def test_query__counts_by_reason__runs_verbatim() -> None:
    DecisionRecordFactory.create_batch(3, gate_reason="kill_switch", gate_verdict="block")
    DecisionRecordFactory()
    assert fetch(COUNT_BLOCKS_BY_REASON) == [("kill_switch", 3), ("allowed", 1)]


def test_query__confidence_by_provider__runs_verbatim() -> None:
    for provider, confidence in [("acme", "0.91"), ("acme", "0.87"), ("acme", "0.5"), ("zeta", "1"), ("zeta", None)]:
        DecisionRecordFactory(provider=provider, llm_confidence=confidence and Decimal(confidence))
    found = [(provider, float(bucket), number) for provider, bucket, number in fetch(CONFIDENCE_BY_PROVIDER)]
    assert found == [("acme", 0.5, 1), ("acme", 0.9, 2), ("zeta", 1.0, 1)]


def effective(column: str) -> Any:
    ((value,),) = fetch(f"SELECT {column} FROM decision_ledger_effective")
    return value


def test_view__unlabelled_decision__has_no_outcome() -> None:
    DecisionRecordFactory()
    assert effective("outcome_success") is None


def test_view__later_outcome_of_a_machine__outranks_the_earlier() -> None:
    decision = DecisionOutcomeFactory(source="downstream_event", success=True).decision
    DecisionOutcomeFactory(
        decision=decision, sequence=2, source="sentiment", success=False, observed_at=DECIDED_AT + timedelta(days=1)
    )
    assert effective("outcome_source") == "sentiment"


def test_view__person__outranks_every_machine() -> None:
    decision = DecisionOutcomeFactory(source="human_review", success=False).decision
    DecisionOutcomeFactory(
        decision=decision, sequence=2, source="booking", success=True, observed_at=DECIDED_AT + timedelta(days=9)
    )
    assert (effective("outcome_source"), bool(effective("outcome_success"))) == ("human_review", False)


def test_view__same_moment__the_later_record_rules() -> None:
    decision = DecisionOutcomeFactory(source="booking", success=False).decision
    DecisionOutcomeFactory(decision=decision, sequence=2, source="booking", success=True)
    assert bool(effective("outcome_success")) is True


def test_view__amended_prompt_hash__is_the_last_amendment() -> None:
    decision = LedgerAmendmentFactory().decision
    LedgerAmendmentFactory(decision=decision, value_before="cd" * 32, value_after="ef" * 32)
    assert effective("prompt_hash") == "ef" * 32


def test_view__record_without_amendment__shows_its_own_hash() -> None:
    DecisionRecordFactory()
    assert effective("prompt_hash") == "ab" * 32
