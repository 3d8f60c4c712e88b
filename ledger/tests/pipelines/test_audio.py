"""The audio pipeline against a real transcription server and a real MCP server."""

from __future__ import annotations

import json
import logging
import time
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from mcp_types import CallToolResult, TextContent

from confidence_project.foundation.errors import Conflict, InvalidInput
from governance.tests.factories import WorkspaceFactory
from ledger.contracts import LLMDecision
from ledger.models import DecisionRecord
from ledger.pipelines.audio import AudioPipelineService
from ledger.tests.bodies import llm_decision
from ledger.tests.pipelines.servers import http_server, mcp_server
from telemetry.models import AIInteraction
from telemetry.tests.openai_server import SECRET

pytestmark = pytest.mark.django_db(transaction=True)

AUDIO = b"RIFF....WAVEfmt a spoken turn"
TRANSCRIPT = f"My order is late. {SECRET}"


class Agent:
    """What the agent's tool answers: a decision, or what `says` makes it."""

    def __init__(self) -> None:
        self.turns: list[tuple[str, str]] = []
        self.says: Any = llm_decision(risk_summary=SECRET)

    def push_turn(self, session_id: str, text: str) -> dict[str, Any]:
        """Take a turn and decide."""
        self.turns.append((session_id, text))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says() if callable(self.says) else self.says


@pytest.fixture
def transcriber(settings):
    with http_server() as server:
        server.document = {"text": TRANSCRIPT, "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 9}}
        settings.CONFIDENCE_TRANSCRIPTION_BASE_URL = f"{server.url}/v1"
        settings.CONFIDENCE_TRANSCRIPTION_MODEL = "local-whisper"
        settings.CONFIDENCE_TRANSCRIPTION_PROVIDER = "local-speech"
        settings.CONFIDENCE_AI_MAX_RETRIES = 0
        yield server


@pytest.fixture
def agent(settings):
    agent = Agent()
    with mcp_server(agent.push_turn) as url:
        settings.CONFIDENCE_AGENT_URL = url
        settings.CONFIDENCE_AGENT_TIMEOUT_SECONDS = 10.0
        yield agent


@pytest.fixture(params=["sync", "async"])
def process(request, workspace, transcriber, agent):
    """`process_audio`, or `aprocess_audio` from a loop of its own."""
    service = AudioPipelineService(workspace)
    run = service.process_audio if request.param == "sync" else async_to_sync(service.aprocess_audio)
    return lambda audio=AUDIO, **changes: run("session-1", audio, **{"ml_risk_score": 0.1, **changes})


def test_process__sound_turn__allowed_and_recorded(process, transcriber, agent):
    result = process()
    record = DecisionRecord.objects.get()
    assert (result.record, result.created) == (record, True)
    assert (record.gate_verdict, record.gate_reason) == ("allow", "allowed")
    assert (record.policy_key, record.provider, record.model) == ("decision_gate", "acme", "acme-1")
    assert (record.llm_confidence, record.ml_risk_score) == (Decimal("0.9500"), Decimal("0.1000"))
    assert (record.action_type, json.loads(record.action_params)) == ("retry", {"attempts": 2})
    assert (record.case_key, record.channel, record.confidence_kind) == ("session-1", "audio", "self_reported")
    assert agent.turns == [("session-1", TRANSCRIPT)]
    (body,) = transcriber.bodies("/v1/audio/transcriptions")
    assert AUDIO in body
    assert b"local-whisper" in body
    call = AIInteraction.objects.get()
    assert (call.provider, call.model, call.operation) == ("local-speech", "local-whisper", "transcription")
    assert (call.input_tokens, call.status) == (14, "ok")


def blocked(result, reason):
    assert (result.record.gate_verdict, result.record.gate_reason) == ("block", reason)
    assert DecisionRecord.objects.get() == result.record
    assert result.record.llm_confidence is None or reason == "missing_risk_score"


def test_process__empty_audio__blocks_without_asking_anyone(process, transcriber, agent):
    blocked(process(b""), "empty_audio")
    assert (transcriber.requests, agent.turns) == ([], [])


def test_process__silence__blocks_without_asking_the_agent(process, transcriber, agent):
    transcriber.document = {"text": "  "}
    blocked(process(), "empty_audio")
    assert agent.turns == []


@pytest.mark.parametrize(
    "status, document", [(500, {"error": {"message": SECRET}}), (200, {"words": SECRET}), (200, [])]
)
def test_process__no_transcript__blocks(process, transcriber, agent, status, document):
    transcriber.status, transcriber.document = status, document
    blocked(process(), "transcription_failed")
    assert agent.turns == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/mcp", ""])
def test_process__unreachable_agent__blocks(process, settings, url):
    settings.CONFIDENCE_AGENT_URL = url
    blocked(process(), "agent_unreachable")


def test_process__server_that_speaks_no_mcp__blocks(process, settings, transcriber):
    settings.CONFIDENCE_AGENT_URL = f"{transcriber.url}/mcp"
    settings.CONFIDENCE_AGENT_TOKEN = "token-of-a-test"
    blocked(process(), "agent_unreachable")
    assert "Bearer token-of-a-test" in transcriber.authorizations


def test_process__agent_that_does_not_know_the_tool__blocks(process, settings, agent):
    settings.CONFIDENCE_AGENT_TOOL = "another_tool"
    blocked(process(), "missing_llm_decision")


def test_process__silent_agent__blocks_after_the_time_out(process, settings, agent):
    settings.CONFIDENCE_AGENT_TIMEOUT_SECONDS = 0.5
    agent.says = lambda: time.sleep(2) or llm_decision()
    blocked(process(), "agent_unreachable")


def test_process__tool_that_fails__has_no_decision(process, agent):
    agent.says = RuntimeError(SECRET)
    blocked(process(), "missing_llm_decision")


INVALID = [{}, llm_decision(confidence=1.2), llm_decision(note="more"), llm_decision(confidence="0.9"), {"result": 1}]


@pytest.mark.parametrize("payload", INVALID)
def test_process__invalid_payload__blocks(process, agent, payload):
    agent.says = payload
    result = process()
    blocked(result, "schema_invalid")
    assert all(problem["pointer"].startswith("/decision") for problem in result.record.schema_problems)


def test_process__missing_risk_score__blocks_and_stays_null(process):
    result = process(ml_risk_score=None)
    blocked(result, "missing_risk_score")
    assert result.record.ml_risk_score is None


def test_process__high_risk__blocks(process):
    assert process(ml_risk_score=0.7).record.gate_reason == "ml_risk_threshold_exceeded"


def test_process__same_turn_again__first_record_without_asking(process, agent):
    first = process()
    again = process()
    assert (again.record, again.created) == (first.record, False)
    assert len(agent.turns) == 1
    assert process(turn_id="turn-2").created
    with pytest.raises(Conflict):
        process(b"another turn", turn_id="turn-2")


@pytest.mark.parametrize("change", [{"ml_risk_score": 1.2}, {"turn_id": "two words"}, {"turn_id": ""}])
def test_process__impossible_arguments__refused_and_nothing_recorded(process, transcriber, change):
    with pytest.raises(InvalidInput):
        process(**change)
    assert transcriber.requests == []
    assert not DecisionRecord.objects.exists()


def test_process__same_turn_in_two_workspaces__two_records(process):
    process()
    other = AudioPipelineService(WorkspaceFactory()).process_audio("session-1", AUDIO, ml_risk_score=0.1)
    assert other.created


def test_process__what_was_said__is_neither_stored_nor_logged(process, agent, stored, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    process()
    agent.says = {"risk_summary": SECRET}
    process(turn_id="turn-2")
    output = capfd.readouterr()
    assert SECRET not in stored()
    assert SECRET not in caplog.text + output.out + output.err


@pytest.mark.parametrize(
    "text, reason",
    [(json.dumps(llm_decision()), "allowed"), ("no JSON", "schema_invalid"), ("null", "missing_llm_decision")],
)
def test_process__agent_that_answers_in_text__is_read_as_json(workspace, transcriber, settings, text, reason):
    answer = CallToolResult(content=[TextContent(text=text)])

    def push_turn(session_id: str, text: str) -> CallToolResult:
        return answer

    with mcp_server(push_turn) as url:
        settings.CONFIDENCE_AGENT_URL = url
        result = AudioPipelineService(workspace).process_audio("session-1", AUDIO, ml_risk_score=0.1)
    assert result.record.gate_reason == reason


def as_text(session_id: str, text: str) -> str:
    return json.dumps(llm_decision())


def as_optional_text(session_id: str, text: str) -> str | None:
    return json.dumps(llm_decision())


def as_optional(session_id: str, text: str) -> dict[str, Any] | None:
    return llm_decision()


def as_optional_model(session_id: str, text: str) -> LLMDecision | None:
    return LLMDecision(**llm_decision())


def as_untyped(session_id: str, text: str):
    return llm_decision()


def nothing(session_id: str, text: str) -> dict[str, Any] | None:
    return None


def no_decision(session_id: str, text: str) -> str:
    return "no JSON"


def deep(session_id: str, text: str) -> str:
    return "[" * 100_000


@pytest.mark.parametrize(
    "push_turn, reason",
    [
        *(
            (push_turn, "allowed")
            for push_turn in (as_text, as_optional_text, as_optional, as_optional_model, as_untyped)
        ),
        (nothing, "missing_llm_decision"),
        (no_decision, "schema_invalid"),
        (deep, "schema_invalid"),
    ],
)
def test_process__agent_of_any_type__is_read(workspace, transcriber, settings, push_turn, reason):
    with mcp_server(push_turn) as url:
        settings.CONFIDENCE_AGENT_URL = url
        result = AudioPipelineService(workspace).process_audio("session-1", AUDIO, ml_risk_score=0.1)
    assert result.record.gate_reason == reason
