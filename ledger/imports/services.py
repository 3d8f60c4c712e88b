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
from itertools import chain, islice
from typing import Any

from django.utils import timezone
from pydantic import ValidationError

from confidence_project.foundation.bulk import insert_rows
from confidence_project.foundation.errors import DomainError, InvalidInput
from confidence_project.foundation.submissions import Stored, Submission, find_or_create
from governance.models import Workspace
from governance.workspaces.names import WorkspaceNames
from ledger.contracts import CONTRACT_VERSION
from ledger.imports.mapper import Mapper, what_is_nowhere
from ledger.imports.mapping import ImportMapping
from ledger.imports.records import Format, Record
from ledger.imports.rejects import RejectsFile
from ledger.imports.rows import ImportedDecision, Label, check_constants, check_row, reason_of
from ledger.imports.source import Rejected, Source
from ledger.models import DecisionImport, DecisionOutcome, DecisionRecord
from ledger.services import decisions_by_external_id, four_decimals, insert_with_external_ids

CHUNK = 5_000
"""Records a transaction."""

REASON = "imported"
REPORTER = "import_decisions"


@dataclass(slots=True)
class ImportSummary:
    """What became of the records of a file. `unlabelled` are those of the imported that have no outcome."""

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
    mapping: ImportMapping,
    rejects: RejectsFile,
    on_rejected: Callable[[int, str], None],
    on_progress: Callable[[str], object],
    write: bool = True,
) -> ImportSummary:
    """Import every good record of `source` and hand the others to `rejects`.

    The file is judged before its records: a first pass looks at its form, its columns and its scale. Then a chunk of
    records is one transaction, so a break loses nothing that was committed, and the same file again goes on where it
    was: a record whose id and content are known is left as it is. One without an id of its own is called by the
    SHA-256 of the file's content and its number.

    Parameters
    ----------
    on_rejected
        Called with the number of each rejected record and the reason.
    on_progress
        Called with "checking" or "importing" as the passes go on.
    write
        False: only check the records; nothing is looked up or stored.

    Raises
    ------
    InvalidInput
        The file as a whole, or what is declared of it, cannot be taken. Nothing was stored.
    """
    check_constants(mapping.constants, workspace)
    mapper = Mapper(mapping, is_text=format.is_text, declared=WorkspaceNames(workspace))
    check_file(source, format, mapper, on_progress=lambda: on_progress("checking"))
    summary = ImportSummary()
    kept = _begin(workspace, source, mapping) if write else None

    def reject(record: Record, reason: str) -> None:
        summary.rejected += 1
        on_rejected(record.number, reason)
        rejects.write(format.header, _pieces(record, source))

    with closing(format.records(source)) as records:
        rows = _good_rows(records, f"sha256:{source.sha256}:", mapper, workspace, reject)
        while chunk := list(islice(rows, CHUNK)):
            if write:
                _write(workspace, chunk, summary, reject)
            else:
                summary.imported += len(chunk)
                summary.unlabelled += sum(not row.labels for _, row in chunk)
            on_progress("importing")
    if kept is not None:
        _end(kept, summary)
    return summary


def check_file(source: Source, format: Format, mapper: Mapper, *, on_progress: Callable[[], object]) -> None:
    """Look at a whole file before any of it is taken.

    Raises
    ------
    InvalidInput
        Its form is broken, a column is missing, or its confidences are on a scale that was not declared.
    """
    with closing(format.records(source)) as records:
        first = next(records, None)
        mapper.locate(format.columns)
        sought, readable = mapper.sought(), 0
        # The number of a record is where it stands, so the list need not be held.
        for record in chain([first] if first else [], records):
            if not record.number % CHUNK:
                on_progress()
            if record.values is None:
                continue
            readable += 1
            if mapper.needs_a_scale(record.values):
                raise InvalidInput(
                    f"The confidence in line {record.number} is above 1, or has a percent sign, so nobody can tell "
                    "what 1 means in this file. Say --scale 100 (or 10, or 5), or --scale 1 to reject such lines."
                )
            sought = {name: at for name, at in sought.items() if mapper.has_nothing_for(name, record.values)}
    if sought and readable:
        raise InvalidInput(what_is_nowhere(sought))


def _begin(workspace: Workspace, source: Source, mapping: ImportMapping) -> DecisionImport:
    return DecisionImport.objects.create(
        workspace=workspace,
        file_sha256=source.sha256,
        mapping=mapping.model_dump(mode="json", exclude_defaults=True),
        started_at=timezone.now(),
        actor_name=REPORTER,
    )


def _end(kept: DecisionImport, summary: ImportSummary) -> None:
    for name in ("imported", "unlabelled", "unchanged", "rejected"):
        setattr(kept, name, getattr(summary, name))
    kept.finished_at = timezone.now()
    kept.save()


def _pieces(record: Record, source: Source) -> Iterator[bytes]:
    yield record.raw
    if record.is_cut:
        yield from source.rest()


@dataclass(frozen=True, slots=True)
class _Row:
    """A decision and what came of it, by whom."""

    decision: ImportedDecision
    labels: Sequence[Label]


def read_row(values: Mapping[str, Any], mapper: Mapper, stand_ins: Mapping[str, str]) -> _Row:
    """Return a record as a decision with its labels; raise `Rejected` where it is none."""
    row = mapper.row(values, stand_ins)
    labels = row.pop("labels", None)
    try:
        validate = ImportedDecision.model_validate_strings if mapper.is_text else ImportedDecision.model_validate
        decision = validate(row, context=mapper.declared)
    except ValidationError as error:
        raise Rejected(reason_of(error)) from None
    if labels is None:
        labels = [] if decision.success is None else [Label(REPORTER, decision.success)]
    return _Row(decision, labels)


def _good_rows(
    records: Iterator[Record],
    prefix: str,
    mapper: Mapper,
    workspace: Workspace,
    reject: Callable[[Record, str], None],
) -> Iterator[tuple[Record, _Row]]:
    for record in records:
        try:
            if record.values is None:
                raise Rejected(record.problem)
            row = read_row(record.values, mapper, {"external_id": f"{prefix}{record.number}"})
            check_row(row.decision, bool(row.labels), workspace)
        except Rejected as rejection:
            reject(record, rejection.detail)
        else:
            yield record, row


def _write(
    workspace: Workspace,
    chunk: Sequence[tuple[Record, _Row]],
    summary: ImportSummary,
    reject: Callable[[Record, str], None],
) -> None:
    submissions = [Submission(row.decision.external_id, _fingerprint(row), row) for _, row in chunk]
    results: list[Stored[DecisionRecord] | DomainError] = find_or_create(
        submissions,
        find=lambda ids: decisions_by_external_id(workspace, ids),
        create=lambda fresh: _create(workspace, fresh),
    )
    for (record, row), result in zip(chunk, results, strict=True):
        if isinstance(result, DomainError):
            reject(record, "another record with this external_id exists")
        elif result.created:
            summary.imported += 1
            summary.unlabelled += not row.labels
        else:
            summary.unchanged += 1


def _fingerprint(row: _Row) -> str:
    content = row.decision.model_dump_json(exclude_none=True)
    if row.decision.success is None and row.labels:
        content += repr([(label.reporter, label.success) for label in row.labels])
    return hashlib.sha256(content.encode()).hexdigest()


def _create(workspace: Workspace, fresh: Sequence[Submission[_Row]]) -> list[DecisionRecord]:
    now = timezone.now()
    records = [_build_record(workspace, submission.item.decision, now) for submission in fresh]
    insert_with_external_ids(records, {submission.external_id: submission.body_sha256 for submission in fresh})
    insert_rows(
        [
            _build_outcome(record, submission.item.decision, sequence, label, now)
            for record, submission in zip(records, fresh, strict=True)
            for sequence, label in enumerate(submission.item.labels, start=1)
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
