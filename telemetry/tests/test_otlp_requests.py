"""OTLP/HTTP on the wire: both encodings, gzip, limits, authentication, and errors in the request's type."""

from __future__ import annotations

import gzip
import json

import pytest
from django.core.cache import cache
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from governance.models import ApiKey
from governance.tests.factories import ApiKeyFactory
from telemetry.models import AIInteraction
from telemetry.tests.otlp_messages import PROTOBUF, Exporter, span, traces

pytestmark = pytest.mark.django_db(transaction=True)

JSON = "application/json"
SECRET = "marked-secret"


@pytest.fixture
def exporter():
    return Exporter(ApiKeyFactory(scopes=[ApiKey.Scope.INGEST]).plain)


def json_span(number=1, **changes):
    """A span as the specification of OTLP writes it in JSON."""
    message = span(number)
    return {
        "traceId": message.trace_id.hex().upper(),
        "spanId": message.span_id.hex(),
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": str(message.start_time_unix_nano),
        "endTimeUnixNano": message.end_time_unix_nano,
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.response.model", "value": {"stringValue": "gpt-2026-01-31"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "11"}},
            {"key": "gen_ai.usage.output_tokens", "value": {"intValue": 5}},
        ],
        "status": {"code": 0},
        "aFieldOfTheFuture": {"x": 1},
        **changes,
    }


def json_body(*spans, **changes):
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": spans}]}], **changes}).encode()


def status_in(reply):
    if reply["Content-Type"] == PROTOBUF:
        return Status.FromString(reply.content)
    assert reply["Content-Type"] == JSON
    return json_format.Parse(reply.content, Status())


def test_export__protobuf__empty_success_in_protobuf(exporter):
    reply = exporter.post(traces(span()).SerializeToString())

    assert (reply.status_code, reply["Content-Type"], reply.content) == (200, PROTOBUF, b"")
    assert AIInteraction.objects.count() == 1


def test_export__json__empty_success_in_json(exporter):
    reply = exporter.post(json_body(json_span()), JSON)

    assert (reply.status_code, reply["Content-Type"], reply.content) == (200, JSON, b"{}")
    interaction = AIInteraction.objects.get()
    assert interaction.external_id == "0af7651916cd43dd8448eb211c80319c:0000000000000001"
    assert (interaction.model, interaction.input_tokens, interaction.output_tokens) == ("gpt-2026-01-31", 11, 5)
    assert interaction.duration_ms == 250.0


def test_export__the_same_span_in_both_encodings__one_interaction(exporter):
    message = span(1, {"gen_ai.operation.name": "chat"})
    attributes = [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}]
    times = {
        "startTimeUnixNano": message.start_time_unix_nano,
        "endTimeUnixNano": str(message.end_time_unix_nano),
    }

    exporter.post(traces(message).SerializeToString())
    reply = exporter.post(json_body(json_span(**times, attributes=attributes)), JSON)

    assert reply.json() == {}
    assert AIInteraction.objects.count() == 1


@pytest.mark.parametrize("accept", ["application/x-protobuf", "text/html", "*/*"])
def test_export__whatever_is_accepted__the_type_of_the_request(exporter, accept):
    reply = exporter.post(json_body(json_span()), f"{JSON}; charset=utf-8", Accept=accept)

    assert (reply.status_code, reply["Content-Type"]) == (200, JSON)


@pytest.mark.parametrize("body, content_type", [(traces(span()).SerializeToString(), PROTOBUF), (None, JSON)])
def test_export__gzip__unpacked(exporter, body, content_type):
    packed = gzip.compress(body or json_body(json_span()))

    assert exporter.post(packed, content_type, **{"Content-Encoding": "gzip"}).status_code == 200
    assert AIInteraction.objects.count() == 1


@pytest.mark.parametrize(
    "broken",
    [
        {"traceId": "xyz"},
        {"traceId": 7},
        {"traceId": None},
        {"spanId": "00"},
        {"startTimeUnixNano": "soon"},
        {"startTimeUnixNano": -1},
        {"startTimeUnixNano": {}},
        {"attributes": {"key": SECRET}},
        {"attributes": [{"key": "gen_ai.system", "value": {"stringValue": {SECRET: 1}}}]},
        {"events": SECRET},
        {"attributes": [{"key": "gen_ai.system", "value": {"stringValue": "\ud800"}}]},
        {"attributes": [{"\ud800": SECRET}]},
    ],
)
def test_export__one_broken_span_among_good_ones__the_good_ones_stay(exporter, broken):
    reply = exporter.post(json_body(json_span(1), json_span(2, **broken), json_span(3)), JSON)

    assert reply.status_code == 200
    partial = reply.json()["partialSuccess"]
    assert partial["rejectedSpans"] == "1"
    assert SECRET not in partial["errorMessage"]
    assert AIInteraction.objects.count() == 2


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"resourceSpans": null}',
        b'{"resourceSpans": [{"scopeSpans": null}, {"resource": null, "scopeSpans": [{"spans": null}]}]}',
        b'{"resourceSpans": [{"resource": {"attributes": "\\ud800"}}]}',
    ],
)
def test_export__nothing_in_it__success(exporter, body):
    assert exporter.post(body, JSON).json() == {}


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
@pytest.mark.parametrize("body, content_type", [(b"", PROTOBUF), (b"{}", JSON)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_export__an_empty_message__success_in_its_type(exporter, path, body, content_type, pack):
    headers = {"Content-Encoding": "gzip"} if pack is gzip.compress else {}

    reply = exporter.post(pack(body), content_type, path, **headers)

    assert (reply.status_code, reply["Content-Type"], reply.content) == (200, content_type, body)


def test_export__nothing_at_all_as_gzip__success(exporter):
    assert exporter.post(b"", PROTOBUF, **{"Content-Encoding": "gzip"}).status_code == 200


@pytest.mark.parametrize("not_a_span", [None, 5, SECRET, []])
def test_export__something_that_is_no_span__rejected_alone(exporter, not_a_span):
    reply = exporter.post(json_body(json_span(1), not_a_span), JSON)

    assert reply.json()["partialSuccess"]["rejectedSpans"] == "1"


def test_export__two_spans_rejected__counted_in_protobuf_too(exporter):
    reply = exporter.post(traces(span(1), span(2, trace_id=b""), span(3, span_id=b"")).SerializeToString())

    message = ExportTraceServiceResponse.FromString(reply.content)
    assert (reply.status_code, message.partial_success.rejected_spans) == (200, 2)


@pytest.mark.parametrize(
    "body, content_type",
    [
        (b"", JSON),
        (b"{", JSON),
        (b"[]", JSON),
        (b"7", JSON),
        (b"\xff\xfe", JSON),
        (b'{"resourceSpans": 5}', JSON),
        (b'{"resourceSpans": [5]}', JSON),
        (b'{"resourceSpans": [{"scopeSpans": [[]]}]}', JSON),
        (b"[" * 100_000, JSON),
        (b"not protobuf", PROTOBUF),
        (b"\x0a\xff\xff\xff\xff\x0f", PROTOBUF),
    ],
)
def test_export__a_body_of_another_form__400_for_good(exporter, body, content_type):
    reply = exporter.post(body, content_type)

    assert reply.status_code == 400
    assert status_in(reply).code == 3
    assert status_in(reply).message
    assert reply["Content-Type"] == content_type


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
class TestRefusals:
    @pytest.fixture
    def body(self, content_type):
        return traces(span()).SerializeToString() if content_type == PROTOBUF else json_body(json_span())

    def refused(self, reply, status, code, content_type):
        assert (reply.status_code, reply["Content-Type"], status_in(reply).code) == (status, content_type, code)
        assert status_in(reply).message
        assert not AIInteraction.objects.exists()

    def test_export__too_large__413(self, exporter, settings, body, content_type):
        settings.CONFIDENCE_MAX_BODY_BYTES = len(body) - 1

        self.refused(exporter.post(body, content_type), 413, 8, content_type)

    def test_export__too_large_once_unpacked__413(self, exporter, settings, body, content_type):
        packed = gzip.compress(body + b" " * 100_000)
        settings.CONFIDENCE_MAX_BODY_BYTES = 50_000
        assert len(packed) < 50_000

        reply = exporter.post(packed, content_type, **{"Content-Encoding": "gzip"})

        self.refused(reply, 413, 8, content_type)

    def test_export__gzip_that_is_none__400(self, exporter, body, content_type):
        self.refused(exporter.post(body, content_type, **{"Content-Encoding": "gzip"}), 400, 3, content_type)

    def test_export__another_encoding__415(self, exporter, body, content_type):
        self.refused(exporter.post(body, content_type, **{"Content-Encoding": "zstd"}), 415, 3, content_type)

    def test_export__no_key__401(self, body, content_type):
        reply = Exporter("").client.post("/v1/traces", body, content_type, headers={"Authorization": ""})

        self.refused(reply, 401, 16, content_type)
        assert reply["WWW-Authenticate"]

    def test_export__a_revoked_key__401(self, body, content_type):
        key = ApiKeyFactory(revoked=True)

        self.refused(Exporter(key.plain).post(body, content_type), 401, 16, content_type)

    def test_export__a_key_without_the_scope__403(self, body, content_type):
        key = ApiKeyFactory(scopes=[ApiKey.Scope.READ, ApiKey.Scope.DECIDE])

        self.refused(Exporter(key.plain).post(body, content_type), 403, 7, content_type)

    def test_export__too_often__429_with_retry_after(self, exporter, monkeypatch, body, content_type):
        monkeypatch.setattr("governance.access.authentication.ApiKeyThrottle.get_rate", lambda self: "1/hour")
        cache.clear()
        exporter.post(b"" if content_type == PROTOBUF else b"{}", content_type)

        reply = exporter.post(body, content_type)

        self.refused(reply, 429, 8, content_type)
        assert int(reply["Retry-After"]) > 0
        cache.clear()

    def test_export__the_database_is_away__503_so_that_it_is_sent_again(
        self, exporter, monkeypatch, body, content_type
    ):
        from django.db import OperationalError

        def away(*args, **kwargs):
            raise OperationalError(SECRET)

        monkeypatch.setattr("telemetry.services.insert_rows", away)

        reply = exporter.post(body, content_type)

        self.refused(reply, 503, 14, content_type)
        assert reply["Retry-After"]
        assert SECRET not in status_in(reply).message


def test_export__another_content_type__415(exporter):
    reply = exporter.post(b"resourceSpans=1", "application/x-www-form-urlencoded")

    assert reply.status_code == 415
    assert status_in(reply).code == 3


def test_export__get__405(exporter):
    assert exporter.client.get("/v1/traces").status_code == 405


def test_export__many_spans__far_fewer_queries(exporter, django_assert_max_num_queries):
    body = traces(*(span(number) for number in range(1, 401))).SerializeToString()

    with django_assert_max_num_queries(20):
        exporter.post(body)

    assert AIInteraction.objects.count() == 400


def test_export__more_spans_than_one_query_has_room_for__all_stored(exporter):
    body = traces(*(span(number, {"gen_ai.operation.name": "chat"}) for number in range(1, 40_001)))

    reply = exporter.post(body.SerializeToString())

    assert (reply.status_code, reply.content) == (200, b"")
    assert AIInteraction.objects.count() == 40_000
