"""Answers of decision models at the gate: which answer counts, what its confidence is, and what blocks."""

from __future__ import annotations

from decimal import Decimal

import openai
import pytest
from openai.types import Decision

from governance import definitions
from governance.answer_rules import AnswerRule, PredicateReading
from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition
from governance.tests.callers import Caller
from governance.tests.factories import WorkspaceFactory
from ledger.models import DecisionRecord
from ledger.pipelines.decision_models import read_answer
from ledger.pipelines.decisions import decide
from ledger.tests.bodies import PROMPT_HASH, llm_decision, submission
from ledger.tests.pipelines.replies import (
    answer,
    choice,
    openai_reply,
    predicate,
    refusal,
    score,
    system_one_reply,
)
from telemetry.tests.openai_server import SECRET, reply, running_server

pytestmark = pytest.mark.django_db

YES, MAX = "filing.yes", "filing.max"


@pytest.fixture(autouse=True)
def policies(monkeypatch):
    """Two policies that ask whether it is safe to file, and differ in how they read a predicate."""
    monkeypatch.setattr(definitions.DEFINITIONS, "things", dict(definitions.DEFINITIONS.things))
    threshold = FieldDefinition(name="threshold", kind=FieldKind.CONFIDENCE_THRESHOLD, default=0.9)
    for key, reading in ((YES, PredicateReading.YES), (MAX, PredicateReading.MAX)):
        rule = AnswerRule(question="safe_to_file", confidence=reading)
        definitions.register(PolicyDefinition(key, "Filing", "", (threshold,), answer=rule))


@pytest.fixture
def workspace():
    return WorkspaceFactory()


def gated(workspace, sent, policy_key=YES, **changes):
    asked = submission(policy_key=policy_key, decision=None, answer=sent, **changes)
    return decide(workspace=workspace, submission=asked).record


OPENAI = [
    (YES, predicate(0.95), "0.9500", "predicate_yes", "allowed"),
    (YES, predicate(0.05), "0.0500", "predicate_yes", "llm_confidence_below_threshold"),
    (MAX, predicate(0.05), "0.9500", "predicate_max", "allowed"),
    (MAX, predicate(0.5), "0.5000", "predicate_max", "llm_confidence_below_threshold"),
    (MAX, predicate(1), "1.0000", "predicate_max", "allowed"),
    (YES, choice(), "0.9500", "choice_probability", "allowed"),
    (YES, choice(confidence=None), "0.9500", "choice_probability", "allowed"),
    (YES, choice(probabilities=None), "0.9300", "openai_choice", "allowed"),
    (YES, choice(confidence=0.89996, probabilities=None), "0.9000", "openai_choice", "allowed"),
    (YES, choice(confidence=0.89994, probabilities=None), "0.8999", "openai_choice", "llm_confidence_below_threshold"),
    (MAX, score(), "0.9100", "openai_score", "allowed"),
]


@pytest.mark.parametrize("policy_key, given, confidence, kind, reason", OPENAI)
def test_gate__openai_answer__confidence_by_the_policys_rule(workspace, policy_key, given, confidence, kind, reason):
    record = gated(workspace, answer(openai_reply(given)), policy_key)
    assert record.gate_reason == reason
    assert (record.llm_confidence, record.confidence_kind) == (Decimal(confidence), kind)
    assert (record.provider, record.model, record.task) == ("acme", "gpt-6-luna-2026-09-30", "safe_to_file")
    assert record.schema_valid
    assert record.action_type is None


SYSTEM_ONE = [
    (YES, {"type": "noul", "noul": 0.95}, "0.9500", "predicate_yes", "allowed"),
    (MAX, {"type": "noul", "noul": 0.02}, "0.9800", "predicate_max", "allowed"),
    (
        YES,
        {"type": "choice", "choice": "file", "confidence": 0.8, "probabilities": {"file": 0.9, "hold": 0.1}},
        "0.9000",
        "choice_probability",
        "allowed",
    ),
    (
        YES,
        {
            "type": "score",
            "score": 0.1,
            "legend": {"0": "calm", "1": "hot"},
            "confidence": 0.92,
            "probabilities": [0.9, 0.1],
        },
        "0.9200",
        "system_one_score",
        "allowed",
    ),
]


@pytest.mark.parametrize("policy_key, given, confidence, kind, reason", SYSTEM_ONE)
def test_gate__system_one_answer__confidence_by_the_policys_rule(
    workspace, policy_key, given, confidence, kind, reason
):
    sent = answer(system_one_reply(safe_to_file=given, other={"type": "noul", "noul": 0.5}), "system_one")
    record = gated(workspace, sent, policy_key)
    assert record.gate_reason == reason
    assert (record.llm_confidence, record.confidence_kind) == (Decimal(confidence), kind)
    assert (record.model, record.task) == ("jev-1.14.0", "safe_to_file")


def test_gate__refusal__blocks_with_its_own_reason(workspace):
    record = gated(workspace, answer(openai_reply(predicate(0.99, "another"), refusal())))
    assert (record.gate_verdict, record.gate_reason, record.llm_confidence) == ("block", "llm_refusal", None)
    assert record.model == "gpt-6-luna-2026-09-30"


def test_gate__another_question_refused_or_broken__does_not_count(workspace):
    others = [refusal("tone"), {"type": "essay", "name": "style"}, {"probability": "much"}]
    assert gated(workspace, answer(openai_reply(*others, predicate(0.95)))).gate_reason == "allowed"


def test_gate__question_not_answered__missing(workspace):
    record = gated(workspace, answer(openai_reply(predicate(0.99, "another"))))
    assert (record.gate_reason, record.schema_valid) == ("missing_llm_decision", True)
    assert gated(workspace, answer(openai_reply())).gate_reason == "missing_llm_decision"


BROKEN = [
    openai_reply(predicate(1.2)),
    openai_reply(predicate(-0.01)),
    openai_reply(predicate(float("nan"))),
    openai_reply(predicate("0.95")),
    openai_reply(predicate(None)),
    openai_reply(predicate(True)),
    openai_reply(choice("neither")),
    # A boolean is not the string of the same text, in either direction.
    openai_reply(choice("true", probabilities=[{"value": True, "probability": 0.95}])),
    openai_reply(choice(True, probabilities=[{"value": "true", "probability": 0.95}])),
    openai_reply(choice(probabilities=[])),
    openai_reply(score(confidence=7)),
    openai_reply({"type": 7, "name": "safe_to_file"}),
    openai_reply(predicate(0.95), predicate(0.99)),
    {"answers": [predicate(0.95)]},
    {"model": "two words", "answers": [predicate(0.95)]},
    {"model": "gpt-6-luna", "answers": {"safe_to_file": predicate(0.95)}},
    ["no object"],
    SECRET,
    None,
]


@pytest.mark.parametrize("response", BROKEN)
def test_gate__broken_reply__is_a_recorded_block(workspace, response):
    record = gated(workspace, answer(response))
    assert (record.gate_verdict, record.gate_reason, record.schema_valid) == ("block", "schema_invalid", False)
    assert record.llm_confidence is None
    assert record.provider == "acme"


def system_one_choice(chosen="a", confidence=0.8, probabilities=None, **more):
    options = probabilities or {"a": 0.9, "b": 0.1}
    return {"type": "choice", "choice": chosen, "confidence": confidence, "probabilities": options, **more}


INCOHERENT = [
    ("openai", choice("b", probabilities=[{"value": "a", "probability": 0.9}, {"value": "b", "probability": 0.1}])),
    ("openai", choice("a", probabilities=[{"value": "a", "probability": 0.9}, {"value": "b", "probability": 0.8}])),
    ("system_one", system_one_choice("b")),
    ("system_one", system_one_choice(probabilities={"a": 0.9, "b": 0.8})),
    ("system_one", system_one_choice(probabilities={"a": 0.2, "b": 0.1})),
    ("system_one", system_one_choice(probabilities={"a": 0.9, "b": 0.16})),
    ("system_one", system_one_choice(confidence=0.99, probabilities={"a": 0.4, "b": 0.35, "c": 0.25})),
    ("system_one", {"type": "score", "score": 3, "confidence": 0.4, "probabilities": {"0": 0.1, "1": 0.2, "2": 0.7}}),
    ("system_one", {"type": "score", "score": -0.1, "confidence": 0.4, "probabilities": {"0": 0.9, "1": 0.1}}),
]
"""Answers that contradict themselves, in ways that a high confidence would hide."""


@pytest.mark.parametrize("dialect, given", INCOHERENT)
def test_gate__answer_that_contradicts_itself__blocked_and_its_place_is_told(workspace, dialect, given):
    reply = openai_reply(given) if dialect == "openai" else system_one_reply(safe_to_file=given)
    record = gated(workspace, answer(reply, dialect), YES)
    assert (record.gate_reason, record.llm_confidence) == ("schema_invalid", None)
    assert record.schema_problems[0]["pointer"].startswith("/answer/response/answers/")


COHERENT = [
    system_one_choice(confidence=0.0, probabilities={"a": 0.5, "b": 0.5}),
    system_one_choice(confidence=0.43, probabilities={"a": 0.62, "b": 0.2, "c": 0.15}),
    system_one_choice(confidence=0.95, probabilities={"a": 0.95, "b": 0.05}),
    system_one_choice(confidence=0.9, probabilities={"a": 0.95, "b": 0.05}),
    system_one_choice(confidence=0.714, probabilities={"a": 0.95, "b": 0.05}),
    system_one_choice(confidence=1, probabilities={"a": 1, "b": 0}),
    system_one_choice(confidence=1, probabilities={"a": 1}),
    system_one_choice(abstain=False, unknown_probability=0.02),
    {name: value for name, value in system_one_choice().items() if name != "type"},
    {"noul": 0.97},
    {"score": 1.6, "confidence": 0.4, "probabilities": {"0": 0.1, "1": 0.2, "2": 0.7}},
]


@pytest.mark.parametrize("given", COHERENT)
def test_gate__answer_that_agrees_with_itself__is_read(workspace, given):
    record = gated(workspace, answer(system_one_reply(safe_to_file=given), "system_one"), YES)
    assert record.schema_valid
    chances = given["probabilities"] if "choice" in given else {}
    stated = chances.get(given.get("choice"), given.get("noul", given.get("confidence")))
    assert record.llm_confidence == Decimal(str(stated))


@pytest.mark.parametrize(
    "field, reason", [("abstain", "llm_abstention"), ("unknown", "llm_abstention"), ("uncertain", "llm_refusal")]
)
def test_gate__answer_that_abstains__blocks_whatever_its_confidence(workspace, field, reason):
    given = system_one_choice(confidence=1.0, probabilities={"a": 1.0, "b": 0.0}, **{field: True})
    record = gated(workspace, answer(system_one_reply(safe_to_file=given), "system_one"), YES)
    assert (record.gate_verdict, record.gate_reason, record.llm_confidence) == ("block", reason, None)


def test_gate__type_of_another_dialect__is_not_known(workspace):
    record = gated(workspace, answer(openai_reply({"type": "noul", "name": "safe_to_file", "noul": 0.99})))
    assert (record.gate_reason, record.schema_valid) == ("unknown_answer_type", True)


def test_gate__boolean_choice__is_a_value_of_its_own(workspace):
    options = [{"value": True, "probability": 0.95}, {"value": "true", "probability": 0.05}]
    assert gated(workspace, answer(openai_reply(choice(True, probabilities=options)))).gate_reason == "allowed"


def test_gate__rule_without_question__takes_the_only_answer(workspace):
    unnamed = gated(workspace, answer(openai_reply(predicate(0.95, None))), "confidence_gate", task="filing")
    assert (unnamed.gate_reason, unnamed.task) == ("allowed", "filing")
    named = gated(
        workspace, answer(system_one_reply(q={"type": "noul", "noul": 0.95}), "system_one"), "confidence_gate"
    )
    assert (named.gate_reason, named.task) == ("allowed", "q")
    several = gated(workspace, answer(openai_reply(predicate(0.95, "a"), predicate(0.99, "b"))), "confidence_gate")
    assert (several.gate_reason, several.task) == ("question_not_named", "")
    assert "names no question" in several.schema_problems[0]["detail"]


def test_gate__policy_with_a_risk_threshold__asks_for_the_risk_score_too(workspace):
    sent = answer(openai_reply(predicate(0.95)))
    assert gated(workspace, sent, "decision_gate").gate_reason == "missing_risk_score"
    assert gated(workspace, sent, "decision_gate", ml_risk_score=0.1).gate_reason == "allowed"
    assert gated(workspace, sent, "decision_gate", ml_risk_score=0.7).gate_reason == "ml_risk_threshold_exceeded"


def test_gate__prompt_hash_of_the_questions__is_kept(workspace):
    assert gated(workspace, answer(openai_reply(predicate(0.95)), prompt_hash=PROMPT_HASH)).prompt_hash == PROMPT_HASH


def test_read_answer__decision_of_the_openai_sdk__asked_over_http():
    with running_server() as server:
        server.plan(reply(openai_reply(refusal("tone"), predicate(0.9612))))
        client = openai.OpenAI(base_url=server.url, api_key="none", max_retries=0)
        decision = client.decisions.create(
            model="gpt-6-luna",
            input="Is it safe?",
            questions=[{"type": "predicate", "name": "safe_to_file", "instructions": "It is safe to file."}],
        )
        client.close()
    assert isinstance(decision, Decision)
    read = read_answer("openai", decision, definitions.get_definition(YES).answer)
    assert (read.confidence, read.model, read.question) == (0.9612, "gpt-6-luna-2026-09-30", "safe_to_file")


def test_post__answer_in_place_of_a_decision__verdict():
    caller = Caller()
    body = {"external_id": "a1", "policy_key": YES, "answer": answer(openai_reply(predicate(0.95)))}
    first = caller.post("decisions", body)
    assert (first.status_code, first.json()["verdict"]) == (201, "allow")
    again = caller.post("decisions", body)
    assert (again.status_code, again.json()) == (200, first.json())
    broken = caller.post("decisions", {**body, "external_id": "a2", "answer": answer({"model": SECRET})})
    assert (broken.status_code, broken.json()["reason"]) == (201, "schema_invalid")
    assert SECRET not in str(list(DecisionRecord.objects.values()))


REFUSED = [
    {"decision": llm_decision()},
    {"confidence_kind": "classifier"},
    {"answer": answer({}, "morse")},
    {"answer": {"dialect": "openai", "provider": "acme"}},
    {"answer": answer({}, provider="a sentence about someone")},
    {"policy_key": "auto_send.evaluate"},
]


@pytest.mark.parametrize("change", REFUSED)
def test_post__envelope_that_makes_no_sense__422_and_no_record(change):
    body = {"external_id": "a1", "policy_key": YES, "answer": answer(openai_reply(predicate(0.95))), **change}
    refused = Caller().post("decisions", body)
    assert refused.status_code == 422
    assert "about someone" not in refused.content.decode()
    assert not DecisionRecord.objects.exists()
