"""Labels from a file: read in parts, each answer written once, what cannot be kept named by its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from confidence_project.foundation.errors import DomainError, InvalidInput
from confidence_project.foundation.submissions import Submission
from confidence_project.foundation.validation import problems_in
from governance.models import Workspace
from ledger.imports.records import Format, Record
from ledger.imports.rejects import RejectsFile
from ledger.imports.source import Rejected, Source
from ledger.labelling.incoming import CHUNK, LabelEnvelope, record_labels
from ledger.labelling.tools import ANSWER_COLUMNS, IDS, Given, answers_in

Waiting = list[tuple[Record, Submission[LabelEnvelope]]]


@dataclass(slots=True)
class LabelSummary:
    """What became of a file: its records, and of those the answers; `unanswered` records held none.

    `rejected` counts records with something that was not kept.
    """

    records: int = 0
    recorded: int = 0
    unchanged: int = 0
    unanswered: int = 0
    rejected: int = 0


class _Rejecting:
    """Names what was not kept, and copies its record to the file of rejects once."""

    def __init__(self, layout: Format, rejects: RejectsFile, on_rejected: Callable[[Record, str], None]) -> None:
        self._layout, self._rejects, self._on_rejected = layout, rejects, on_rejected
        self._copied: set[int] = set()

    def __call__(self, record: Record, reason: str, summary: LabelSummary) -> None:
        self._on_rejected(record, reason)
        if record.number not in self._copied:
            self._copied.add(record.number)
            summary.rejected += 1
            self._rejects.write(self._layout.header, [record.raw])


def import_labels(
    *,
    workspace: Workspace,
    source: Source,
    layout: Format,
    rejects: RejectsFile,
    reporter: str,
    on_rejected: Callable[[Record, str], None],
    on_progress: Callable[[], None],
    only_of: str | None = None,
) -> LabelSummary:
    """Write the answers of a file. The same file again changes nothing.

    Parameters
    ----------
    only_of
        Answers of this reviewer alone are kept, and those that name none are theirs. None: of everybody.

    Raises
    ------
    InvalidInput
        The file is not of its format; its header names no answer, or a column of ours twice.
    """
    summary, reject = LabelSummary(), _Rejecting(layout, rejects, on_rejected)
    waiting: Waiting = []
    for record in _records(source, layout):
        summary.records += 1
        try:
            found = [(record, _submission(given, only_of)) for given in _answers(record)]
        except DomainError as error:
            reject(record, error.detail, summary)
            continue
        summary.unanswered += not found
        waiting += found
        if len(waiting) >= CHUNK:
            _write(workspace, waiting, reporter, summary, reject)
            on_progress()
            waiting = []
    _write(workspace, waiting, reporter, summary, reject)
    on_progress()
    return summary


def _records(source: Source, layout: Format) -> Iterator[Record]:
    """The records of a file whose header, where it has one, holds answers: else all would be passed over in silence."""
    is_checked = False
    for record in layout.records(source):
        if not is_checked:
            _check_header(layout.columns)
            is_checked = True
        yield record
    if not is_checked:
        _check_header(layout.columns)


def _check_header(columns: list[str] | None) -> None:
    if columns is None:
        return
    for name in (*IDS, *ANSWER_COLUMNS):
        if columns.count(name) > 1:
            raise InvalidInput(f"The first line names a column twice: {name}.")
    if "answer" not in columns:
        raise InvalidInput("The first line names no column answer, with commas between the columns.")


def _answers(record: Record) -> Iterator[Given]:
    if record.values is None:
        raise Rejected(record.problem)
    return iter(answers_in(record.values))


def _submission(given: Given, only_of: str | None) -> Submission[LabelEnvelope]:
    if only_of is not None:
        given = {**given, "reviewer": given.get("reviewer") or only_of}
        if given["reviewer"] != only_of:
            raise Rejected("reviewer: you bring in your own answers; those of others an admin of the workspace does")
    try:
        return Submission.of(LabelEnvelope.model_validate(given))
    except ValidationError as error:
        said = [f"{problem.pointer.lstrip('/') or 'record'}: {problem.detail}" for problem in problems_in(error)]
        raise Rejected("; ".join(said)) from None


def _write(workspace: Workspace, waiting: Waiting, reporter: str, summary: LabelSummary, reject: _Rejecting) -> None:
    answers = record_labels(workspace=workspace, submissions=[each for _, each in waiting], reporter=reporter)
    for (record, _), answer in zip(waiting, answers, strict=True):
        if isinstance(answer, DomainError):
            reject(record, answer.detail, summary)
        elif answer.created:
            summary.recorded += 1
        else:
            summary.unchanged += 1
