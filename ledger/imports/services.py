"""Import past decisions with what came of them: read, validate, write a chunk at a time, and report each bad line.

What an imported record says: `origin` is import and `gate_reason` imported, no policy of ours was applied
(`policy_version` null, `thresholds` empty), and `gate_verdict` is what the host did, allow unless the file says block:
history is what was carried out. The outcome's source is import unless the file names another; it counts as observed
when the decision was made unless the file says when, so that any later observation outranks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from pydantic import ValidationError

from confidence_project.foundation.errors import DomainError, InvalidInput
from governance.models import Workspace
from governance.workspaces.names import WorkspaceNames
from ledger.imports import course
from ledger.imports.mapper import Mapper, what_is_nowhere
from ledger.imports.mapping import ImportMapping
from ledger.imports.records import Format, Record
from ledger.imports.rejects import RejectsFile
from ledger.imports.rows import ImportedDecision, Label, Row, check_constants, check_row, reason_of
from ledger.imports.source import Rejected, Source
from ledger.imports.writing import write_rows
from ledger.models import DecisionImport

CHUNK = 5_000
"""Records a transaction."""

MOST_REASONS = 50
"""So many reasons of rejection are told apart; the rest is one more."""

CHECK = 0.2
"""The share of an import that its first pass takes, about."""

REPORTER = "import_decisions"


@dataclass(slots=True)
class ImportSummary:
    """What became of the records of a file. `unlabelled` are those of the imported that have no outcome."""

    imported: int = 0
    unlabelled: int = 0
    unchanged: int = 0
    rejected: int = 0
    _reasons: dict[str, list[int]] = field(default_factory=dict)

    def reject(self, number: int, reason: str) -> None:
        """Count a record that is rejected, by its reason."""
        self.rejected += 1
        known = reason in self._reasons or len(self._reasons) < MOST_REASONS
        self._reasons.setdefault(reason if known else "other reasons", [0, number])[0] += 1

    @property
    def reasons(self) -> list[dict[str, Any]]:
        """Why records were rejected, the most frequent first, each with how many and the line of the first."""
        by_rows = sorted(self._reasons.items(), key=lambda each: -each[1][0])
        return [{"reason": reason, "rows": rows, "first_line": line} for reason, (rows, line) in by_rows]

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
    on_rejected: Callable[[Record, str], None],
    on_progress: Callable[[str], object],
    write: bool = True,
    kept: DecisionImport | None = None,
) -> ImportSummary:
    """Import every good record of `source` and hand the others to `rejects`.

    The file is judged before its records: a first pass looks at its form, its columns and its scale. Then a chunk of
    records is one transaction, so a break loses nothing that was committed, and the same file again goes on where it
    was: a record whose id and content are known is left as it is. One without an id of its own is called by the
    SHA-256 of the file's content and its number.

    Parameters
    ----------
    on_rejected
        Called with each rejected record and the reason.
    on_progress
        Called with "checking" or "importing" as the passes go on.
    write
        False: only check the records; nothing is looked up or stored.
    kept
        The row of an import that a worker took up. None: the import begins here.

    Raises
    ------
    InvalidInput
        The file as a whole, or what is declared of it, cannot be taken. Nothing was stored.
    Conflict
        Somebody stopped it, or another worker goes on with it. What was stored until then stays.
    """
    check_constants(mapping.constants, workspace)
    mapper = Mapper(mapping, is_text=format.is_text, declared=WorkspaceNames(workspace))

    def checking() -> None:
        on_progress("checking")
        if kept is not None:
            course.report_progress(kept, CHECK * source.position / source.size)

    total = check_file(source, format, mapper, on_progress=checking)
    if kept is None and write:
        kept = _begin(workspace, source, format, mapping)
    elif kept is not None:
        course.identify(kept, source.sha256)
    summary = ImportSummary()

    def reject(record: Record, reason: str) -> None:
        summary.reject(record.number, reason)
        on_rejected(record, reason)
        rejects.write(format.header, _pieces(record, source))

    with _told_how_it_ended(kept), closing(format.records(source)) as records:
        rows = _good_rows(records, f"sha256:{source.sha256}:", mapper, workspace, reject)
        while chunk := list(islice(rows, CHUNK)):
            if kept is None:
                summary.imported += len(chunk)
                summary.unlabelled += sum(not row.labels for _, row in chunk)
            else:
                _write(kept, chunk, summary, reject)
                course.report_progress(kept, CHECK + (1 - CHECK) * summary.lines / max(total, 1))
            on_progress("importing")
        if kept is not None:
            # Records that an earlier attempt stored are counted as its.
            unchanged = summary.unchanged - kept.imported
            course.complete(kept, unchanged=unchanged, rejected=summary.rejected, reasons=summary.reasons)
    return summary


def check_file(source: Source, format: Format, mapper: Mapper, *, on_progress: Callable[[], object]) -> int:
    """Look at a whole file before any of it is taken; return how many records it has.

    Raises
    ------
    InvalidInput
        Its form is broken, a column is missing, or its confidences are on a scale that was not declared.
    """
    total = 0
    with closing(format.records(source)) as records:
        first = next(records, None)
        mapper.locate(format.columns)
        sought, readable = mapper.sought(), 0
        # The number of a record is where it stands, so the list need not be held.
        for total, record in enumerate(chain([first] if first else [], records), start=1):
            if not total % CHUNK:
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
    return total


def _begin(workspace: Workspace, source: Source, format: Format, mapping: ImportMapping) -> DecisionImport:
    return course.begin(
        workspace=workspace,
        mapping=mapping,
        reporter=REPORTER,
        file_name=source.name,
        file_format=format.name,
        file_bytes=source.size,
        file_sha256=source.sha256,
    )


@contextmanager
def _told_how_it_ended(kept: DecisionImport | None) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if kept is not None:
            course.end_badly(kept, error)
        raise


def _pieces(record: Record, source: Source) -> Iterator[bytes]:
    yield record.raw
    if record.is_cut:
        yield from source.rest()


def read_row(values: Mapping[str, Any], mapper: Mapper, stand_ins: Mapping[str, str]) -> Row:
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
    return Row(decision, labels)


def _good_rows(
    records: Iterator[Record],
    prefix: str,
    mapper: Mapper,
    workspace: Workspace,
    reject: Callable[[Record, str], None],
) -> Iterator[tuple[Record, Row]]:
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
    kept: DecisionImport,
    chunk: Sequence[tuple[Record, Row]],
    summary: ImportSummary,
    reject: Callable[[Record, str], None],
) -> None:
    results = write_rows(kept, [row for _, row in chunk])
    for (record, row), result in zip(chunk, results, strict=True):
        if isinstance(result, DomainError):
            reject(record, "another record with this external_id exists")
        elif result.created:
            summary.imported += 1
            summary.unlabelled += not row.labels
        else:
            summary.unchanged += 1
