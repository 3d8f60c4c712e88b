"""The recipes of docs/agents.md with the real frameworks, as they stand there, but for the address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from governance.tests.factories import applied
from ledger.models import DecisionRecord
from ledger.tests.bodies import llm_decision

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
