"""Rows of past decisions become records: what a record of the import says, and how it is known again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from confidence_project.foundation.bulk import Values, insert_rows
from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.submissions import Stored, Submission, find_or_create
from ledger.contracts import CONTRACT_VERSION
from ledger.imports import course
from ledger.imports.rows import ImportedDecision, Label, Row
from ledger.models import DecisionImport, DecisionOutcome, DecisionRecord
from ledger.recording import four_decimals, insert_records
from ledger.services import decisions_by_external_id

REASON = "imported"


def write_rows(kept: DecisionImport, rows: Sequence[Row]) -> list[Stored[Values] | DomainError]:
    """Store what is new of `rows` in one transaction, with its count; answer for each, in their order.

    Raises
    ------
    Conflict
        The import was stopped, or goes on elsewhere: nothing of these is stored.
    """
    submissions = [Submission(row.decision.external_id, _fingerprint(row), row) for row in rows]
    return find_or_create(
        submissions,
        find=lambda ids: decisions_by_external_id(kept.workspace, ids),
        create=lambda fresh: _create(kept, fresh),
    )


def _fingerprint(row: Row) -> str:
    content = row.decision.model_dump_json(exclude_none=True)
    if row.decision.success is None and row.labels:
        content += repr([(label.reporter, label.success) for label in row.labels])
    return hashlib.sha256(content.encode()).hexdigest()


def _create(kept: DecisionImport, fresh: Sequence[Submission[Row]]) -> list[Values]:
    now = timezone.now()
    unlabelled = sum(not submission.item.labels for submission in fresh)
    course.count_stored(kept, imported=len(fresh), unlabelled=unlabelled)
    records = [_build_record(kept, submission.item.decision, now) for submission in fresh]
    hashes = {submission.external_id: submission.body_sha256 for submission in fresh}
    insert_records([vars(record) for record in records], hashes)
    insert_rows(
        [
            _build_outcome(record, submission.item.decision, sequence, label, now)
            for record, submission in zip(records, fresh, strict=True)
            for sequence, label in enumerate(submission.item.labels, start=1)
        ]
    )
    return [vars(record) for record in records]


def _build_record(kept: DecisionImport, row: ImportedDecision, now: datetime) -> DecisionRecord:
    return DecisionRecord(
        workspace_id=kept.workspace_id,
        import_id=kept.pk,
        timestamp=now,
        occurred_at=row.decided_at,
        origin=DecisionRecord.Origin.IMPORT,
        external_id=row.external_id,
        policy_key=row.policy_key,
        provider=row.provider,
        model=row.model,
        prompt_hash=row.prompt_hash or "",
        schema_version=CONTRACT_VERSION,
        schema_valid=True,
        ml_risk_score=four_decimals(row.ml_risk_score),
        llm_confidence=four_decimals(row.confidence),
        confidence_kind=row.confidence_kind,
        task=row.task or "",
        options=row.options,
        channel=row.channel or "",
        case_key=row.case_key or "",
        action_type=row.action_type,
        gate_verdict=row.gate_verdict,
        gate_reason=REASON,
        audit_selected=bool(row.audit_selected),
        label_propensity=four_decimals(row.label_propensity),
    )


def _build_outcome(
    record: DecisionRecord, row: ImportedDecision, sequence: int, label: Label, now: datetime
) -> DecisionOutcome:
    return DecisionOutcome(
        decision_id=record.decision_id,
        workspace_id=record.workspace_id,
        sequence=sequence,
        success=label.success,
        source=row.outcome_source or DecisionOutcome.Source.IMPORT,
        automation_executed=row.automation_executed,
        downstream_failure=row.downstream_failure,
        observed_at=row.observed_at or row.decided_at,
        recorded_at=now,
        reporter=label.reporter,
    )
