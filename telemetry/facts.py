"""Facts that arrive after their record: an override, an outcome, a disposition.

A fact is recorded once. The same fact again is a repetition; another one is a conflict, and the first stays, because
a calibration may rest on it already. The record is named by the host's own id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from confidence_project.foundation.errors import Conflict, DomainError, FieldProblem, InvalidInput, NotFound
from confidence_project.foundation.submissions import Stored, Submission, commit_with_retry
from governance.clock import CLOCK_SKEW, check_time
from governance.models import Workspace
from telemetry.book import keep_book
from telemetry.contracts import BookingOutcomeEnvelope, DispositionEnvelope, Envelope, OverrideEnvelope
from telemetry.models import AIDraft, FollowUpBooking, HostRecord, MeetingOverseerDecision

HostRecordT = TypeVar("HostRecordT", bound=HostRecord)


def record_dispositions(
    *, workspace: Workspace, submissions: Sequence[Submission[DispositionEnvelope]]
) -> list[Stored[AIDraft] | DomainError]:
    """Record what became of drafts."""
    return _attach(workspace, submissions, AIDraft, "disposition", None)


def record_overrides(
    *, workspace: Workspace, submissions: Sequence[Submission[OverrideEnvelope]]
) -> list[Stored[MeetingOverseerDecision] | DomainError]:
    """Record what people decided instead of the meeting overseer."""
    return _attach(workspace, submissions, MeetingOverseerDecision, "human_override", "overridden_at")


def record_booking_outcomes(
    *, workspace: Workspace, submissions: Sequence[Submission[BookingOutcomeEnvelope]]
) -> list[Stored[FollowUpBooking] | DomainError]:
    """Record what became of bookings."""
    return _attach(workspace, submissions, FollowUpBooking, "outcome", "outcome_at")


def _attach(
    workspace: Workspace,
    submissions: Sequence[Submission[Any]],
    model: type[HostRecordT],
    label: str,
    time: str | None,
) -> list[Stored[HostRecordT] | DomainError]:
    """Fill the columns `label` and `time` of the records named, where they are blank."""
    columns = [label, time] if time else [label]

    def write() -> list[Stored[HostRecordT] | DomainError]:
        names = {submission.external_id for submission in submissions}
        rows: Any = model.objects.in_workspace(workspace).filter(external_id__in=names)
        # Locked in one order: whoever comes second finds the first fact, and nobody deadlocks.
        locked = {row.external_id: row for row in rows.order_by("pk").select_for_update()}
        results = [
            _attach_one(locked.get(submission.external_id), submission.item, workspace, columns)
            for submission in submissions
        ]
        changed = [result.record for result in results if isinstance(result, Stored) and result.created]
        if changed:
            model.objects.bulk_update(changed, columns, batch_size=500)
            keep_book(changed)
        return results

    return commit_with_retry(write)


def _attach_one(
    row: HostRecordT | None, fact: Envelope, workspace: Workspace, columns: Sequence[str]
) -> Stored[HostRecordT] | DomainError:
    if row is None:
        return NotFound("No record of this workspace has this external_id; send the record first.")
    values = {name: getattr(fact, name) for name in columns}
    if getattr(row, columns[0]):
        if all(getattr(row, name) == value for name, value in values.items()):
            return Stored(row, created=False)
        return Conflict(f"Another {columns[0]} is recorded already; the first one stays.")
    try:
        for name in columns[1:]:
            check_time(values[name], workspace, name)
            _check_order(row, values[name], name)
    except InvalidInput as error:
        return error
    for name, value in values.items():
        setattr(row, name, value)
    return Stored(row, created=True)


def _check_order(row: HostRecord, at: Any, name: str) -> None:
    if at < row.created_at - CLOCK_SKEW:
        detail = f"{name} lies before the record itself"
        raise InvalidInput(detail, [FieldProblem(f"/{name}", "time", detail)])
