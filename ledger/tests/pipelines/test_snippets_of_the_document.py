"""The snippets of docs/pipelines.md, run as they stand there, with the names that a host would have."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.utils import timezone

from governance.answer_rules import AnswerRule, PredicateReading
from governance.declared import definitions_in
from governance.tests.factories import ApiKeyFactory, WorkspaceFactory
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.tests.pipelines.servers import http_server, mcp_server

pytestmark = pytest.mark.django_db(transaction=True)

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "pipelines.md"
BLOCKS = [code for _, code in re.findall(r"^```(\w+)\n(.*?)^```", DOCUMENT.read_text("utf-8"), re.M | re.S)]

SNIPPETS = {
    "decision model": "curl -sS",
    "answer rule": "# blank or left out: the reply holds one answer",
    "both sides": "asks = true",
    "several questions": 'of = "all"',
    "auto-send": "evaluate_draft",
    "overseer": "oversee_reply",
    "booking": "decide_booking",
    "audio": "process_audio",
    "agent": "MCPServer",
    "exporters": "export OTEL_EXPORTER_OTLP_ENDPOINT",
}
"""The snippets of the document: a phrase that no other of them has."""


def snippet(name):
    (code,) = [code for code in BLOCKS if SNIPPETS[name] in code]
    return code


@pytest.fixture
def workspace():
    return WorkspaceFactory(auto_book_meetings=True)


@pytest.fixture
def host(workspace):
    """The names that a host has, and what it did."""
    sent, acted = [], []
    return {
        "workspace": workspace,
        "thread": "Could we meet on Tuesday?",
        "text": "Tuesday at ten is fine.",
        "received_at": "2026-11-01T09:30:00Z",
        "now": timezone.now(),
        "audio": b"RIFF",
        "mailer": SimpleNamespace(send=sent.append),
        "calendar": SimpleNamespace(is_free=lambda at: True),
        "act": lambda *done: acted.append(done),
        "sent": sent,
        "acted": acted,
    }


def test_every_block_of_the_document__is_a_snippet_that_is_run_here():
    named = [[name for name, phrase in SNIPPETS.items() if phrase in code] for code in BLOCKS]
    assert [names for names in named if len(names) != 1] == []
    assert sorted(names[0] for names in named) == sorted(SNIPPETS)


def test_snippet__decision_model__the_verdict(live_server, workspace):
    script = snippet("decision model").replace("http://localhost:8000", live_server.url)
    environment = {**os.environ, "KEY": ApiKeyFactory(workspace=workspace).plain}
    result = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, timeout=60, env=environment)
    assert '"verdict":"allow"' in result.stdout, result.stderr
    assert DecisionRecord.objects.get().task == "is_covered"


def test_snippet__answer_rule__has_the_fields_and_readings_of_a_definition():
    rule = tomllib.loads(snippet("answer rule"))["policies"]["claims.auto_pay"]["answer"]
    assert AnswerRule(**{**rule, "confidence": PredicateReading(rule["confidence"])}).question == "is_covered"


def test_snippet__both_sides__is_a_policy_that_asks():
    (policy,) = definitions_in(snippet("both sides"))
    assert policy.asks
    assert policy.answer.confidence is PredicateReading.SIDES


def test_snippet__several_questions__is_a_rule_that_can_be_used():
    before = snippet("both sides").partition('[policies."claims.auto_pay".answer]')[0]
    (policy,) = definitions_in(before + snippet("several questions"))
    assert policy.answer.problem is None
    assert policy.answer.questions == ("is_covered", "is_intact", "kind")


def test_snippet__auto_send__sent_and_labelled(provider, host):
    provider.say({"safe_to_send": True, "confidence": 0.97, "requires_human_review": False})
    exec(snippet("auto-send"), host)
    assert host["sent"] == [host["text"]]
    assert DecisionOutcome.objects.get().success is True


def test_snippet__overseer__counts_and_is_overridden(provider, host):
    provider.say({"decision": "approve", "confidence": 0.97})
    exec(snippet("overseer"), host)
    assert (host["verdict"].act, host["verdict"].overseen.decision) == (True, "approve")
    assert DecisionOutcome.objects.get().success is False


def test_snippet__booking__book(provider, host):
    times = [{"starts_at": "2026-11-03T10:00:00+01:00", "time_zone_stated": True}]
    provider.say({"proposed_times": times, "needs_timezone_clarification": False, "confidence": 0.97})
    exec(snippet("booking"), host)
    assert host["verdict"].action == "book"


def test_snippet__agent_and_audio__acted_on(settings, host):
    names = {"__name__": "an agent"}
    definition, _, last = snippet("agent").rstrip().rpartition("\n")
    assert last.startswith('agent.run("streamable-http", port=8001)')
    exec(definition, names)
    with http_server() as transcriber, mcp_server(names["push_turn"]) as url:
        transcriber.document = {"text": "Where is my parcel?"}
        settings.CONFIDENCE_TRANSCRIPTION_BASE_URL = f"{transcriber.url}/v1"
        settings.CONFIDENCE_AGENT_URL = url
        exec(snippet("audio"), host)
    ((action, parameters),) = host["acted"]
    assert (action, json.loads(parameters)) == ("retry", {"attempts": 2})


def test_snippet__exporters__the_variables_are_those_that_turn_emission_on():
    script = "import ledger.emission as e\nassert e._is_exported('LOGS') and e._is_exported('METRICS')\n"
    setup = "import django; django.setup()\n"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "confidence_project.settings"}
    command = ["sh", "-euc", f'{snippet("exporters")}\nexec "$@"', "sh", sys.executable, "-c", setup + script]
    subprocess.run(command, check=True, timeout=60, env=environment, cwd=DOCUMENT.parents[1])
