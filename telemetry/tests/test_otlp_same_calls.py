"""Spans that watch the same call: it is counted once, with its tokens, in whatever order and exports they come."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from threading import Barrier

import pytest
from django.db import connection

from governance.tests.factories import ApiKeyFactory
from telemetry.models import AIInteraction, SameCall
from telemetry.tests.otlp_messages import CHAT, TRACE, Exporter, span

pytestmark = pytest.mark.django_db(transaction=True)

EMBEDDING = {
    "gen_ai.operation.name": "embeddings",
    "gen_ai.provider.name": "acme",
    "gen_ai.request.model": "e-1",
    "gen_ai.usage.input_tokens": 7,
}
OUTER, INNER = 1, 2


@pytest.fixture
def exporter():
    return Exporter(ApiKeyFactory().plain)


def inside(parent, number, attributes=EMBEDDING, **fields):
    return span(number, attributes, parent_span_id=parent.to_bytes(8, "big"), **fields)


def without(attributes, *names):
    return {name: value for name, value in attributes.items() if name not in names}


def kept():
    return sorted(int(span_id, 16) for span_id in AIInteraction.objects.values_list("span_id", flat=True))


def tokens():
    return sum(AIInteraction.objects.values_list("input_tokens", flat=True))


def pair(outer=EMBEDDING, inner=EMBEDDING):
    return span(OUTER, outer), inside(OUTER, INNER, inner)


@pytest.mark.parametrize("reverse", [False, True])
def test_pair__in_one_export__the_inner_one(exporter, reverse):
    sent = pair()[::-1] if reverse else pair()

    assert not exporter.export(*sent).HasField("partial_success")

    assert (kept(), tokens()) == ([INNER], 7)


@pytest.mark.parametrize("first, then", [(INNER, OUTER), (OUTER, INNER)])
def test_pair__in_two_exports__the_one_that_came_first_and_so_it_stays(exporter, first, then):
    sent = dict(zip((OUTER, INNER), pair(), strict=True))

    for number in (first, then, first, then):
        assert not exporter.export(sent[number]).HasField("partial_success")

    assert (kept(), tokens()) == ([first], 7)


def test_pair__in_json__one_call(exporter):
    outer, inner = ({
        "traceId": TRACE.hex(),
        "spanId": each.span_id.hex(),
        "parentSpanId": each.parent_span_id.hex(),
        "startTimeUnixNano": str(each.start_time_unix_nano),
        "endTimeUnixNano": str(each.end_time_unix_nano),
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "embeddings"}}],
    } for each in pair())  # fmt: skip
    for each in (inner, outer):
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [each]}]}]}).encode()
        assert exporter.post(body, "application/json").json() == {}

    assert kept() == [INNER]


@pytest.mark.parametrize("parent", [None, 7, "no hex", "", "00"])
def test_span__whose_parent_cannot_be_read__a_call_like_another(exporter, parent):
    sent = span(1)
    document = {
        "traceId": TRACE.hex(),
        "spanId": "0000000000000001",
        "parentSpanId": parent,
        "startTimeUnixNano": str(sent.start_time_unix_nano),
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
    }
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [document]}]}]}).encode()

    assert exporter.post(body, "application/json").json() == {}
    assert kept() == [1]


def test_outer__around_several_inner_ones__each_of_them(exporter):
    total = {**EMBEDDING, "gen_ai.usage.input_tokens": 21}

    exporter.export(*(inside(OUTER, number) for number in (2, 3, 4)))
    exporter.export(span(OUTER, total))

    assert (kept(), tokens()) == ([2, 3, 4], 21)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_three__one_in_another_in_one_export__the_innermost(exporter, order):
    sent = (span(1, EMBEDDING), inside(1, 2), inside(2, 3))

    exporter.export(*(sent[place] for place in order))

    assert (kept(), tokens()) == ([3], 7)


@pytest.mark.parametrize("order", [(3, 2, 1), (1, 2, 3), (2, 3, 1), (2, 1, 3)])
def test_three__one_in_another_in_three_exports__the_one_that_came_first(exporter, order):
    sent = {1: span(1, EMBEDDING), 2: inside(1, 2), 3: inside(2, 3)}

    for number in (*order, *order):
        exporter.export(sent[number])

    assert (kept(), tokens()) == ([order[0]], 7)


def test_inner__that_says_no_tokens__the_outer_one_that_does(exporter):
    exporter.export(*pair(inner=without(EMBEDDING, "gen_ai.usage.input_tokens")))

    assert (kept(), tokens()) == ([OUTER], 7)


def test_outer__without_tokens_came_first__those_of_the_inner_one_are_filled_in_once(exporter):
    outer, inner = pair(outer=without(EMBEDDING, "gen_ai.usage.input_tokens"))
    exporter.export(outer)
    exporter.export(inner)
    exporter.export(inner)
    exporter.export(inside(OUTER, 3, {**EMBEDDING, "gen_ai.usage.input_tokens": 9}))

    assert (kept(), tokens()) == ([OUTER], 7)


def test_outer__with_tokens_and_no_operation__the_call_inside_it(exporter):
    exporter.export(*pair(outer=without(EMBEDDING, "gen_ai.operation.name")))

    assert kept() == [INNER]


@pytest.mark.parametrize("outer, inner", [("chat", "generate_content"), ("responses", "chat"), ("embed", "embeddings")])
def test_pair__of_one_operation_under_two_names__one_call(exporter, outer, inner):
    names = ({**EMBEDDING, "gen_ai.operation.name": name} for name in (outer, inner))

    exporter.export(*pair(*names))

    assert (kept(), tokens()) == ([INNER], 7)


def test_agent__step_and_call_with_the_same_tokens__the_call(exporter):
    usage = {"gen_ai.request.model": "m-1", "gen_ai.usage.input_tokens": 11, "gen_ai.usage.output_tokens": 5}
    exporter.export(
        inside(2, 3, CHAT),
        inside(1, 2, {"gen_ai.operation.name": "agent_step", **usage}),
        span(1, {"gen_ai.operation.name": "invoke_agent", **usage}),
    )

    assert (kept(), tokens()) == ([3], 11)


@pytest.mark.parametrize("sent", [
    # Another answer, another operation, and a tool between: the model asked a model.
    (span(1, CHAT), inside(1, 2, {**CHAT, "gen_ai.response.id": "chatcmpl-8"})),
    (span(1, CHAT), inside(1, 2, EMBEDDING)),
    (span(1, CHAT), inside(1, 2, {"gen_ai.operation.name": "execute_tool"}), inside(2, 3, CHAT)),
    # Side by side, or of the same number in another trace.
    (inside(9, 1), inside(9, 2)),
    (span(1, EMBEDDING, trace_id=bytes(15) + b"1"), inside(1, 2)),
])  # fmt: skip
@pytest.mark.parametrize("together", [True, False])
def test_two__that_are_two_calls__both(exporter, sent, together):
    for each in [sent] if together else [(one,) for one in sent]:
        exporter.export(*each)

    assert AIInteraction.objects.count() == 2


def test_inner__in_another_workspace__its_own_call(exporter):
    outer, inner = pair()
    exporter.export(outer)
    Exporter(ApiKeyFactory().plain).export(inner)

    assert AIInteraction.objects.count() == 2


def test_spans__that_stand_in_a_circle__none_is_lost(exporter):
    exporter.export(inside(1, 1), inside(3, 2), inside(2, 3))

    assert kept() == [1, 2, 3]


def test_pair__whose_call_has_an_impossible_time__nothing_is_kept(exporter):
    reply = exporter.export(*(inside(1, number, start_time_unix_nano=1_000) for number in (1, 2)))

    assert reply.partial_success.rejected_spans == 2
    assert (kept(), SameCall.objects.count()) == ([], 0)


def test_pair__in_two_exports_at_the_same_moment__one_call():
    key = ApiKeyFactory().plain

    def race(number):
        outer, inner = (
            span(OUTER, EMBEDDING, trace_id=number.to_bytes(16, "big")),
            inside(OUTER, INNER, trace_id=number.to_bytes(16, "big")),
        )
        start = Barrier(2, timeout=30)

        def send(one):
            try:
                start.wait()
                return Exporter(key).export(one)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(send, (outer, inner)))

    for number in range(1, 9):
        race(number)

    assert AIInteraction.objects.count() == 8
