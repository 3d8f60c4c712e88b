"""Writes of telemetry: what hosts submit, in bulk and idempotent by the host's own id.

Each verb answers every submission, in their order: the stored record, or the error of an item that was not kept.
They raise `RuntimeError` inside a transaction: nothing is answered before it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from django.utils import timezone

from confidence_project.foundation.bulk import insert_rows
from confidence_project.foundation.errors import AlreadySo, Conflict, DomainError, FieldProblem, InvalidInput
from confidence_project.foundation.submissions import Stored, Submission, find_or_create
from governance.clock import check_time
from governance.models import Workspace
from telemetry.book import keep_book
from telemetry.contracts import (
    BookingEnvelope,
    DraftEnvelope,
    InteractionEnvelope,
    OverseerDecisionEnvelope,
    RecordEnvelope,
    SentimentEnvelope,
    SpanEnvelope,
)
from telemetry.metadata import sanitize_metadata
from telemetry.models import (
    AIDraft,
    AIInteraction,
    FollowUpBooking,
    HostRecord,
    InboundMessage,
    MeetingOverseerDecision,
)
from telemetry.same_calls import remember_spans, same_calls

EnvelopeT = TypeVar("EnvelopeT", bound=RecordEnvelope)
HostRecordT = TypeVar("HostRecordT", bound=HostRecord)

Columns = Mapping[str, Any]
ColumnsOf = Callable[[EnvelopeT], Columns]
"""From an item to the columns that it does not carry under their own names; raises the item's `DomainError`."""


def record_interactions(
    *, workspace: Workspace, submissions: Sequence[Submission[InteractionEnvelope]]
) -> list[Stored[AIInteraction] | DomainError]:
    """Store AI calls. Metadata outside the allowlist is dropped, and counted in `metadata_removed`."""
    return _record(workspace, submissions, AIInteraction, lambda items: _sanitized)


def record_spans(
    *, workspace: Workspace, submissions: Sequence[Submission[SpanEnvelope]]
) -> list[Stored[AIInteraction] | DomainError]:
    """Store AI calls that came as spans; what watches the same call as another span is answered with `AlreadySo`."""
    same: dict[str, str] = {}

    def prepare(items: Sequence[SpanEnvelope]) -> ColumnsOf[SpanEnvelope]:
        # Anew at each attempt.
        same.clear()
        same.update(same_calls(workspace, items))

        def columns(item: SpanEnvelope) -> Columns:
            if item.external_id in same:
                raise AlreadySo("Another span watches the same call, and a call is counted once.")
            return _sanitized(item)

        return columns

    results = _record(workspace, submissions, AIInteraction, prepare)
    answered = zip(submissions, results, strict=True)
    watching = {each.external_id: each.item for each, result in answered if isinstance(result, AlreadySo)}
    if watching:
        remember_spans(workspace, watching.values(), same)
    return results


def _sanitized(item: InteractionEnvelope) -> Columns:
    metadata = sanitize_metadata(item.metadata)
    return {"metadata": metadata.clean, "metadata_removed": dict(metadata.removed) or None}


def record_drafts(
    *, workspace: Workspace, submissions: Sequence[Submission[DraftEnvelope]]
) -> list[Stored[AIDraft] | DomainError]:
    """Store drafts that the auto-send evaluator judged."""
    return _record(workspace, submissions, AIDraft, lambda items: lambda item: {"disposition": item.disposition or ""})


def record_sentiments(
    *, workspace: Workspace, submissions: Sequence[Submission[SentimentEnvelope]]
) -> list[Stored[InboundMessage] | DomainError]:
    """Store the sentiment of inbound messages; each answers a draft that was sent before."""

    def prepare(items: Sequence[SentimentEnvelope]) -> ColumnsOf[SentimentEnvelope]:
        drafts = _by_external_id(AIDraft, workspace, [item.draft for item in items])

        def columns(item: SentimentEnvelope) -> Columns:
            if item.draft not in drafts:
                detail = "no draft of this workspace has this id; send the draft first"
                raise InvalidInput(detail, [FieldProblem("/draft", "unknown", detail)])
            return {"draft": drafts[item.draft]}

        return columns

    return _record(workspace, submissions, InboundMessage, prepare)


def record_overseer_decisions(
    *, workspace: Workspace, submissions: Sequence[Submission[OverseerDecisionEnvelope]]
) -> list[Stored[MeetingOverseerDecision] | DomainError]:
    """Store judgements of the meeting overseer; one for each stage of a message."""

    def prepare(items: Sequence[OverseerDecisionEnvelope]) -> ColumnsOf[OverseerDecisionEnvelope]:
        rows = MeetingOverseerDecision.objects.in_workspace(workspace)
        messages = {item.message_ref for item in items}
        taken = set(rows.filter(message_ref__in=messages).values_list("message_ref", "stage"))

        def columns(item: OverseerDecisionEnvelope) -> Columns:
            if (item.message_ref, item.stage) in taken:
                raise Conflict("This stage of the message is decided already, under another external_id.")
            taken.add((item.message_ref, item.stage))
            return {"human_override": item.human_override or ""}

        return columns

    return _record(workspace, submissions, MeetingOverseerDecision, prepare)


def record_bookings(
    *, workspace: Workspace, submissions: Sequence[Submission[BookingEnvelope]]
) -> list[Stored[FollowUpBooking] | DomainError]:
    """Store meetings that follow-ups proposed."""
    return _record(workspace, submissions, FollowUpBooking, lambda items: lambda item: {"outcome": item.outcome or ""})


def _record(
    workspace: Workspace,
    submissions: Sequence[Submission[EnvelopeT]],
    model: type[HostRecordT],
    prepare: Callable[[Sequence[EnvelopeT]], ColumnsOf[EnvelopeT]],
) -> list[Stored[HostRecordT] | DomainError]:
    """Store what is new. `prepare` reads what the new items refer to, once for all of them."""

    def find(external_ids: Sequence[str]) -> dict[str, tuple[HostRecordT, str]]:
        rows = _by_external_id(model, workspace, external_ids)
        return {external_id: (row, row.body_sha256) for external_id, row in rows.items()}

    def create(fresh: Sequence[Submission[EnvelopeT]]) -> list[HostRecordT | DomainError]:
        if not fresh:
            return []
        columns_of = prepare([submission.item for submission in fresh])
        built = {submission.external_id: _build(submission, workspace, model, columns_of) for submission in fresh}
        # In the order of their ids, so that two bulks with the same ids wait for each other instead of deadlocking.
        insert_rows([row for _, row in sorted(built.items()) if isinstance(row, HostRecord)])
        # The database makes the keys, and COPY does not return them.
        stored = _by_external_id(model, workspace, list(built))
        keep_book([row for row in stored.values() if not isinstance(row, AIInteraction)])
        return [row if isinstance(row, DomainError) else stored[external_id] for external_id, row in built.items()]

    return find_or_create(submissions, find=find, create=create)


def _build(
    submission: Submission[EnvelopeT],
    workspace: Workspace,
    model: type[HostRecordT],
    columns_of: ColumnsOf[EnvelopeT],
) -> HostRecordT | DomainError:
    item = submission.item
    columns = item.model_dump()
    try:
        for name in ("created_at", "evaluated_at", "overridden_at", "outcome_at"):
            if columns.get(name):
                check_time(columns[name], workspace, name)
        columns.update(columns_of(item))
    except DomainError as error:
        return error
    columns["created_at"] = columns["created_at"] or timezone.now()
    return model(workspace=workspace, body_sha256=submission.body_sha256, **columns)


def _by_external_id(
    model: type[HostRecordT], workspace: Workspace, external_ids: Sequence[str]
) -> dict[str, HostRecordT]:
    # Unordered, or SQLite reads the whole workspace in its order instead of looking the ids up.
    rows: Any = model.objects.in_workspace(workspace).order_by().filter(external_id__in=set(external_ids))
    return {str(row.external_id): row for row in rows}
