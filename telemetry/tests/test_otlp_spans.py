"""Which spans become interactions, from which attributes, and what is dropped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from governance.tests.factories import ApiKeyFactory
from telemetry.models import AIInteraction
from telemetry.tests.otlp_messages import CHAT, Exporter, exception_event, failed, span

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "marked-secret 4711 of Ann Example"

FORMER_NAMES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-2026-01-31",
    "gen_ai.usage.prompt_tokens": 11,
    "gen_ai.usage.completion_tokens": 5,
}
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.system": "openai",
    "llm.model_name": "gpt-2026-01-31",
    "llm.token_count.prompt": 11,
    "llm.token_count.completion": 5,
    "llm.token_count.prompt_details.cache_read": 3,
    "llm.token_count.completion_details.reasoning": 2,
}
DECISION = {
    "openinference.span.kind": "DECISION",
    "decision.system": "openai",
    "decision.provider": "local",
    "decision.request.model_name": "luna",
    "decision.model_name": "luna-1",
    "decision.token_count.input": 11,
    "decision.token_count.output": 5,
    "output.value": '{"answers": [], "note": "' + SECRET + '"}',
}


@pytest.fixture
def key():
    return ApiKeyFactory()


@pytest.fixture
def exporter(key):
    return Exporter(key.plain)


def kept(exporter, attributes, **fields):
    reply = exporter.export(span(1, attributes, **fields))
    # A label that is text is left out and told; see test_otlp_names.
    assert reply.HasField("partial_success") is (SECRET in attributes.values())
    return AIInteraction.objects.get()


def test_span__of_the_genai_conventions__an_interaction(key, exporter):
    sent = span(
        1,
        {
            **CHAT,
            "gen_ai.usage.cache_read.input_tokens": 3,
            "gen_ai.usage.reasoning.output_tokens": 2,
            "gen_ai.prompt.name": "auto_send.evaluate.v1",
        },
    )

    reply = exporter.export(sent, service__name="mailer")

    assert not reply.HasField("partial_success")
    interaction = AIInteraction.objects.get()
    assert interaction.workspace == key.workspace
    assert interaction.external_id == "0af7651916cd43dd8448eb211c80319c:0000000000000001"
    assert (interaction.trace_id, interaction.span_id) == tuple(interaction.external_id.split(":"))
    assert (interaction.feature_id, interaction.prompt_key) == ("mailer", "auto_send.evaluate.v1")
    assert (interaction.provider, interaction.model) == ("openai", "gpt-2026-01-31")
    assert (interaction.operation, interaction.response_id) == ("chat", "chatcmpl-7")
    assert (interaction.input_tokens, interaction.output_tokens) == (11, 5)
    assert (interaction.cached_tokens, interaction.reasoning_tokens) == (3, 2)
    assert (interaction.status, interaction.error_type, interaction.duration_ms) == ("ok", "", 250.0)
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=sent.start_time_unix_nano // 1000)
    assert interaction.created_at == start
    assert interaction.metadata is None


@pytest.mark.parametrize(
    "attributes, provider, model, operation",
    [
        (FORMER_NAMES, "openai", "gpt-2026-01-31", "chat"),
        (OPENINFERENCE, "openai", "gpt-2026-01-31", "chat"),
        ({**OPENINFERENCE, "llm.provider": "azure"}, "azure", "gpt-2026-01-31", "chat"),
        (DECISION, "local", "luna-1", "decision"),
    ],
)
def test_span__of_other_conventions__the_same_interaction(exporter, attributes, provider, model, operation):
    interaction = kept(exporter, attributes)

    assert (interaction.provider, interaction.model, interaction.operation) == (provider, model, operation)
    assert (interaction.input_tokens, interaction.output_tokens) == (11, 5)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"http.request.method": "POST"},
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 9},
        {"gen_ai.operation.name": "execute_tool"},
        {"openinference.span.kind": "CHAIN", "llm.model_name": "m"},
        {"openinference.span.kind": "AGENT"},
    ],
)
def test_span__that_is_no_call_of_a_model__taken_and_not_stored(exporter, attributes):
    reply = exporter.export(span(1, attributes, trace_id=b""))

    assert not reply.HasField("partial_success")
    assert not AIInteraction.objects.exists()


@pytest.mark.parametrize(
    "attributes, fields, error_type",
    [
        ({"error.type": "timeout"}, failed(SECRET), "timeout"),
        ({"error.type": "429"}, {}, "429"),
        ({"error.type": "<class 'openai.RateLimitError'>"}, failed(), "RateLimitError"),
        ({"error.type": "openai.APITimeoutError"}, failed(), "APITimeoutError"),
        ({"error.type": "_OTHER"}, failed(), "OTHER"),
        ({"error.type": SECRET}, failed(), "Exception"),
        ({}, {**failed(), "events": [exception_event("openai.RateLimitError", SECRET)]}, "RateLimitError"),
        ({}, failed(SECRET), "Exception"),
        ({}, {"events": [exception_event("KeyError", SECRET)]}, ""),
    ],
)
def test_span__of_a_failed_call__the_class_of_the_error_alone(exporter, attributes, fields, error_type):
    interaction = kept(exporter, {**CHAT, **attributes}, **fields)

    assert (interaction.status, interaction.error_type) == ("error" if error_type else "ok", error_type)


def test_span__sent_again__one_interaction(exporter):
    sent = span(1)

    exporter.export(sent, sent)
    reply = exporter.export(sent)

    assert not reply.HasField("partial_success")
    assert AIInteraction.objects.count() == 1


def test_span__the_same_ids_with_other_content__rejected_and_the_first_stays(exporter):
    exporter.export(span(1))

    reply = exporter.export(span(1, {**CHAT, "gen_ai.response.model": "other"}))

    assert reply.partial_success.rejected_spans == 1
    assert AIInteraction.objects.get().model == "gpt-2026-01-31"


def test_span__the_same_ids_in_another_workspace__its_own_interaction(exporter):
    exporter.export(span(1))
    Exporter(ApiKeyFactory().plain).export(span(1))

    assert AIInteraction.objects.count() == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"trace_id": b""},
        {"trace_id": bytes(16)},
        {"trace_id": b"short"},
        {"span_id": bytes(8)},
        {"span_id": b"much too long"},
        {"start_time_unix_nano": 0},
        {"end_time_unix_nano": 1},
        {"start_time_unix_nano": 2**63, "end_time_unix_nano": 0},
        {"start_time_unix_nano": 2**64 - 1, "end_time_unix_nano": 0},
        {"start_time_unix_nano": 1_000},
    ],
)
def test_span__that_cannot_be_stored__rejected_alone(exporter, fields):
    reply = exporter.export(span(1), span(2, **fields), span(3))

    assert reply.partial_success.rejected_spans == 1
    assert reply.partial_success.error_message
    assert AIInteraction.objects.count() == 2


def test_span__without_an_end__no_duration(exporter):
    assert kept(exporter, CHAT, end_time_unix_nano=0).duration_ms is None


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.usage.input_tokens": -1},
        {"gen_ai.usage.input_tokens": 2**40},
        {"gen_ai.usage.input_tokens": "11"},
        {"gen_ai.usage.input_tokens": float("nan")},
        {"gen_ai.usage.input_tokens": 1.5},
    ],
)
def test_span__a_number_of_tokens_that_is_none__left_out(exporter, attributes):
    assert kept(exporter, {**CHAT, **attributes}).input_tokens is None


def test_span__text_wherever_text_can_stand__none_of_it_is_stored_or_logged(exporter, caplog):
    secrets = {name: SECRET for name in CHAT if isinstance(CHAT[name], str)}
    content = dict.fromkeys(
        [
            "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions",
            "gen_ai.evaluation.explanation", "gen_ai.prompt", "input.value", "output.value", "llm.input_messages.0",
            "gen_ai.prompt.name", "confidence.feature_id", "error.type", "confidence.policy_key",
        ],
        SECRET,
    )  # fmt: skip
    spans = [
        span(1, {**CHAT, **content}, name=SECRET, trace_state=SECRET, **failed(SECRET)),
        span(2, {**secrets, "openinference.span.kind": "LLM"}, events=[exception_event(SECRET, SECRET)]),
        span(3, {**DECISION, "confidence.policy_key": "decision_gate"}),
        span(4, {**CHAT, SECRET: SECRET}, span_id=SECRET.encode()),
    ]

    reply = exporter.export(*spans, service__name=SECRET)

    assert AIInteraction.objects.count() == 3
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            assert "Ann Example" not in repr(cursor.fetchall())
    assert "Ann Example" not in str(reply)
    assert "Ann Example" not in caplog.text
