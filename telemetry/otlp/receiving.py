"""What becomes of received records: interactions are stored, decisions and evaluations handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from confidence_project.foundation.errors import AlreadySo, Conflict, DomainError, InvalidInput, NotFound
from governance.models import Workspace
from governance.vocabulary import DeclaredNames
from governance.workspaces.names import WorkspaceNames
from telemetry.evaluators import NotByRule, NotDeclared
from telemetry.models.otlp import Fate, Kind
from telemetry.otlp.evaluations import evaluations_on, read_log
from telemetry.otlp.handlers import Evaluation, take_decisions, take_evaluations
from telemetry.otlp.naming import span_key
from telemetry.otlp.reception import Received, Seen
from telemetry.otlp.spans import NoCall, ReceivedCall, read_span
from telemetry.services import record_spans

ItemT = TypeVar("ItemT")

Records = Iterable[tuple[Resource, Any]]

CHUNK = 5_000
"""Records that are written at once: a query has room for so many ids on every database."""

MALFORMED = "A record does not have the form of OTLP."

FATES: Sequence[tuple[type[DomainError], Fate]] = (
    (NotDeclared, Fate.UNDECLARED),
    (NotByRule, Fate.NOT_BY_RULE),
    (InvalidInput, Fate.INVALID),
    (NotFound, Fate.NO_DECISION),
    (AlreadySo, Fate.SAME_CALL),
    (Conflict, Fate.CONFLICT),
)
"""The first class that an error is an instance of gives the fate."""


def receive_spans(workspace: Workspace, records: Records) -> Received:
    """Store the AI calls among spans, hand on the decisions, and then the evaluations that stand on spans as events.

    An evaluation may judge a decision of the same export. One that is no outcome does not cost its span.
    """
    received = Received()
    calls: list[ReceivedCall] = []
    evaluations: list[Evaluation] = []
    read_one = partial(read_whole_span, declared=WorkspaceNames(workspace))
    for read, found in read_each(records, read_one, Kind.SPAN, received):
        evaluations += found
        if isinstance(read, ReceivedCall):
            calls.append(read)
        else:
            received.count(Kind.SPAN, read.fate, Seen(read.key, read.operation))
    for chunk in _chunks(calls):
        _store(workspace, chunk, received)
    for evaluation, error in _handed_on(workspace, evaluations):
        # The span of an evaluation was taken: what became of its event is a warning.
        received.count(*_end_of(evaluation, error), told=error.detail if error else "")
    return received


def read_whole_span(
    resource: Resource, span: Span, declared: DeclaredNames | None = None
) -> tuple[ReceivedCall | NoCall, list[Evaluation]]:
    """Return what a span is, and the evaluations on it."""
    return read_span(resource, span, declared), evaluations_on(span)


def _store(workspace: Workspace, calls: Sequence[ReceivedCall], received: Received) -> None:
    stored = record_spans(workspace=workspace, submissions=[call.submission for call in calls])
    kept = []
    for call, answer in zip(calls, stored, strict=True):
        seen = Seen(call.submission.external_id, call.submission.item.operation)
        if isinstance(answer, AlreadySo):
            received.count(Kind.SPAN, Fate.SAME_CALL, seen)
            if call.decision is not None:
                received.count(Kind.DECISION, Fate.SAME_CALL, seen)
        elif isinstance(answer, DomainError):
            received.reject(Kind.SPAN, _fate(answer), seen, answer.detail)
        else:
            received.count(Kind.SPAN, Fate.STORED if answer.created else Fate.REPEATED, seen)
            for key, why in call.left_out.items():
                received.count(Kind.LABEL, Fate.INVALID, Seen(seen.id, key), told=why)
            kept.append(call)
    _put_to_the_gate(workspace, kept, received)


def _put_to_the_gate(workspace: Workspace, calls: Sequence[ReceivedCall], received: Received) -> None:
    decisions = [(call.submission.external_id, call.decision) for call in calls if call.decision is not None]
    for external_id, decision in decisions:
        if decision.fate is not None:
            received.count(Kind.DECISION, decision.fate, Seen(external_id), told=decision.told)
    put = [(decision, decision.span) for _, decision in decisions if decision.span is not None]
    for (decision, span), answer in zip(put, take_decisions(workspace, [span for _, span in put]), strict=True):
        seen = Seen(span.interaction, span.policy_key)
        if isinstance(answer, DomainError):
            received.reject(Kind.DECISION, _fate(answer), seen, answer.detail)
        elif decision.fate is None:
            received.count(Kind.DECISION, Fate.STORED, seen, told=answer)


def receive_logs(workspace: Workspace, records: Records) -> Received:
    """Hand on the evaluations among log records."""
    received = Received()
    evaluations = []
    for evaluation in read_each(records, read_log, Kind.LOG, received):
        if evaluation is None:
            received.count(Kind.LOG, Fate.OTHER_EVENT)
        else:
            evaluations.append(evaluation)
    for evaluation, error in _handed_on(workspace, evaluations):
        if error is None:
            received.count(*_end_of(evaluation, error))
        else:
            received.reject(*_end_of(evaluation, error), error.detail)
    return received


def receive_metrics(workspace: Workspace, records: Records) -> Received:
    """Take no metric: say so, and how many there were."""
    received = Received()
    points = sum(1 if metric is None else _points(metric) for _, metric in records)
    if points:
        told = "Metrics are not kept here; OTEL_METRICS_EXPORTER=none saves sending them."
        received.reject(Kind.METRIC, Fate.NOT_KEPT, Seen(), told, number=points)
    return received


def _points(metric: Metric) -> int:
    kind = metric.WhichOneof("data")
    return len(getattr(metric, kind).data_points) if kind else 0


def read_each(
    records: Records, read: Callable[[Resource, Any], ItemT], kind: Kind, received: Received
) -> Iterator[ItemT]:
    """Give what `read` makes of each record that can be read; count the others."""
    for resource, record in records:
        if record is None:
            received.reject(kind, Fate.MALFORMED, Seen(), MALFORMED)
            continue
        try:
            item = read(resource, record)
        except InvalidInput as error:
            received.reject(kind, Fate.INVALID, Seen(span_key(record.trace_id, record.span_id)), error.detail)
        else:
            yield item


def _handed_on(workspace: Workspace, evaluations: list[Evaluation]) -> Iterator[tuple[Evaluation, DomainError | None]]:
    """Hand evaluations on; give each with why it is no outcome, or with None."""
    for chunk in _chunks(evaluations):
        yield from zip(chunk, take_evaluations(workspace, chunk), strict=True)


def _end_of(evaluation: Evaluation, error: DomainError | None) -> tuple[Kind, Fate, Seen]:
    fate = Fate.STORED if error is None else _fate(error)
    return Kind.EVALUATION, fate, Seen(evaluation.interaction, evaluation.name)


def _fate(error: DomainError) -> Fate:
    return next((fate for kind, fate in FATES if isinstance(error, kind)), Fate.INVALID)


def _chunks(items: list[ItemT]) -> Iterator[list[ItemT]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
