"""Import past decisions with what came of them: read, validate, write a chunk at a time, and report each bad line.

What an imported record says: `origin` is import and `gate_reason` imported, no policy of ours was applied
(`policy_version` null, `thresholds` empty), and `gate_verdict` is what the host did, allow unless the file says block:
history is what was carried out. The outcome's source is import unless the file names another; it counts as observed
when the decision was made unless the file says when, so that any later observation outranks it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.utils import timezone

from confidence_project.foundation.bulk import insert_rows
from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.submissions import Stored, Submission, settle
from governance.models import Workspace
from ledger.contracts import CONTRACT_VERSION
from ledger.imports.formats import Format
from ledger.imports.rejects import RejectsFile
from ledger.imports.rows import ImportedDecision, check_row
from ledger.imports.source import Line, Rejected, Source
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.services import decisions_by_external_id, four_decimals, insert_with_external_ids

CHUNK = 5_000
"""Lines a transaction."""

REASON = "imported"
REPORTER = "import_decisions"


@dataclass(slots=True)
class ImportSummary:
    """What became of the lines of a file. `unlabelled` are those of the imported that have no outcome."""

    imported: int = 0
    unlabelled: int = 0
    unchanged: int = 0
    rejected: int = 0

    @property
    def lines(self) -> int:
        return self.imported + self.unchanged + self.rejected


def import_decisions(
    *,
    workspace: Workspace,
    source: Source,
    format: Format,
    stand_ins: Mapping[str, str],
    rejects: RejectsFile,
    on_rejected: Callable[[int, str], None],
    on_progress: Callable[[], object],
    write: bool = True,
) -> ImportSummary:
    """Import every good line of `source` and hand the others to `rejects`.

    A chunk of lines is one transaction, so a break loses nothing that was committed, and the same file again goes on
    where it was: a line whose id and content are known is left as it is.

    Parameters
    ----------
    stand_ins
        Values for columns that are absent or blank. A line without an id of its own is called by the SHA-256 of the
        file's content and the number of the line.
    on_rejected
        Called with the number of each rejected line and the reason.
    on_progress
        Called after each chunk.
    write
        False: only check the lines; nothing is looked up or stored.

    Raises
    ------
    InvalidInput
        The file as a whole cannot be read as what it should be.
    """
    summary = ImportSummary()

    def reject(line: Line, reason: str) -> None:
        summary.rejected += 1
        on_rejected(line.number, reason)
        rejects.write(format.header, _pieces(line, source))

    with closing(source.lines()) as lines:
        format.read_header(lines)
        rows = _good_rows(lines, source, format, stand_ins, workspace, reject)
        while chunk := list(islice(rows, CHUNK)):
            if write:
                _write(workspace, chunk, summary, reject)
            else:
                summary.imported += len(chunk)
                summary.unlabelled += sum(row.success is None for _, row in chunk)
            on_progress()
    return summary


def _pieces(line: Line, source: Source) -> Iterator[bytes]:
    yield line.raw
    if not line.complete:
        yield from source.rest()


def _good_rows(
    lines: Iterator[Line],
    source: Source,
    format: Format,
    stand_ins: Mapping[str, str],
    workspace: Workspace,
    reject: Callable[[Line, str], None],
) -> Iterator[tuple[Line, ImportedDecision]]:
    prefix = f"sha256:{source.sha256}:"
    for line in lines:
        try:
            row = format.row(line, {"external_id": f"{prefix}{line.number}", **stand_ins})
            check_row(row, workspace)
        except Rejected as rejection:
            reject(line, rejection.detail)
        else:
            yield line, row


def _write(
    workspace: Workspace,
    chunk: Sequence[tuple[Line, ImportedDecision]],
    summary: ImportSummary,
    reject: Callable[[Line, str], None],
) -> None:
    submissions = [Submission(row.external_id, _fingerprint(row), row) for _, row in chunk]
    results: list[Stored[DecisionRecord] | DomainError] = settle(
        submissions,
        find=lambda ids: decisions_by_external_id(workspace, ids),
        create=lambda fresh: _create(workspace, fresh),
    )
    for (line, row), result in zip(chunk, results, strict=True):
        if isinstance(result, DomainError):
            reject(line, "another record with this external_id exists")
        elif result.created:
            summary.imported += 1
            summary.unlabelled += row.success is None
        else:
            summary.unchanged += 1


def _fingerprint(row: ImportedDecision) -> str:
    return hashlib.sha256(row.model_dump_json(exclude_none=True).encode()).hexdigest()


def _create(workspace: Workspace, fresh: Sequence[Submission[ImportedDecision]]) -> list[DecisionRecord]:
    now = timezone.now()
    records = [_build_record(workspace, submission.item, now) for submission in fresh]
    insert_with_external_ids(records, {submission.external_id: submission.body_sha256 for submission in fresh})
    insert_rows(
        [
            _build_outcome(record, submission.item, submission.item.success, now)
            for record, submission in zip(records, fresh, strict=True)
            if submission.item.success is not None
        ]
    )
    return records


def _build_record(workspace: Workspace, row: ImportedDecision, now: datetime) -> DecisionRecord:
    return DecisionRecord(
        workspace_id=workspace.pk,
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
        channel=row.channel or "",
        case_key=row.case_key or "",
        action_type=row.action_type,
        gate_verdict=row.gate_verdict,
        gate_reason=REASON,
        audit_selected=bool(row.audit_selected),
        label_propensity=four_decimals(row.label_propensity),
    )


def _build_outcome(record: DecisionRecord, row: ImportedDecision, success: bool, now: datetime) -> DecisionOutcome:
    return DecisionOutcome(
        decision_id=record.decision_id,
        workspace_id=record.workspace_id,
        sequence=1,
        success=success,
        source=row.outcome_source or DecisionOutcome.Source.IMPORT,
        automation_executed=row.automation_executed,
        downstream_failure=row.downstream_failure,
        observed_at=row.observed_at or row.decided_at,
        recorded_at=now,
        reporter=REPORTER,
    )
