"""What becomes of received records: interactions are stored, decisions and evaluations handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from confidence_project.errors import DomainError, InvalidInput
from governance.models import Workspace
from telemetry.otlp.handlers import HANDLERS
from telemetry.otlp.logs import read_log
from telemetry.otlp.spans import ReceivedCall, read_span
from telemetry.services import record_interactions

ReadT = TypeVar("ReadT")

Records = Iterable[tuple[Resource, Any]]


CHUNK = 5_000
"""Records that are written at once: a query has room for so many ids on every database."""


def receive_spans(workspace: Workspace, records: Records) -> list[str]:
    """Store the AI calls among spans, hand on the decisions; return why spans were rejected, one reason each."""
    calls, rejections = read_each(records, read_span)
    for chunk in _chunks(calls):
        rejections += _store(workspace, chunk)
    return rejections


def _store(workspace: Workspace, calls: list[ReceivedCall]) -> list[str]:
    stored = record_interactions(workspace=workspace, submissions=[call.submission for call in calls])
    kept = [call for call, answer in zip(calls, stored, strict=True) if not isinstance(answer, DomainError)]
    decisions = [call.decision for call in kept if call.decision is not None]
    return _reasons(stored) + _reasons(HANDLERS.take_decisions(workspace, decisions))


def receive_logs(workspace: Workspace, records: Records) -> list[str]:
    """Hand on the evaluations among log records; return why log records were rejected, one reason each."""
    evaluations, rejections = read_each(records, read_log)
    for chunk in _chunks(evaluations):
        rejections += _reasons(HANDLERS.take_evaluations(workspace, chunk))
    return rejections


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
