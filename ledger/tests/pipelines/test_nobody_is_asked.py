"""Where the gate would block whatever is answered, nobody is asked: nothing is spent, and no text leaves.

The block is on record with the reason that stood, and a switch that is thrown during the call counts too.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from django.db import connections

from governance.controls.services import block_source, engage_kill_switch, release_kill_switch
from governance.models import BlockedSource, ConfidencePolicy, Workspace
from governance.tests.factories import SuperuserFactory, WorkspaceFactory
from ledger.models import DecisionRecord
from ledger.pipelines.audio import AudioPipelineService
from ledger.pipelines.auto_send import DraftToEvaluate, evaluate_draft
from ledger.pipelines.followup_booking import BookingToDecide, decide_booking
from ledger.pipelines.meeting_overseer import ReplyToOversee, oversee_reply
from ledger.tests.bodies import llm_decision
from ledger.tests.pipelines.servers import http_server, mcp_server
from telemetry.models import AIInteraction
from telemetry.tests.openai_server import completion

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def workspace():
    return WorkspaceFactory(auto_book_meetings=True, booking_gate_enabled=True)


def draft(workspace, name="message-1"):
    asked = DraftToEvaluate(external_id=name, conversation="Hello.", draft="Dear Ann.", channel="email")
    return evaluate_draft(workspace=workspace, draft=asked).decision


def reply(workspace, name="message-1"):
    asked = ReplyToOversee(message_ref=name, conversation="Hello.", draft="Dear Ann.", availability="10:00")
    return oversee_reply(workspace=workspace, reply=asked).decision


def booking(workspace, name="message-1"):
    asked = BookingToDecide(
        message_ref=name,
        message="Ten is fine.",
        proposed_time=datetime(2026, 12, 1, 10, tzinfo=UTC),
        availability="10:00",
        parse_confidence=0.97,
        needs_timezone_clarification=False,
        matched_availability=True,
        provider="acme",
        model="acme-1",
    )
    return decide_booking(workspace=workspace, booking=asked).decision


ANSWERS = {
    draft: {"safe_to_send": True, "confidence": 0.97, "requires_human_review": False},
    reply: {"decision": "approve", "confidence": 0.97},
    booking: {"decision": "approve", "confidence": 0.97, "issues_count": 0},
}
PROMPTED = pytest.mark.parametrize("decide", ANSWERS, ids=lambda decide: decide.__name__)


def answering(decide):
    return completion(json.dumps(ANSWERS[decide]))


def kill(workspace):
    engage_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="Stop.")


def disable_automation(workspace):
    Workspace.objects.update(automation_enabled=False)


def block_provider(workspace):
    kind = BlockedSource.Kind.PROVIDER
    block_source(actor=SuperuserFactory(), workspace=workspace, kind=kind, value="local", reason="Leak.")


def block_model(workspace):
    kind = BlockedSource.Kind.MODEL
    block_source(actor=SuperuserFactory(), workspace=workspace, kind=kind, value="local-model", reason="Leak.")


def break_policies(workspace):
    for policy_key in ("auto_send.evaluate", "meeting.overseer.gate", "followup.auto_book", "decision_gate"):
        ConfidencePolicy.objects.create(
            workspace=workspace, policy_key=policy_key, config={"values": {"no_such_field": 1}}, version=1
        )


STANDING = [
    (kill, "kill_switch"),
    (disable_automation, "automation_disabled"),
    (break_policies, "policy_unavailable"),
]
SOURCES = [(block_provider, "provider_blocked"), (block_model, "model_blocked")]


@PROMPTED
@pytest.mark.parametrize("stand_against, reason", [*STANDING, *SOURCES])
def test_prompt__something_stands_against_every_answer__recorded_and_nobody_asked(
    workspace, provider, decide, stand_against, reason
):
    stand_against(workspace)

    record = decide(workspace)

    assert (record.gate_verdict, record.gate_reason) == ("block", reason)
    assert DecisionRecord.objects.get() == record
    assert provider.requests == []
    assert not AIInteraction.objects.exists()


@PROMPTED
def test_prompt__kill_switch_and_no_model_configured__the_block_all_the_same(workspace, provider, settings, decide):
    settings.CONFIDENCE_AI_MODEL = ""
    settings.CONFIDENCE_KILL_SWITCH = True

    assert decide(workspace).gate_reason == "kill_switch"


@PROMPTED
def test_prompt__kill_switch_thrown_during_the_call__blocks(workspace, provider, decide):
    def throw(handler):
        kill(workspace)
        connections.close_all()  # of the server's thread
        answering(decide)(handler)

    provider.plan(throw)

    assert decide(workspace).gate_reason == "kill_switch"
    assert len(provider.requests) == 1


@PROMPTED
def test_prompt__kill_switch_lifted__the_next_case_is_asked_about_and_the_first_verdict_stays(
    workspace, provider, decide
):
    actor = SuperuserFactory()
    engage_kill_switch(actor=actor, workspace=workspace, reason="Stop.")
    first = decide(workspace)
    release_kill_switch(actor=actor, workspace=workspace, reason="Mended.")
    provider.plan(answering(decide))

    assert decide(workspace) == first
    assert provider.requests == []
    assert decide(workspace, "message-2").gate_reason == "allowed"


class TestAudio:
    @pytest.fixture
    def transcriber(self, settings):
        with http_server() as server:
            server.document = {"text": "My order is late."}
            settings.CONFIDENCE_TRANSCRIPTION_BASE_URL = f"{server.url}/v1"
            settings.CONFIDENCE_TRANSCRIPTION_MODEL = "local-model"
            settings.CONFIDENCE_TRANSCRIPTION_PROVIDER = "local"
            settings.CONFIDENCE_AI_MAX_RETRIES = 0
            yield server

    @pytest.fixture
    def turns(self, settings):
        """What the agent was asked. `turns.then` runs while it thinks."""

        class Turns(list):
            def then(self):
                """Nothing."""

        turns = Turns()

        def push_turn(session_id: str, text: str) -> dict[str, object]:
            turns.append(text)
            turns.then()
            connections.close_all()
            return llm_decision()

        with mcp_server(push_turn) as url:
            settings.CONFIDENCE_AGENT_URL = url
            yield turns

    def process(self, workspace):
        return AudioPipelineService(workspace).process_audio("session-1", b"RIFF", ml_risk_score=0.1).record

    @pytest.mark.parametrize("stand_against, reason", [*STANDING, *SOURCES])
    def test_audio__something_stands_against_every_answer__recorded_and_nobody_asked(
        self, workspace, transcriber, turns, stand_against, reason
    ):
        stand_against(workspace)

        record = self.process(workspace)

        assert (record.gate_verdict, record.gate_reason) == ("block", reason)
        assert (transcriber.requests, turns) == ([], [])

    def test_audio__kill_switch_thrown_during_the_transcription__the_agent_is_not_asked(
        self, workspace, transcriber, turns
    ):
        def throw():
            kill(workspace)
            connections.close_all()

        transcriber.then = throw

        assert self.process(workspace).gate_reason == "kill_switch"
        assert len(transcriber.requests) == 1
        assert turns == []

    def test_audio__kill_switch_thrown_while_the_agent_thinks__blocks(self, workspace, transcriber, turns):
        turns.then = lambda: kill(workspace)

        assert self.process(workspace).gate_reason == "kill_switch"
        assert len(turns) == 1
