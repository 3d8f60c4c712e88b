"""Which spans are calls of a model: those that say so, by an operation, tokens or a response; never by a name alone."""

from __future__ import annotations

import pytest

from governance.tests.factories import ApiKeyFactory
from telemetry.models import AIInteraction
from telemetry.tests.otlp_messages import CHAT, Exporter, span

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = {"gen_ai.request.model": "m-1"}
USAGE = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}


@pytest.fixture
def exporter():
    return Exporter(ApiKeyFactory().plain)


def operation(name, **more):
    return {"gen_ai.operation.name": name, **MODEL, **more}


@pytest.mark.parametrize("attributes", [
    {**MODEL, **USAGE},
    {**MODEL, "gen_ai.usage.output_tokens": 5},
    {**MODEL, "gen_ai.usage.prompt_tokens": 10},
    {**MODEL, "gen_ai.response.id": "resp-1"},
    {**MODEL, "gen_ai.response.model": "m-1-2026"},
    operation("chat"),
    operation("text_completion"),
    operation("generate_content"),
    operation("embeddings"),
    operation("rerank"),
    operation("responses"),
    operation("decision"),
    operation("summarize", **{"gen_ai.response.id": "resp-1"}),
    {"llm.request.type": "chat", **MODEL},
    {"openinference.span.kind": "LLM"},
    {"openinference.span.kind": "UNKNOWN", **operation("chat")},
])  # fmt: skip
def test_span__that_says_it_is_a_call__one_call(exporter, attributes):
    reply = exporter.export(span(1, attributes))

    assert not reply.HasField("partial_success")
    assert AIInteraction.objects.count() == 1


@pytest.mark.parametrize("attributes", [
    MODEL,
    {"http.request.method": "POST", "url.path": "/answers", **MODEL},
    {"db.system.name": "postgresql", "db.operation.name": "SELECT", **MODEL},
    {"db.system": "redis", "gen_ai.system": "acme", **MODEL},
    *(operation(name) for name in ("retrieval", "plan", "search_memory", "handoff", "workflow", "execute_tool")),
    *(operation(name, **USAGE) for name in ("agent_step", "chain", "invoke_agent", "invoke_workflow", "summarize")),
    operation("invoke_agent", **USAGE, **{"gen_ai.response.id": "resp-1"}),
    {"openinference.span.kind": "CHAIN", **MODEL, **USAGE},
    {"openinference.span.kind": "AGENT", **operation("chat")},
])  # fmt: skip
def test_span__with_a_models_name_alone_or_another_operation__no_call(exporter, attributes):
    reply = exporter.export(span(1, attributes))

    assert not reply.HasField("partial_success")
    assert not AIInteraction.objects.exists()


def test_spans__of_one_request_with_the_models_name_as_baggage__one_call(exporter):
    exporter.export(
        span(1, {"http.request.method": "POST", **MODEL}),
        *(span(number, MODEL, parent_span_id=(1).to_bytes(8, "big")) for number in (2, 3, 4)),
        span(5, CHAT, parent_span_id=(1).to_bytes(8, "big")),
    )

    assert AIInteraction.objects.get().span_id == "0000000000000005"


@pytest.mark.parametrize("name", [
    "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cached_input_tokens", "gen_ai.usage.cached_tokens", "llm.token_count.prompt_details.cache_read",
])  # fmt: skip
def test_span__cached_tokens_in_any_spelling__kept_as_a_part_of_the_input(exporter, name):
    exporter.export(span(1, {**CHAT, name: 4}))

    kept = AIInteraction.objects.get()
    assert (kept.cached_tokens, kept.reasoning_tokens, kept.input_tokens) == (4, None, 11)


@pytest.mark.parametrize("name", [
    "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "gen_ai.usage.reasoning_output_tokens",
    "gen_ai.usage.details.reasoning_tokens", "llm.token_count.completion_details.reasoning",
])  # fmt: skip
def test_span__reasoning_tokens_in_any_spelling__kept_as_a_part_of_the_output(exporter, name):
    exporter.export(span(1, {**CHAT, name: 3}))

    kept = AIInteraction.objects.get()
    assert (kept.reasoning_tokens, kept.cached_tokens, kept.output_tokens) == (3, None, 5)
