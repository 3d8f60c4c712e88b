"""Spans that watch the same call of a model: an SDK around its own client, a framework around an instrumented SDK.

A call inside a call of the same operation is the same call. In one export the inner one stands for it, since an outer
one may hold several; between exports the one that came first, since nothing that is stored is taken back. The ids of
the others are kept, so that whoever names one of them finds the call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from governance.models import Workspace
from telemetry.contracts import SpanEnvelope
from telemetry.models import AIInteraction, SameCall
from telemetry.operations import are_alike

QUEUE = 0x0C411
"""First key of the advisory locks (PostgreSQL) under which exports of one trace wait for each other."""

QUEUES = 64

TOKENS = ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens")


@dataclass(frozen=True, slots=True)
class _Call:
    """A span, by external id, and the call that stands for it, by what it says of itself."""

    external_id: str
    parent_span_id: str
    stands: str
    operation: str
    response_id: str
    has_tokens: bool = True

    @property
    def around(self) -> str:
        """External id of the span directly around this one."""
        return f"{self.external_id.partition(':')[0]}:{self.parent_span_id}"

    def is_the_call_of(self, outer: _Call) -> bool:
        """True when this call, inside `outer`, is what `outer` tells of, as far as both say."""
        answers = {self.response_id, outer.response_id} - {""}
        return are_alike(self.operation, outer.operation) and len(answers) < 2


def same_calls(workspace: Workspace, spans: Sequence[SpanEnvelope]) -> dict[str, str]:
    """Return which of `spans` watch a call that another of them, or a stored one, stands for: from id to external id.

    Called within the transaction that stores the others.
    """
    _wait_in_line(span.trace_id for span in spans)
    new = {span.external_id: _as_call(span) for span in spans}
    again = dict(_outdone(new))
    stored = {call.external_id: call for call in _stored_around(workspace, new.values())}
    inside = defaultdict(list)
    for call in stored.values():
        inside[call.around].append(call)
    for external_id, call in new.items():
        outer = stored.get(call.around)
        same = [outer] if outer and call.is_the_call_of(outer) else []
        for each in [*same, *(each for each in inside[external_id] if each.is_the_call_of(call))]:
            again[external_id] = each.stands
    ends = {external_id: _end_of(external_id, again) for external_id in again}
    return {external_id: end for external_id, end in ends.items() if end != external_id}


def remember_spans(workspace: Workspace, spans: Iterable[SpanEnvelope], same: Mapping[str, str]) -> None:
    """Keep which calls `spans` watch, and the tokens that a call was stored without: they are known only here.

    `same` gives the external id of each one's call.
    """
    spans = list(spans)
    ids = {same[span.external_id] for span in spans}
    calls = AIInteraction.objects.in_workspace(workspace).order_by().filter(external_id__in=ids)
    keys = dict(calls.values_list("external_id", "pk"))
    rows = [
        SameCall(
            workspace=workspace,
            external_id=span.external_id,
            parent_span_id=span.parent_span_id,
            interaction_id=keys[same[span.external_id]],
        )
        for span in sorted(spans, key=lambda span: span.external_id)
        if same[span.external_id] in keys
    ]
    SameCall.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
    for span in spans:
        counted = {name: value for name in TOKENS if (value := getattr(span, name)) is not None}
        if counted:
            call = calls.filter(external_id=same[span.external_id])
            call.filter(**dict.fromkeys(TOKENS)).update(**counted)


def _as_call(span: SpanEnvelope) -> _Call:
    has_tokens = span.input_tokens is not None or span.output_tokens is not None
    id_and_parent = (span.external_id, span.parent_span_id)
    return _Call(*id_and_parent, span.external_id, span.operation, span.response_id, has_tokens)


def _outdone(new: Mapping[str, _Call]) -> Iterator[tuple[str, str]]:
    """Give the worse of each two in one export, the outer one, or the inner one when it alone says no tokens."""
    for external_id, call in new.items():
        outer = new.get(call.around)
        if outer is not None and outer is not call and call.is_the_call_of(outer):
            inner_is_worse = outer.has_tokens and not call.has_tokens
            yield (external_id, call.around) if inner_is_worse else (call.around, external_id)


def _end_of(external_id: str, again: Mapping[str, str]) -> str:
    """Return the call at the end of the way; of spans that stand in a circle, each is its own."""
    passed, end = {external_id}, again[external_id]
    while end in again:
        if end in passed:
            return external_id
        passed.add(end)
        end = again[end]
    return end


def _stored_around(workspace: Workspace, calls: Iterable[_Call]) -> Iterator[_Call]:
    """Give the stored spans that are directly around or inside one of `calls`."""
    parents = {call.around for call in calls if call.parent_span_id}
    spans = {call.external_id.partition(":")[2] for call in calls}
    # Unordered, and with the condition of the partial index spelt out: so SQLite uses the indexes.
    rows = AIInteraction.objects.in_workspace(workspace).order_by()
    columns = ("external_id", "parent_span_id", "external_id", "operation", "response_id")
    for found in (rows.filter(external_id__in=parents), rows.filter(_is_inside(spans))):
        yield from (_Call(*row) for row in found.values_list(*columns))
    others = SameCall.objects.in_workspace(workspace)
    through = ("external_id", "parent_span_id", "interaction__external_id", "interaction__operation")
    for watching in (others.filter(external_id__in=parents), others.filter(_is_inside(spans))):
        for external_id, parent_span_id, stands, operation in watching.values_list(*through):
            yield _Call(external_id, parent_span_id, str(stands), operation, response_id="")


def _is_inside(spans: set[str]) -> Q:
    return Q(parent_span_id__in=spans) & ~Q(parent_span_id="")


def _wait_in_line(trace_ids: Iterable[str]) -> None:
    """Let exports that share a trace go one after another; SQLite lets all writers do so."""
    if connection.vendor != "postgresql":
        return
    queues = {int(trace_id, 16) % QUEUES for trace_id in trace_ids if trace_id}
    with connection.cursor() as cursor:
        # In one order, so that none waits for one that waits for it.
        cursor.executemany("SELECT pg_advisory_xact_lock(%s, %s)", [(QUEUE, queue) for queue in sorted(queues)])
