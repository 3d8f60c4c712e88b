"""Real clients: the OTLP/HTTP exporter of OpenTelemetry, and the `openai` client under both instrumentations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import openai
import pytest
from django.db import connection
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInferenceInstrumentor
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor as GenAIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanKind

from governance.tests.factories import ApiKeyFactory
from telemetry.models import AIInteraction
from telemetry.tests.openai_server import (
    SECRET,
    broken_json,
    completion,
    cut_off,
    failure,
    reply,
    running_server,
    silence,
    stream,
)

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = [{"role": "user", "content": SECRET}]
DECISION = {
    "id": "dec_1",
    "object": "decision",
    "model": "luna-1",
    "answers": [{"type": "predicate", "name": "is_refund", "probability": 0.93}],
    "usage": {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12},
}

BOTH = pytest.mark.parametrize(
    "instrumentor", [GenAIInstrumentor, OpenInferenceInstrumentor], ids=["genai", "openinference"]
)


class WatchedExporter(OTLPSpanExporter):
    """Remembers how its exports ended, because span processors do not tell."""

    results: list[SpanExportResult]

    def export(self, spans):
        result = super().export(spans)
        self.results.append(result)
        return result


@pytest.fixture
def key():
    return ApiKeyFactory()


@pytest.fixture(params=[Compression.NoCompression, Compression.Gzip], ids=["plain", "gzip"])
def exporter(request, live_server, key):
    exporter = WatchedExporter(
        endpoint=f"{live_server.url}/v1/traces",
        headers={"Authorization": f"Bearer {key.plain}"},
        compression=request.param,
        timeout=10,
    )
    exporter.results = []
    return exporter


@pytest.fixture
def provider(exporter):
    provider = TracerProvider(resource=Resource.create({"service.name": "mailer"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider
    provider.shutdown()


@pytest.fixture
def server():
    with running_server() as server:
        yield server


@contextmanager
def instrumented(instrumentor, provider) -> Iterator[None]:
    instrumentor.instrument(tracer_provider=provider)
    try:
        yield
    finally:
        instrumentor.uninstrument()


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
        yield client


def assert_no_content_is_stored():
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM telemetry_aiinteraction")
        assert "Ann Example" not in repr(cursor.fetchall())


def test_exporter__spans_of_a_host__interactions(key, provider, exporter):
    tracer = provider.get_tracer("a host")

    mail = tracer.start_as_current_span("handle a mail")
    with mail, tracer.start_as_current_span("chat gpt", kind=SpanKind.CLIENT) as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.provider.name", "openai")
        span.set_attribute("gen_ai.response.model", "gpt-2026-01-31")
        span.set_attribute("gen_ai.input.messages", SECRET)
        span.set_attribute("gen_ai.usage.input_tokens", 11)

    assert exporter.results == [SpanExportResult.SUCCESS] * 2
    kept = AIInteraction.objects.get()
    assert (kept.workspace, kept.feature_id, kept.model, kept.input_tokens) == (
        key.workspace, "mailer", "gpt-2026-01-31", 11,
    )  # fmt: skip
    context = span.get_span_context()
    assert kept.external_id == f"{context.trace_id:032x}:{context.span_id:016x}"
    assert_no_content_is_stored()


def test_exporter__a_revoked_key__the_export_fails_and_nothing_is_stored(key, provider, exporter):
    key.revoked = True
    key.save()

    with provider.get_tracer("a host").start_as_current_span("chat") as span:
        span.set_attribute("gen_ai.operation.name", "chat")

    assert exporter.results == [SpanExportResult.FAILURE]
    assert not AIInteraction.objects.exists()


@BOTH
def test_openai_client__a_call_that_ends_well__an_interaction(instrumentor, key, provider, exporter, server, client):
    server.plan(completion(SECRET))

    with instrumented(instrumentor(), provider):
        client.chat.completions.create(model="gpt-alias", messages=QUESTION)

    assert exporter.results == [SpanExportResult.SUCCESS]
    kept = AIInteraction.objects.get()
    assert (kept.workspace, kept.provider, kept.operation) == (key.workspace, "openai", "chat")
    assert (kept.model, kept.input_tokens, kept.output_tokens) == ("local-model-2026-01-31", 120, 30)
    assert (kept.status, kept.feature_id) == ("ok", "mailer")
    assert kept.duration_ms > 0
    assert_no_content_is_stored()


@BOTH
def test_openai_client__a_call_that_fails__an_interaction_with_the_class_of_the_error(
    instrumentor, provider, exporter, server, client
):
    server.plan(failure(429))

    with instrumented(instrumentor(), provider), pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="gpt-alias", messages=QUESTION)

    assert exporter.results == [SpanExportResult.SUCCESS]
    kept = AIInteraction.objects.get()
    assert (kept.status, kept.error_type, kept.operation) == ("error", "RateLimitError", "chat")
    assert_no_content_is_stored()


@BOTH
@pytest.mark.parametrize(
    "behaviour, errors",
    [
        (failure(500), {"InternalServerError"}),
        (broken_json, {"JSONDecodeError"}),
        (cut_off, {"APIConnectionError"}),
        (silence, {"APITimeoutError"}),
    ],
    ids=["500", "malformed", "cut off", "silent"],
)
def test_openai_client__an_answer_that_is_none__an_interaction_with_the_class_of_the_error(
    instrumentor, provider, exporter, server, client, behaviour, errors
):
    server.plan(behaviour)

    with instrumented(instrumentor(), provider), pytest.raises((openai.OpenAIError, ValueError)):
        client.with_options(timeout=0.3).chat.completions.create(model="gpt-alias", messages=QUESTION)

    kept = AIInteraction.objects.get()
    assert kept.status == "error"
    assert kept.error_type in errors
    assert_no_content_is_stored()


@BOTH
def test_openai_client__429_with_retry_after_and_then_an_answer__one_interaction(
    instrumentor, provider, exporter, server, client
):
    server.plan(failure(429, Retry_After="1"), completion(SECRET))

    with instrumented(instrumentor(), provider):
        client.with_options(max_retries=1).chat.completions.create(model="gpt-alias", messages=QUESTION)

    kept = AIInteraction.objects.get()
    assert (kept.status, kept.input_tokens) == ("ok", 120)
    assert kept.duration_ms >= 1_000


@BOTH
def test_openai_client__a_stream_to_its_end__an_interaction(instrumentor, provider, exporter, server, client):
    server.plan(stream(cut=False))

    with instrumented(instrumentor(), provider):
        for _ in client.chat.completions.create(model="gpt-alias", messages=QUESTION, stream=True):
            pass

    kept = AIInteraction.objects.get()
    assert (kept.status, kept.model, kept.operation) == ("ok", "local-model-2026-01-31", "chat")
    assert_no_content_is_stored()


@BOTH
def test_openai_client__a_stream_cut_off__an_interaction_with_the_class_of_the_error(
    instrumentor, provider, exporter, server, client
):
    server.plan(stream(cut=True))

    with instrumented(instrumentor(), provider), pytest.raises(openai.APIConnectionError):
        for _ in client.chat.completions.create(model="gpt-alias", messages=QUESTION, stream=True):
            pass

    kept = AIInteraction.objects.get()
    assert (kept.status, kept.error_type) == ("error", "APIConnectionError")
    assert_no_content_is_stored()


@BOTH
def test_openai_client__async__an_interaction(instrumentor, provider, exporter, server):
    server.plan(completion(SECRET))

    async def ask():
        async with openai.AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
            await client.chat.completions.create(model="gpt-alias", messages=QUESTION)

    with instrumented(instrumentor(), provider):
        asyncio.run(ask())

    kept = AIInteraction.objects.get()
    assert (kept.status, kept.model, kept.output_tokens) == ("ok", "local-model-2026-01-31", 30)
    assert_no_content_is_stored()


def test_openai_client__a_decision__an_interaction_of_the_model_that_answered(provider, exporter, server, client):
    server.plan(reply(DECISION))
    question = {"type": "predicate", "name": "is_refund", "instructions": SECRET}

    with instrumented(OpenInferenceInstrumentor(), provider):
        answer = client.decisions.create(model="luna", input=SECRET, questions=[question])

    assert answer.answers[0].probability == 0.93
    assert exporter.results == [SpanExportResult.SUCCESS]
    kept = AIInteraction.objects.get()
    assert (kept.model, kept.operation, kept.input_tokens, kept.output_tokens) == ("luna-1", "decision", 10, 2)
    assert_no_content_is_stored()
