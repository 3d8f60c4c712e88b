"""Spans that watch the same call of a model: an SDK around its own client, a framework around an instrumented SDK.

A call inside a call of the same operation is the same call. In one export the inner one stays, since an outer one may
hold several; between exports the one that came first, since nothing that is stored is taken back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import connection

from governance.models import Workspace
from telemetry.contracts import SpanEnvelope
from telemetry.models import AIInteraction

QUEUE = 0x0C411
"""First key of the advisory locks (PostgreSQL) under which exports of one trace wait for each other."""

QUEUES = 64


@dataclass(frozen=True, slots=True)
class _Call:
    trace_id: str
    span_id: str
    parent_span_id: str
    operation: str
    response_id: str
    input_tokens: int | None
    output_tokens: int | None

    @property
    def has_tokens(self) -> bool:
        return self.input_tokens is not None or self.output_tokens is not None

    def is_the_call_of(self, outer: _Call) -> bool:
        """True when this call, inside `outer`, is what `outer` tells of, as far as both say."""
        answers = {self.response_id, outer.response_id} - {""}
        return len({self.operation, outer.operation} - {""}) < 2 and len(answers) < 2


_COLUMNS = tuple(_Call.__slots__)


def same_calls(workspace: Workspace, spans: Sequence[SpanEnvelope]) -> set[str]:
    """Return the external ids of those `spans` that watch a call which another of them, or a stored one, stands for.

    Called within the transaction that stores the others.
    """
    _wait_in_line(span.trace_id for span in spans)
    new = {span.external_id: _Call(*(getattr(span, name) for name in _COLUMNS)) for span in spans}
    again = set(_outdone(new))
    stored = _stored_around(workspace, new.values())
    inside = defaultdict(list)
    for call in stored.values():
        inside[f"{call.trace_id}:{call.parent_span_id}"].append(call)
    for external_id, call in new.items():
        outer = stored.get(f"{call.trace_id}:{call.parent_span_id}")
        if (outer and call.is_the_call_of(outer)) or any(each.is_the_call_of(call) for each in inside[external_id]):
            again.add(external_id)
    return again


def _outdone(new: dict[str, _Call]) -> Iterator[str]:
    """Give the worse of each two in one export: the outer one, or the inner one when it alone says no tokens."""
    for external_id, call in new.items():
        around = f"{call.trace_id}:{call.parent_span_id}"
        outer = new.get(around)
        if outer is not None and around != external_id and call.is_the_call_of(outer):
            yield external_id if outer.has_tokens and not call.has_tokens else around


def _stored_around(workspace: Workspace, calls: Iterable[_Call]) -> dict[str, _Call]:
    """Return the stored calls, by external id, that are directly around or inside one of `calls`: two look-ups."""
    parents = {f"{call.trace_id}:{call.parent_span_id}" for call in calls if call.parent_span_id}
    # Unordered, and with the condition of the partial index spelt out: so SQLite uses the indexes.
    rows = AIInteraction.objects.in_workspace(workspace).order_by()
    around = rows.filter(external_id__in=parents)
    inside = rows.filter(parent_span_id__in={call.span_id for call in calls}).exclude(parent_span_id="")
    found = [*around.values_list(*_COLUMNS), *inside.values_list(*_COLUMNS)]
    return {f"{call.trace_id}:{call.span_id}": call for call in (_Call(*row) for row in found)}


def _wait_in_line(trace_ids: Iterable[str]) -> None:
    """Let exports that share a trace go one after another; SQLite lets all writers do so."""
    if connection.vendor != "postgresql":
        return
    queues = {int(trace_id, 16) % QUEUES for trace_id in trace_ids if trace_id}
    with connection.cursor() as cursor:
        # In one order, so that none waits for one that waits for it.
        cursor.executemany("SELECT pg_advisory_xact_lock(%s, %s)", [(QUEUE, queue) for queue in sorted(queues)])
