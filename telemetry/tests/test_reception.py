"""What came by OTLP, what was stored, and what was dropped and why: counted by day, and shown without its content."""

from __future__ import annotations

import gzip
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from governance.tests.browser import signed_in, words
from governance.tests.factories import ApiKeyFactory, UserFactory, WorkspaceFactory, admin_of, viewer_of
from telemetry.models import Reception
from telemetry.otlp.reception import DAYS_KEPT
from telemetry.tests.otlp_messages import CHAT, TRACE, Exporter, pairs, span, traces

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "marked-secret 4711 of Ann Example"
PAGE = "admin:telemetry_reception_changelist"


@pytest.fixture
def key():
    return ApiKeyFactory()


@pytest.fixture
def exporter(key):
    return Exporter(key.plain)


def counted():
    return {(row.kind, row.fate): row.number for row in Reception.objects.all()}


def evaluation(**attributes):
    given = {"gen_ai.response.id": "chatcmpl-7", "gen_ai.evaluation.name": "toxicity"}
    given |= {name.replace("__", "."): value for name, value in attributes.items()}
    return Span.Event(name="gen_ai.evaluation.result", time_unix_nano=time.time_ns(), attributes=pairs(given))


def test_spans__of_every_fate__counted_by_it(exporter):
    twice = span(1, CHAT)
    exporter.export(
        twice,
        twice,
        span(2, {"gen_ai.operation.name": "agent_step"}),
        span(3, {"gen_ai.request.model": "m-1"}),
        span(4, CHAT, parent_span_id=(1).to_bytes(8, "big")),
        span(5, CHAT, start_time_unix_nano=0),
        span(6, {"gen_ai.operation.name": "decision"}),
        span(7, {}, events=[evaluation(), evaluation(gen_ai__evaluation__score__label="pass")]),
    )

    assert counted() == {
        ("span", "stored"): 2,
        ("span", "same_call"): 2,
        ("span", "other_operation"): 1,
        ("span", "no_call"): 2,
        ("span", "invalid"): 1,
        ("decision", "no_policy"): 1,
        ("evaluation", "undeclared"): 1,
        ("evaluation", "no_decision"): 1,
    }


def test_export__sent_again__added_to_the_rows_of_the_day(exporter):
    sent = span(1, CHAT), span(2, {"gen_ai.operation.name": "plan"})
    for _ in range(3):
        exporter.export(*sent)

    assert counted() == {("span", "stored"): 1, ("span", "repeated"): 2, ("span", "other_operation"): 3}
    row = Reception.objects.get(fate="other_operation")
    assert (row.day, row.last_id, row.last_name) == (row.last_at.date(), f"{TRACE.hex()}:{2:016x}", "plan")


def test_logs__counted(exporter):
    records = [LogRecord(event_name="else"), LogRecord(event_name="gen_ai.evaluation.result")]
    request = ExportLogsServiceRequest(resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])])

    exporter.post(request.SerializeToString(), path="/v1/logs")

    assert counted() == {("log", "other_event"): 1, ("log", "invalid"): 1}


@pytest.mark.parametrize("body, headers, fate", [
    (b"\xff", {}, "unreadable"),
    (b"no gzip", {"Content-Encoding": "gzip"}, "unreadable"),
    (b"", {"Content-Encoding": "br"}, "unreadable"),
    (gzip.compress(b"\x00" * 20_000, mtime=0), {"Content-Encoding": "gzip"}, "too_large"),
])  # fmt: skip
def test_request__that_is_refused_whole__counted_as_one(settings, exporter, body, headers, fate):
    settings.CONFIDENCE_MAX_BODY_BYTES = 10_000

    assert exporter.post(body, **headers).status_code >= 400

    assert counted() == {("export", fate): 1}


def test_request__without_a_key__counted_nowhere():
    assert Exporter("prefix12.wrong").post(traces(span(1)).SerializeToString()).status_code == 401
    assert counted() == {}


def test_counts__of_long_ago__forgotten_and_those_of_others_stay(key, exporter):
    today = timezone.now().date()
    old = {"kind": "span", "fate": "no_call", "number": 9, "last_at": timezone.now()}
    for days in (DAYS_KEPT, DAYS_KEPT + 1, DAYS_KEPT + 400):
        Reception.objects.create(workspace=key.workspace, day=today - timedelta(days=days), **old)
    other = Reception.objects.create(workspace=WorkspaceFactory(), day=today - timedelta(days=400), **old)

    exporter.export(span(1))

    assert Reception.objects.in_workspace(key.workspace).count() == 2
    assert Reception.objects.filter(pk=other.pk).exists()


def test_counts__of_one_export__are_one_statement_however_many_spans(exporter):
    def statements(number):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            exporter.export(*(span(number * 100 + place, {"gen_ai.operation.name": "plan"}) for place in range(number)))
        return [query["sql"] for query in queries if "telemetry_reception" in query["sql"]]

    assert [sql.split()[0] for sql in statements(1)] == ["INSERT", "DELETE"]
    assert len(statements(50)) == 2


def test_counts__of_exports_at_the_same_moment__all_of_them(key):
    def send(number):
        try:
            Exporter(key.plain).export(span(number, {"gen_ai.operation.name": "plan"}), span(number, {}))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(1, 21)))

    assert counted() == {("span", "other_operation"): 20, ("span", "no_call"): 20}


class TestPage:
    def test_nothing_came__says_so_and_how_to_send(self, key):
        page = words(signed_in(viewer_of(key.workspace)).get(reverse(PAGE)))
        assert f"Nothing has come by OpenTelemetry to {key.workspace.name} yet" in page
        assert "docs/ingestion.md" in page

    @pytest.mark.parametrize("member", [viewer_of, admin_of])
    def test_member__sees_what_came_what_was_stored_and_why_not_by_kind(self, key, exporter, member):
        exporter.export(span(1, CHAT), *(span(number, {"gen_ai.operation.name": "plan"}) for number in (2, 3)))
        exporter.export(span(9, {}, events=[evaluation()]))

        page = words(signed_in(member(key.workspace)).get(reverse(PAGE)))

        assert "Spans Came 4 Stored 1 Dropped 3" in page
        assert f"calls no model itself: agent, step, tool, retrieval, … 2 {timezone.now():%Y-%m-%d}" in page
        assert f"{TRACE.hex()}:{3:016x} plan" in page
        assert "Evaluations Came 1 Stored 0 Dropped 1" in page
        assert "its evaluator is not declared, so nobody knows when it passes 1" in page
        assert "toxicity" in page

    def test_days__narrow_and_an_empty_range_says_so(self, key):
        rows = {"kind": "span", "number": 5, "last_at": timezone.now()}
        for days, fate in ((0, "stored"), (6, "no_call"), (29, "same_call")):
            day = timezone.now().date() - timedelta(days=days)
            Reception.objects.create(workspace=key.workspace, day=day, fate=fate, **rows)
        client = signed_in(viewer_of(key.workspace))
        for days, came in (("1", 5), ("7", 10), ("30", 15), ("", 15)):
            assert f"Spans Came {came}" in words(client.get(reverse(PAGE), {"days": days} if days else {}))
        Reception.objects.all().delete()
        assert "Nothing came in these days" in words(client.get(reverse(PAGE), {"days": "7"}))

    @pytest.mark.parametrize("outsider", [lambda: admin_of(WorkspaceFactory()), UserFactory])
    def test_outsider__sees_nothing_of_it(self, key, exporter, outsider):
        exporter.export(span(1, {"gen_ai.operation.name": "plan"}))
        client = signed_in(outsider())
        for address in (reverse(PAGE), f"{reverse(PAGE)}?workspace={key.workspace.slug}"):
            page = words(client.get(address))
            assert "plan" not in page.replace("plane", "")
            assert TRACE.hex() not in page

    def test_row__by_its_address__is_read_and_never_changed(self, key, exporter):
        exporter.export(span(1))
        row = Reception.objects.get()
        address = reverse("admin:telemetry_reception_change", args=[row.pk])
        client = signed_in(admin_of(key.workspace))
        assert client.get(address).status_code == 200
        assert client.post(address, {"number": 9}).status_code == 403
        assert signed_in(admin_of(WorkspaceFactory())).get(address).status_code == 302

    def test_text_in_names__is_nowhere(self, key, exporter):
        sent = {"gen_ai.operation.name": SECRET, "gen_ai.request.model": SECRET, "gen_ai.input.messages": SECRET}
        exporter.export(
            span(1, sent, name=SECRET),
            span(2, {"gen_ai.operation.name": "plan", **dict.fromkeys(list(sent)[1:], SECRET)}, name=SECRET),
            span(3, {}, events=[evaluation(gen_ai__evaluation__name=SECRET, gen_ai__evaluation__score__label=SECRET)]),
        )
        assert "Ann Example" not in repr(list(Reception.objects.values()))
        assert "Ann Example" not in words(signed_in(viewer_of(key.workspace)).get(reverse(PAGE)))
