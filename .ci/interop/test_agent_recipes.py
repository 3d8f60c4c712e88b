"""The recipes of docs/agents.md with the real frameworks, as they stand there, but for the address."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import Usage, set_tracing_disabled
from agents.items import ModelResponse as AgentsResponse
from agents.models.interface import Model
from django.conf import settings
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from governance.tests.factories import applied
from ledger.models import DecisionRecord
from ledger.tests.bodies import llm_decision
from ledger.tests.model_server import serving_a_model
from ledger.tests.through_the_gateway import KEY, VARIABLE, bind, connect, reply_of

# Neither sends anything elsewhere, nor asks for prices of models when it is imported.
set_tracing_disabled(True)
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

SNIPPETS = re.findall(r"^```python\n(.*?)^```", (Path(settings.BASE_DIR) / "docs/agents.md").read_text(), re.M | re.S)
NOWHERE = "http://127.0.0.1:9"


def recipe(title: str, url: str, **known: Any) -> dict[str, Any]:
    """Run the snippet of the gate, and the one of this title; return what they define."""
    for wanted in ("the gate", title):
        (code,) = [code for code in SNIPPETS if code.startswith(f"# {wanted}")]
        exec(compile(code.replace("http://localhost:8000", url), "docs/agents.md", "exec", dont_inherit=True), known)
    return known


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch, caller: Any) -> None:
    monkeypatch.setenv("CONFIDENCE_API_KEY", caller.key.plain)
    applied(caller.workspace, 0.8)


@pytest.fixture(autouse=True)
def _loop_of_its_own() -> Iterator[None]:
    """One framework ends the generators of the thread's loop and leaves it there, and another runs on in it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def models_here(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Models' servers on this machine are allowed, here where rows are written and in the server that reads them."""
    settings.CONFIDENCE_MODEL_HOSTS, settings.CONFIDENCE_MODEL_ALLOW_PRIVATE = ["127.0.0.1"], True
    for name, value in {
        "CONFIDENCE_MODEL_HOSTS": "127.0.0.1",
        "CONFIDENCE_MODEL_ALLOW_PRIVATE": "1",
        VARIABLE: KEY,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("confidence, done_by", [(0.95, "the agent"), (0.4, "a person")])
def test_langgraph__the_edge_follows_the_verdict(url, confidence, done_by):
    tickets = recipe("LangGraph", url)["tickets"]
    ticket = {"id": "ticket-1", "decision": llm_decision(confidence=confidence)}
    assert tickets.invoke(ticket)["done_by"] == done_by
    assert tickets.invoke(ticket)["done_by"] == done_by
    assert DecisionRecord.objects.count() == 1


def test_langgraph__gate_that_cannot_be_asked__leads_to_a_person():
    tickets = recipe("LangGraph", NOWHERE)["tickets"]
    assert tickets.invoke({"id": "ticket-1", "decision": llm_decision()})["done_by"] == "a person"


def asks_for_a_refund(confidence: float) -> FunctionModel:
    """A model that calls the tool, and then says what the tool answered."""

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        returned = [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
        if returned:
            return ModelResponse([TextPart(str(returned[0].content))])
        arguments = {"amount": 40, "confidence": confidence}
        return ModelResponse([ToolCallPart("refund", arguments, tool_call_id="call-1")])

    return FunctionModel(answer)


@pytest.mark.parametrize("confidence, said", [(0.95, "refunded"), (0.4, "A person has to look at this first.")])
def test_pydantic_ai__the_tool_runs_when_it_is_allowed(url, confidence, said):
    refunded: list[float] = []
    known = {
        "model": asks_for_a_refund(confidence),
        "refunded": refunded,
        "decision_of": lambda stated: llm_decision(confidence=stated),
    }
    assert recipe("Pydantic AI", url, **known)["run"]("I was charged twice.") == said
    assert refunded == ([40] if said == "refunded" else [])
    record = DecisionRecord.objects.get()
    assert (record.external_id, record.gate_verdict) == ("call-1", "allow" if refunded else "block")


def test_pydantic_ai__gate_that_cannot_be_asked__denies():
    known = {"model": asks_for_a_refund(0.99), "refunded": [], "decision_of": lambda stated: llm_decision()}
    assert "person" in recipe("Pydantic AI", NOWHERE, **known)["run"]("I was charged twice.")
    assert known["refunded"] == []


class AsksForARefund(Model):
    """A model that calls the tool, and then says what the tool answered."""

    def __init__(self, confidence: float) -> None:
        self.confidence = confidence

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> AgentsResponse:
        said = [
            item["output"] for item in input if isinstance(item, dict) and item.get("type") == "function_call_output"
        ]
        if said:
            text = ResponseOutputText(type="output_text", text=str(said[0]), annotations=[])
            output: Any = ResponseOutputMessage(
                id="m", type="message", role="assistant", status="completed", content=[text]
            )
        else:
            arguments = json.dumps({"amount": 40, "confidence": self.confidence})
            output = ResponseFunctionToolCall(
                type="function_call", call_id="call-1", name="refund", arguments=arguments
            )
        return AgentsResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("confidence, said", [(0.95, "refunded"), (0.4, "A person has to look at this first.")])
def test_openai_agents__the_tool_runs_when_it_is_allowed(url, confidence, said):
    refunded: list[float] = []
    known = {
        "model": AsksForARefund(confidence),
        "refunded": refunded,
        "decision_of": lambda stated: llm_decision(confidence=stated),
    }
    assert recipe("OpenAI Agents SDK", url, **known)["run"]("I was charged twice.") == said
    assert refunded == ([40] if said == "refunded" else [])
    record = DecisionRecord.objects.get()
    assert (record.external_id, record.gate_verdict) == ("call-1", "allow" if refunded else "block")


def test_openai_agents__gate_that_cannot_be_asked__rejects():
    known = {"model": AsksForARefund(0.99), "refunded": [], "decision_of": lambda stated: llm_decision()}
    assert "person" in recipe("OpenAI Agents SDK", NOWHERE, **known)["run"]("I was charged twice.")
    assert known["refunded"] == []


@pytest.mark.parametrize("probability, allowed", [(0.97, True), (0.3, False)])
def test_litellm__asks_through_the_gateway_and_reads_the_verdict(models_here, url, caller, probability, allowed):
    with serving_a_model() as model:
        connect(caller, model)
        bind(caller, "refund")
        model.reply = reply_of("system_one", answers={"refund": {"type": "noul", "noul": probability}})
        assert recipe("LiteLLM", url)["may_refund"]("I was charged twice.") is allowed
    record = DecisionRecord.objects.get()
    assert (record.model, record.gate_verdict == "allow") == ("acme-1", allowed)


def test_litellm__model_or_gateway_that_fails__allows_nothing(models_here, url, caller):
    with serving_a_model() as model:
        connect(caller, model)
        model.status, model.reply = 500, {}
        assert recipe("LiteLLM", url)["may_refund"]("I was charged twice.") is False
    assert recipe("LiteLLM", NOWHERE)["may_refund"]("I was charged twice.") is False
