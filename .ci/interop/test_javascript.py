"""OpenTelemetry JS, Vercel's AI SDK and OpenFeature's providers deliver, as hosts use them."""

from __future__ import annotations

import pytest
from django.db import connection

from governance.tests.factories import FIELD, KEY
from telemetry.models import AIInteraction

SECRET = "Ann Example asks for her money"
SUCCESS = 0
FLAGS = [f"{KEY}.{FIELD}", f"{KEY}.enabled"]


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("encoding", ["http", "proto"])
def test_otel_js__24_exports__24_calls(run_client, caller, encoding, compression):
    results = run_client("exports", encoding, OTEL_EXPORTER_OTLP_COMPRESSION=compression)
    assert results == [SUCCESS] * 24
    kept = AIInteraction.objects.order_by("input_tokens")
    assert {call.workspace for call in kept} == {caller.workspace}
    assert {(call.feature_id, call.provider, call.model, call.operation) for call in kept} == {
        ("mailer", "openai", "gpt-5", "chat")
    }
    assert [(call.input_tokens, call.output_tokens) for call in kept] == [(each, 2) for each in range(1, 25)]


@pytest.mark.parametrize(
    "function, operation, calls",
    [
        ("generateText", "chat", [(12, 5, 4), (12, 5, 4)]),
        ("streamText", "chat", [(12, 5, 4)]),
        ("embed", "embeddings", [(12, None, None)]),
        ("decide", "decide", [(12, 5, None)]),
    ],
)
def test_ai_sdk__each_call_of_a_model__is_there_once_with_its_tokens(run_client, function, operation, calls):
    assert set(run_client("ai_sdk", function, SECRET)) == {SUCCESS}
    kept = AIInteraction.objects.order_by("created_at")
    assert [(call.input_tokens, call.output_tokens, call.cached_tokens) for call in kept] == calls
    assert {(call.provider, call.operation, call.status) for call in kept} == {("openai", operation, "ok")}
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM telemetry_aiinteraction")
        assert SECRET not in repr(cursor.fetchall())


def test_ofrep_provider_for_servers__a_flag__value_reason_and_version(run_client):
    threshold, enabled = run_client("ofrep_server", *FLAGS)
    assert (threshold["value"], threshold["reason"], threshold["variant"]) == (0.9, "STATIC", "v0")
    assert threshold["flagMetadata"] == {"policy_version": 0, "source": "default"}
    assert (enabled["value"], enabled["reason"]) == (True, "STATIC")


def test_ofrep_provider_for_servers__an_unknown_flag__the_code_default(run_client):
    (details,) = run_client("ofrep_server", "no.such_flag")
    assert (details["value"], details["reason"], details["errorCode"]) == (2.0, "ERROR", "FLAG_NOT_FOUND")


def test_ofrep_provider_for_pages__polls_all_flags__and_is_told_that_nothing_changed(run_client):
    told = run_client("ofrep_web", *FLAGS)
    assert told["statuses"] == [200, 304]
    threshold, enabled = told["details"]
    assert (threshold["value"], threshold["variant"], enabled["value"]) == (0.9, "v0", True)
