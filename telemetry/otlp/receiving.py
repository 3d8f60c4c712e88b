"""What becomes of received records: interactions are stored, decisions and evaluations handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from confidence_project.foundation.errors import DomainError, InvalidInput
from governance.models import Workspace
from telemetry.otlp.evaluations import evaluations_on, read_log
from telemetry.otlp.handlers import Evaluation, take_decisions, take_evaluations
from telemetry.otlp.spans import ReceivedCall, read_span
from telemetry.services import record_interactions

ReadT = TypeVar("ReadT")

Records = Iterable[tuple[Resource, Any]]


CHUNK = 5_000
"""Records that are written at once: a query has room for so many ids on every database."""


@dataclass(frozen=True, slots=True)
class Received:
    """What was wrong: a reason for each record that was rejected, and for each part that an accepted one lost."""

    rejections: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def receive_spans(workspace: Workspace, records: Records) -> Received:
    """Store the AI calls among spans, hand on the decisions, and then the evaluations that stand on spans as events.

    An evaluation may judge a decision of the same export. One that is no outcome does not cost its span.
    """
    spans, rejections = read_each(records, _read_span)
    for calls in _chunks([call for call, _ in spans if call is not None]):
        rejections += _store(workspace, calls)
    return Received(rejections, _hand_on(workspace, [each for _, evaluations in spans for each in evaluations]))


def _read_span(resource: Resource, span: Span) -> tuple[ReceivedCall | None, list[Evaluation]]:
    return read_span(resource, span), evaluations_on(span)


def _store(workspace: Workspace, calls: Sequence[ReceivedCall]) -> list[str]:
    stored = record_interactions(workspace=workspace, submissions=[call.submission for call in calls])
    kept = [call for call, answer in zip(calls, stored, strict=True) if not isinstance(answer, DomainError)]
    decisions = [call.decision for call in kept if call.decision is not None]
    return _reasons(stored) + _reasons(take_decisions(workspace, decisions))


def receive_logs(workspace: Workspace, records: Records) -> Received:
    """Hand on the evaluations among log records."""
    evaluations, rejections = read_each(records, read_log)
    return Received(rejections + _hand_on(workspace, evaluations))


def _hand_on(workspace: Workspace, evaluations: list[Evaluation]) -> list[str]:
    """Return why evaluations are no outcomes, one reason each."""
    return [reason for chunk in _chunks(evaluations) for reason in _reasons(take_evaluations(workspace, chunk))]


def _chunks(items: list[ReadT]) -> Iterator[list[ReadT]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def read_each(records: Records, read: Callable[[Resource, Any], ReadT | None]) -> tuple[list[ReadT], list[str]]:
    """Return what `read` makes of the records, without those that mean nothing here, and why others were rejected."""
    found: list[ReadT] = []
    rejections: list[str] = []
    for resource, record in records:
        try:
            if record is None:
                raise InvalidInput("A record does not have the form of OTLP.")
            item = read(resource, record)
        except InvalidInput as error:
            rejections.append(error.detail)
        else:
            found += [] if item is None else [item]
    return found, rejections


def _reasons(answers: Iterable[object]) -> list[str]:
    return [answer.detail for answer in answers if isinstance(answer, DomainError)]
