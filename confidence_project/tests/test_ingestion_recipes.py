"""The recipes of docs/ingestion.md, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from governance.tests.factories import ApiKeyFactory, WorkspaceFactory
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.tests.factories import DecisionRecordFactory
from telemetry.models import AIInteraction
from telemetry.prompts import registry
from telemetry.recorder import record_interaction
from telemetry.tests.openai_server import completion, reply, running_server

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "docs" / "ingestion.md").read_text("utf-8"), re.M | re.S)

GATE = '{"decision": "approve", "confidence": 0.97, "issues_count": 0}'
DECISION = {
    "object": "decision",
    "model": "luna-1",
    "answers": [{"type": "predicate", "name": "is_refund", "probability": 0.93}],
    "usage": {"input_tokens": 10, "output_tokens": 2},
}


def recipe(language, phrase):
    (code,) = [code for kind, code in BLOCKS if kind == language and phrase in code]
    return code


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
    exported = {"KEY": key, "OTEL_EXPORTER_OTLP_ENDPOINT": live_server.url, "OTEL_SERVICE_NAME": "mailer"}
    exported["OTEL_EXPORTER_OTLP_HEADERS"] = f"Authorization=Bearer%20{key}"

    def run(*command):
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **exported})
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def test_recipe__in_process__prints_the_external_id(server, workspace, capsys):
    server.plan(completion("Hello"))

    exec(recipe("python", "with track_ai_call("), {})

    kept = AIInteraction.objects.get()
    assert capsys.readouterr().out.strip() == kept.external_id
    assert kept.metadata == {"followupParse": {"confidence": 0.93, "proposedTimesCount": 2}}
    assert kept.input_tokens == 120


def test_recipe__decorator__an_interaction(server, workspace):
    server.plan(completion("Hello"))
    # The last line would start a thread that keeps a connection to the database of the tests.
    definition, _, last = recipe("python", "@track_ai_call(").rstrip().rpartition("\n")
    assert last == 'asyncio.run(ask(workspace, "Hello"))'
    names: dict[str, Any] = {}

    exec(definition, names)
    async_to_sync(names["ask"])(names["workspace"], "Hello")

    assert AIInteraction.objects.get().output_tokens == 30


def test_recipe__run_prompt__prints_the_checked_answer(server, workspace, capsys):
    server.plan(completion(GATE))

    exec(recipe("python", "result = run_prompt("), {})

    assert capsys.readouterr().out.split() == ["approve", "0.97", "local-model-2026-01-31"]


def test_recipe__a_prompt_of_the_host__registered(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    exec(recipe("python", "register_prompt("), {})

    assert registry.get_prompt("ticket.urgency.v1").variables == {"ticket"}


@pytest.mark.parametrize("phrase", ["# OpenTelemetry\n", "# OpenInference\n"])
def test_recipe__an_instrumented_client__an_interaction(server, host, phrase):
    server.plan(completion("Hello"))

    host(sys.executable, "-c", recipe("python", phrase))

    kept = AIInteraction.objects.get()
    assert (kept.feature_id, kept.provider, kept.input_tokens) == ("mailer", "openai", 120)


def test_recipe__a_decision_model__gated(server, host, workspace):
    server.plan(reply(DECISION))

    host(sys.executable, "-c", recipe("python", "# a decision model\n"))

    assert DecisionRecord.objects.get().gate_reason == "allowed"


def test_recipe__curl__an_empty_success(host):
    assert host("bash", "-c", recipe("bash", "curl")) == "{}"
    assert AIInteraction.objects.get().duration_ms == 250.0


def test_recipe__an_evaluation__an_outcome(host, workspace):
    interaction = record_interaction(workspace=workspace, response_id="chatcmpl-1")
    DecisionRecordFactory(workspace=workspace, interaction=interaction)

    host(sys.executable, "-c", recipe("python", "# an evaluation\n"))

    assert DecisionOutcome.objects.get().success is True
