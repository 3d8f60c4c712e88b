"""The recipes of docs/ingestion.md, run as they stand there, but for the address of the server."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from asgiref.sync import async_to_sync
from django.core.management import call_command
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from governance.tests.factories import ApiKeyFactory, UserFactory, WorkspaceFactory
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.tests.bodies import llm_decision
from ledger.tests.factories import DecisionRecordFactory
from ledger.tests.pipelines.servers import http_server, mcp_server
from telemetry.evaluators import evaluators_of
from telemetry.metadata import sanitize_metadata
from telemetry.models import AIInteraction
from telemetry.prompts import registry
from telemetry.recorder import record_interaction
from telemetry.tests.openai_server import completion, reply, running_server

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "docs" / "ingestion.md").read_text("utf-8"), re.M | re.S)
WRITTEN_FOR = "http://localhost:8000"

RECIPES = {
    "curl": "# curl\n",
    "in process": "with track_ai_call(",
    "decorator": "@track_ai_call(",
    "run_prompt": "result = run_prompt(",
    "a prompt of the host": "register_prompt(",
    "variables of OpenTelemetry": "export OTEL_EXPORTER_OTLP_ENDPOINT",
    "OpenTelemetry": "# OpenTelemetry\n",
    "OTLP by hand": "# OTLP by hand\n",
    "Collector": "# otelcol.yaml\n",
    "OpenInference": "# OpenInference\n",
    "DECISION spans": "# a decision model\n",
    "OpenAI Decisions": "# a decision model, gated\n",
    "System One": "# System One\n",
    "audio": "# audio\n",
    "evaluators": "declare_evaluator hallucination",
    "evaluation": "# an evaluation\n",
    "metadata schema": "export CONFIDENCE_METADATA_SCHEMA",
}
"""The recipes of the document: a phrase that no other of them has."""


GATE = '{"decision": "approve", "confidence": 0.97, "issues_count": 0}'
DECISION = {
    "object": "decision",
    "model": "luna-1",
    "answers": [{"type": "predicate", "name": "is_refund", "probability": 0.93}],
    "usage": {"input_tokens": 10, "output_tokens": 2},
}


def recipe(name, url=WRITTEN_FOR):
    (code,) = [code for _, code in BLOCKS if RECIPES[name] in code]
    return code.replace(WRITTEN_FOR, url)


@pytest.fixture
def workspace():
    return WorkspaceFactory(slug="digits")


@pytest.fixture
def server(settings, monkeypatch):
    with running_server() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "key-of-a-test")
        settings.CONFIDENCE_AI_BASE_URL = server.url
        settings.CONFIDENCE_AI_MODEL = "local-model"
        yield server


@pytest.fixture
def host(live_server, workspace):
    """Runs code in a process of its own, with the variables that the document exports."""
    key = ApiKeyFactory(workspace=workspace).plain
    exports = recipe("variables of OpenTelemetry", live_server.url)

    def run(command, name):
        script = f'{exports}\nexec "$@"'
        code = recipe(name, live_server.url)
        arguments = ["bash", "-euc", script, "bash", *command, code]
        result = subprocess.run(arguments, capture_output=True, text=True, timeout=60, env={**os.environ, "KEY": key})
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


PYTHON, SHELL = [sys.executable, "-c"], ["bash", "-euc"]


def test_every_block_of_the_document__is_a_recipe_that_is_run_here():
    named = [[name for name, phrase in RECIPES.items() if phrase in code] for _, code in BLOCKS]
    assert [names for names in named if len(names) != 1] == []
    assert sorted(names[0] for names in named) == sorted(RECIPES)


def test_recipe__curl__an_interaction(host):
    assert '"external_id":"call-4711"' in host(SHELL, "curl")
    kept = AIInteraction.objects.get()
    assert (kept.feature_id, kept.input_tokens, kept.duration_ms) == ("auto_send", 812, 930.0)
    assert kept.metadata == {"followupParse": {"confidence": 0.93, "proposedTimesCount": 2}}


def test_recipe__in_process__prints_the_external_id(server, workspace, capsys):
    server.plan(completion("Hello"))

    exec(recipe("in process"), {})

    kept = AIInteraction.objects.get()
    assert capsys.readouterr().out.strip() == kept.external_id
    assert kept.metadata == {"followupParse": {"confidence": 0.93, "proposedTimesCount": 2}}
    assert kept.input_tokens == 120


def test_recipe__decorator__an_interaction(server, workspace):
    server.plan(completion("Hello"))
    # The last line would start a thread that keeps a connection to the database of the tests.
    definition, _, last = recipe("decorator").rstrip().rpartition("\n")
    assert last == 'asyncio.run(ask(workspace, "Hello"))'
    names: dict[str, Any] = {}

    exec(definition, names)
    async_to_sync(names["ask"])(names["workspace"], "Hello")

    assert AIInteraction.objects.get().output_tokens == 30


def test_recipe__run_prompt__prints_the_checked_answer(server, workspace, capsys):
    server.plan(completion(GATE))

    exec(recipe("run_prompt"), {})

    assert capsys.readouterr().out.split() == ["approve", "0.97", "local-model-2026-01-31"]


def test_recipe__a_prompt_of_the_host__registered(monkeypatch):
    monkeypatch.setattr(registry.PROMPTS, "things", dict(registry.PROMPTS.things))

    exec(recipe("a prompt of the host"), {})

    assert registry.get_prompt("ticket.urgency.v1").variables == {"ticket"}


@pytest.mark.parametrize("name", ["OpenTelemetry", "OpenInference"])
def test_recipe__an_instrumented_client__an_interaction(server, host, name):
    server.plan(completion("Hello"))

    host(PYTHON, name)

    kept = AIInteraction.objects.get()
    assert (kept.feature_id, kept.provider, kept.input_tokens) == ("mailer", "openai", 120)


def test_recipe__otlp_by_hand__an_empty_success(host):
    assert host(SHELL, "OTLP by hand") == "{}"
    assert AIInteraction.objects.get().duration_ms == 250.0


def test_recipe__collector__its_settings_reach_the_server(live_server, workspace):
    config = yaml.safe_load(recipe("Collector", live_server.url))
    for pipeline in config["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(config[kind])
    exporter = config["exporters"]["otlphttp/confidence"]
    key = ApiKeyFactory(workspace=workspace).plain
    headers = {name: value.replace("${env:KEY}", key) for name, value in exporter["headers"].items()}
    # As the Collector does: the signal's path below the endpoint.
    spans = OTLPSpanExporter(
        endpoint=f"{exporter['endpoint']}/v1/traces",
        headers=headers,
        compression=Compression(exporter["compression"]),
        timeout=10,
    )
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))

    with provider.get_tracer("a host").start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
        pass
    provider.shutdown()

    assert AIInteraction.objects.get().operation == "chat"


def test_recipe__decision_spans__gated(server, host):
    server.plan(reply(DECISION))

    host(PYTHON, "DECISION spans")

    assert DecisionRecord.objects.get().gate_reason == "allowed"


def test_recipe__openai_decisions__the_verdict(server, host):
    server.plan(reply(DECISION))

    assert host(PYTHON, "OpenAI Decisions").split() == ["allow", "allowed"]

    record = DecisionRecord.objects.get()
    assert (record.provider, record.model, record.confidence_kind) == ("openai", "luna-1", "predicate_yes")


def test_recipe__system_one__the_verdict(host):
    assert '"verdict":"allow"' in host(SHELL, "System One")
    record = DecisionRecord.objects.get()
    assert (record.provider, record.model, record.task) == ("typesafe", "jev-1.14.0", "is_refund")


def test_recipe__audio__prints_the_verdict(settings, workspace, tmp_path, monkeypatch, capsys):
    (tmp_path / "turn.wav").write_bytes(b"RIFF")
    monkeypatch.chdir(tmp_path)

    def push_turn(session_id: str, text: str) -> dict[str, Any]:
        return llm_decision()

    with http_server() as transcriber, mcp_server(push_turn) as agent:
        transcriber.document = {"text": "Where is my parcel?"}
        settings.CONFIDENCE_TRANSCRIPTION_BASE_URL = f"{transcriber.url}/v1"
        settings.CONFIDENCE_AGENT_URL = agent
        exec(recipe("audio"), {})

    assert capsys.readouterr().out.split() == ["allow", "allowed"]


def test_recipe__evaluators__each_line_declares_one(workspace):
    UserFactory(username="ann", is_superuser=True)
    for line in recipe("evaluators").splitlines():
        _, *arguments = shlex.split(line)
        call_command(*arguments, stdout=StringIO())

    assert sorted(evaluators_of(workspace)) == ["hallucination", "helpfulness", "toxicity"]


def test_recipe__an_evaluation__an_outcome(host, workspace):
    interaction = record_interaction(workspace=workspace, response_id="chatcmpl-1")
    DecisionRecordFactory(workspace=workspace, interaction=interaction)

    host(PYTHON, "evaluation")

    assert DecisionOutcome.objects.get().success is True


def test_recipe__metadata_schema__keeps_what_it_says(host, settings):
    script = recipe("metadata schema") + 'printf %s "$CONFIDENCE_METADATA_SCHEMA"'
    given = subprocess.run([*SHELL, script], capture_output=True, text=True, check=True).stdout
    settings.CONFIDENCE_METADATA_SCHEMA = json.loads(given)

    call_command("check")
    raw = {"toolUse": {"calls": 3, "ratio": 0.5, "result": "done"}}
    assert sanitize_metadata(raw).clean == raw
