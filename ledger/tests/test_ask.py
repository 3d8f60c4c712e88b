"""The third verdict: a policy that asks leaves to people what is not sure enough, and a yes and a no have each their
threshold."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from mcp import Client as McpClient

from confidence_project.foundation.errors import InvalidInput
from governance import definitions
from governance.answer_rules import AnswerRule, PredicateReading
from governance.controls.services import engage_kill_switch
from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition
from governance.tests.browser import signed_in, words
from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, applied, in_shadow
from governance.tests.ofrep_requests import Evaluator
from governance.workflow.consequences import Flips, flips_of
from ledger.agents.server import mcp_server
from ledger.models import DecisionRecord
from ledger.tests.bodies import envelope, llm_decision
from ledger.tests.factories import DecisionRecordFactory
from ledger.tests.pipelines.replies import answer, openai_reply, predicate, refusal
from ledger.tests.through_the_gateway import ask, bind, connect, reply_of, verdicts
from ledger.transparency.services import append_leaves

pytestmark = pytest.mark.django_db

KEY = "claims.pay"

TWO_SIDED = {
    "values": {"threshold": 0.9},
    "overrides": [
        {"match": {"confidence_kind": "predicate_yes"}, "values": {"threshold": 0.8}},
        {"match": {"confidence_kind": "predicate_no"}, "values": {"threshold": 0.95}},
    ],
}
"""Yes from P(yes) = .8 on, no up to P(yes) = .05."""


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A yes/no question with both sides, and people for what lies between."""
    monkeypatch.setattr(definitions.DEFINITIONS, "things", dict(definitions.DEFINITIONS.things))
    threshold = FieldDefinition(name="threshold", kind=FieldKind.CONFIDENCE_THRESHOLD, default=0.9)
    rule = AnswerRule(confidence=PredicateReading.SIDES)
    definitions.register(PolicyDefinition(KEY, "Claims", "", (threshold,), answer=rule, asks=True))


@pytest.fixture
def caller() -> Caller:
    return Caller()


def judged(caller: Caller, given: dict[str, Any]) -> dict[str, Any]:
    body = envelope(policy_key=KEY, decision=None, answer=answer(openai_reply(given)))
    response = caller.post("decisions", body)
    assert response.status_code == 201, response.content
    return response.json()


@pytest.mark.parametrize(
    ("yes", "verdict", "side", "confidence"),
    [
        (1, "allow", "yes", "1.0000"),
        (0.8, "allow", "yes", "0.8000"),
        (0.79996, "allow", "yes", "0.8000"),
        (0.7999, "ask", "yes", "0.7999"),
        (0.5, "ask", "yes", "0.5000"),
        (0.4999, "ask", "no", "0.5001"),
        (0.0501, "ask", "no", "0.9499"),
        (0.05, "allow", "no", "0.9500"),
        (0, "allow", "no", "1.0000"),
    ],
)
def test_two_sides__each_by_its_own_threshold__the_middle_is_asked(
    caller: Caller, yes: float, verdict: str, side: str, confidence: str
) -> None:
    applied(caller.workspace, policy_key=KEY, config=TWO_SIDED)
    said = judged(caller, predicate(yes))
    assert (said["verdict"], said["side"]) == (verdict, side)
    record = DecisionRecord.objects.get()
    assert (record.gate_verdict, str(record.llm_confidence)) == (verdict, confidence)
    assert record.confidence_kind == f"predicate_{side}"
    detail = caller.get(f"decisions/{record.pk}").json()
    assert (detail["verdict"], detail["side"]) == (verdict, side)
    assert append_leaves() > 0


def test_ask__what_is_not_about_how_sure_the_model_is__blocks(caller: Caller) -> None:
    assert judged(caller, refusal())["verdict"] == "block"
    assert judged(caller, predicate(7))["verdict"] == "block"
    assert judged(caller, {"type": "abstain", "name": "safe_to_file"})["verdict"] == "ask"
    engage_kill_switch(actor=admin_of(caller.workspace), workspace=caller.workspace, reason="Stop.")
    assert (judged(caller, predicate(0.6))["verdict"], judged(caller, predicate(0.99))["verdict"]) == ("block", "block")


def test_ask__policy_that_does_not_want_it__blocks(caller: Caller) -> None:
    said = caller.post("decisions", envelope(decision=llm_decision(confidence=0.5))).json()
    assert (said["verdict"], said["side"], said["reason"]) == ("block", None, "llm_confidence_below_threshold")


def test_ask__rollout__what_the_candidate_would_ask_is_no_longer_allowed(caller: Caller) -> None:
    applied(caller.workspace, policy_key=KEY, config={"values": {"threshold": 0.6}, "overrides": []})
    rollout = in_shadow(caller.workspace, policy_key=KEY, config=TWO_SIDED)
    for yes in (0.7, 0.3, 0.99, 0.55):
        judged(caller, predicate(yes))
    assert flips_of(rollout) == Flips(compared=4, to_block=2, to_allow=0, canary=0)
    asked = DecisionRecord.objects.filter(candidate_verdict="ask")
    assert sorted(asked.values_list("gate_verdict", flat=True)) == ["allow", "allow", "ask"]


def test_gateway__ask__is_in_the_answer_and_the_header_and_withheld_like_a_block(caller, model, monkeypatch, settings):
    settings.CONFIDENCE_MODEL_HOSTS = ["127.0.0.1"]
    settings.CONFIDENCE_MODEL_ALLOW_PRIVATE = True
    monkeypatch.setenv("CONFIDENCE_MODEL_KEY_TEST", "sk-of-the-model")
    connect(caller, model)
    bind(caller, "refund", "team", policy_key=KEY)
    answers = {"refund": {"type": "noul", "noul": 0.02}, "team": {"type": "noul", "noul": 0.6}}
    model.reply = reply_of("system_one", answers=answers)
    reply = ask(caller)
    assert reply["X-Confidence"] == "ask;allowed=1;answers=2"
    said = verdicts(reply)
    assert (said["refund"]["verdict"], said["refund"]["side"]) == ("allow", "no")
    assert (said["team"]["verdict"], said["team"]["side"]) == ("ask", "yes")
    connect(caller, model, withholds=True)
    reply = ask(caller).json()["answers"]
    assert (reply["team"]["type"], reply["refund"]["type"]) == ("refusal", "noul")


def test_ofrep__policy_that_asks__says_what_becomes_of_the_rest(caller: Caller) -> None:
    machine = Evaluator(caller.workspace)
    flag = machine.flag(f"{KEY}.otherwise")
    assert (flag["value"], flag["variant"], flag["metadata"]["policy_version"]) == ("ask", "ask", 0)
    assert f"{KEY}.otherwise" in {each["key"] for each in machine.flags().json()["flags"]}
    applied(caller.workspace, policy_key=KEY, config=TWO_SIDED)
    of_no = machine.flag(f"{KEY}.threshold", confidence_kind="predicate_no")
    assert (of_no["value"], of_no["reason"]) == (0.95, "TARGETING_MATCH")
    engage_kill_switch(actor=admin_of(caller.workspace), workspace=caller.workspace, reason="Stop.")
    flag = machine.flag(f"{KEY}.otherwise")
    assert (flag["value"], flag["metadata"]["gate_reason"]) == ("block", "kill_switch")
    assert not [each for each in machine.flags().json()["flags"] if each["key"].startswith("confidence_gate.otherwise")]


@pytest.mark.django_db(transaction=True)
def test_mcp__ask__is_told_to_the_agent_with_what_to_do(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    # The threads of the server live as long as the tests' process.
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)

    async def decided() -> Any:
        async with McpClient(mcp_server(caller.key.plain)) as client:
            given = {"external_id": "a", "policy_key": KEY, "answer": answer(openai_reply(predicate(0.3)))}
            return client.instructions, (await client.call_tool("decide", given)).structured_content

    instructions, said = asyncio.run(decided())
    assert (said["verdict"], said["side"]) == ("ask", "no")
    assert "On `ask`, hand the case to a person" in instructions


def test_desk__ask__has_its_badge_its_filter_and_its_words_for_review() -> None:
    workspace = WorkspaceFactory(slug="post")
    asked = DecisionRecordFactory(
        workspace=workspace, gate_verdict="ask", gate_reason="llm_confidence_below_threshold", llm_confidence="0.6"
    )
    DecisionRecordFactory(workspace=workspace)
    client = signed_in(SuperuserFactory())
    listed = client.get(reverse("admin:ledger_decisionrecord_changelist"), {"verdict": "ask"})
    assert [each.pk for each in listed.context["cl"].result_list] == [asked.pk]
    assert '<span class="badge ask">Ask a person</span>' in listed.content.decode()
    page = words(client.get(reverse("admin:ledger_decisionrecord_change", args=[asked.pk])))
    assert "A person is to decide: the confidence lay below the threshold." in page
    assert "Wrong: it was good to ask" in page


def test_ledger__verdict_that_is_none__refused_by_the_database() -> None:
    with pytest.raises(IntegrityError, match="ledger_verdict_is_known"), transaction.atomic():
        DecisionRecordFactory(gate_verdict="maybe")


def test_definition__asks_without_a_confidence_threshold__refused() -> None:
    budget = FieldDefinition(name="tokens", kind=FieldKind.BUDGET, default=100, maximum=1000)
    with pytest.raises(InvalidInput, match=r"claims\.other"):
        definitions.register(PolicyDefinition("claims.other", "", "", (budget,), asks=True))
