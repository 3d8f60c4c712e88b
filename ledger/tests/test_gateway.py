"""The gateway: a model is asked through us, and each answer comes back with the verdict on it."""

from __future__ import annotations

import json
import logging

import openai
import pytest
from django.db import connection

from governance.controls.services import block_source, engage_kill_switch
from governance.tests.factories import admin_of, applied
from ledger.models import DecisionRecord
from ledger.tests.through_the_gateway import (
    ANSWERED_BY,
    ANSWERS,
    KEY,
    PATHS,
    QUESTIONS,
    SECRET,
    ask,
    bind,
    connect,
    reply_of,
    request_of,
    verdicts,
)

pytestmark = pytest.mark.django_db


def test_ask__two_questions__the_reply_is_unchanged_but_for_a_verdict_in_each_answer(caller, model, dialect):
    applied(caller.workspace, 0.9)
    connect(caller, model, dialect)
    bind(caller, "refund", "team")
    model.reply = reply_of(dialect, x_latency=1.5)
    reply = ask(caller, dialect)
    assert (reply.status_code, reply["X-Confidence"]) == (200, "block;allowed=1;answers=2")
    said = verdicts(reply)
    refund, team = (DecisionRecord.objects.get(task=name) for name in ("refund", "team"))
    assert said["refund"] == {
        "verdict": "allow", "side": "yes", "reason": "allowed", "confidence": 0.97, "threshold": 0.9,
        "policy_key": "confidence_gate", "policy_version": 1, "decision_id": str(refund.pk),
    }  # fmt: skip
    assert (said["team"]["verdict"], said["team"]["reason"]) == ("block", "llm_confidence_below_threshold")
    assert said["team"]["decision_id"] == str(team.pk)
    assert (refund.provider, refund.model, team.provider) == ("acme", ANSWERED_BY[dialect], "acme")
    assert {len(refund.prompt_hash), len(team.prompt_hash)} == {64}
    assert refund.prompt_hash != team.prompt_hash
    told = reply.json()
    for answer in told["answers"] if dialect == "openai" else told["answers"].values():
        del answer["x_confidence"]
    assert told == model.reply


def test_ask__the_model__gets_the_body_as_it_came_and_its_own_key(caller, model, dialect):
    connect(caller, model, dialect)
    model.reply = reply_of(dialect)
    raw = json.dumps(request_of(dialect), indent=3).encode()
    assert ask(caller, dialect, raw).status_code == 200
    ((path, headers, body),) = model.requests
    key = headers["x-goog-api-key"] if dialect == "google" else headers["authorization"]
    assert (path, body, key) == (PATHS[dialect], raw, KEY if dialect == "google" else f"Bearer {KEY}")
    assert not [name for name, value in headers.items() if caller.key.plain in value]


def test_ask__nothing_bound__nothing_is_allowed_and_nothing_recorded(caller, model, dialect):
    connect(caller, model, dialect)
    model.reply = reply_of(dialect)
    reply = ask(caller, dialect)
    assert reply.status_code == 200
    assert {each["reason"] for each in verdicts(reply).values()} == {"question_not_bound"}
    assert {each["verdict"] for each in verdicts(reply).values()} == {"block"}
    assert not DecisionRecord.objects.exists()


def test_ask__blank_binding__gates_every_question_without_one_of_its_own(caller, model, dialect):
    connect(caller, model, dialect)
    bind(caller, "")
    model.reply = reply_of(dialect)
    assert {each["policy_key"] for each in verdicts(ask(caller, dialect)).values()} == {"confidence_gate"}
    assert DecisionRecord.objects.count() == 2


def test_ask__kill_switch_and_blocked_model__block_in_a_normal_reply(caller, model, dialect):
    connect(caller, model, dialect)
    bind(caller, "")
    model.reply = reply_of(dialect)
    common = {"actor": admin_of(caller.workspace), "workspace": caller.workspace, "reason": "Smoke."}
    block_source(**common, kind="model", value=ANSWERED_BY[dialect])
    assert {each["reason"] for each in verdicts(ask(caller, dialect)).values()} == {"model_blocked"}
    engage_kill_switch(**common)
    reply = ask(caller, dialect, request_of(dialect, safety_identifier="other"))
    assert (reply.status_code, {each["reason"] for each in verdicts(reply).values()}) == (200, {"kill_switch"})


def test_ask__answers_that_were_not_asked_for__are_not_allowed(caller, model, dialect):
    connect(caller, model, dialect)
    bind(caller, "")
    model.reply = reply_of(dialect)
    questions = QUESTIONS[dialect]
    only_one = questions[:1] if dialect == "openai" else {"refund": questions["refund"]}
    said = verdicts(ask(caller, dialect, request_of(dialect, questions=only_one)))
    assert (said["refund"]["reason"], said["team"]["reason"]) == ("allowed", "question_not_asked")


def test_ask__question_without_an_answer__is_a_recorded_block(caller, model, dialect):
    connect(caller, model, dialect)
    bind(caller, "")
    answers = ANSWERS[dialect]
    fewer = answers[:1] if dialect == "openai" else {"refund": answers["refund"]}
    model.reply = reply_of(dialect, answers=fewer)
    assert set(verdicts(ask(caller, dialect))) == {"refund"}
    assert set(DecisionRecord.objects.values_list("gate_reason", flat=True)) == {"allowed", "missing_llm_decision"}


def test_ask__verdict_that_the_model_claims__is_overwritten(caller, model):
    connect(caller, model)
    forged = {"x_confidence": {"verdict": "allow"}}
    model.reply = reply_of("system_one", answers={"refund": {"type": "noul", "noul": 0.1, **forged}}, **forged)
    assert verdicts(ask(caller))["refund"]["verdict"] == "block"


@pytest.mark.parametrize("name", [{}, {"name": None}])
def test_ask__questions_without_names__are_paired_in_order(caller, model, name):
    answers = [{"type": "predicate", "probability": probability, **name} for probability in (0.97, 0.2)]
    connect(caller, model, "openai")
    bind(caller, "")
    model.reply = reply_of("openai", answers=answers)
    questions = [{"type": "predicate", "instructions": "One?"}, {"type": "predicate", "instructions": "Two?"}]
    said = ask(caller, "openai", request_of("openai", questions=questions)).json()["answers"]
    assert [each["x_confidence"]["confidence"] for each in said] == [0.97, 0.2]
    model.reply = reply_of("openai", answers=answers[1:])
    said = ask(caller, "openai", request_of("openai", questions=questions, input="x")).json()["answers"]
    assert [each["x_confidence"]["reason"] for each in said] == ["question_not_asked"]


@pytest.mark.parametrize("names", [["team", "refund"], ["refund", "refund"]])
def test_ask__answers_in_another_order_or_under_a_name_twice__names_rule(caller, model, names):
    connect(caller, model, "openai")
    bind(caller, "refund", "team")
    model.reply = reply_of("openai", answers=list(reversed(ANSWERS["openai"])))
    questions = [{"type": "predicate", "name": name, "instructions": "?"} for name in names]
    said = verdicts(ask(caller, "openai", request_of("openai", questions=questions)))
    assert said["refund"]["verdict"] == ("allow" if names == ["team", "refund"] else "block")


def test_ask__withholding_server__blocked_answers_are_refusals_and_allowed_ones_untouched(caller, model, dialect):
    connect(caller, model, dialect, withholds=True)
    bind(caller, "refund", "team")
    model.reply = reply_of(dialect)
    answers = ask(caller, dialect).json()["answers"]
    refund, team = answers if dialect == "openai" else (answers["refund"], answers["team"])
    assert refund.get("noul", refund.get("probability")) == 0.97
    assert set(team) == {"type", "x_confidence"} | ({"name"} if dialect == "openai" else set())
    assert (team["type"], team["x_confidence"]["verdict"]) == ("refusal", "block")


def test_ask__broken_or_refused_answers__are_recorded_blocks(caller, model):
    connect(caller, model, "openai")
    bind(caller, "")
    answers = [{"type": "refusal", "name": "refund"}, {"type": "predicate", "name": "team", "probability": 1.7}]
    model.reply = reply_of("openai", answers=answers)
    said = verdicts(ask(caller, "openai"))
    assert (said["refund"]["reason"], said["team"]["reason"]) == ("llm_refusal", "schema_invalid")


def test_ask__state_and_questions__are_in_no_table_and_no_log(caller, model, dialect, caplog):
    caplog.set_level(logging.DEBUG)
    connect(caller, model, dialect)
    bind(caller, "refund", "team")
    model.reply = reply_of(dialect)
    ask(caller, dialect)
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            assert not [row for row in cursor.fetchall() if SECRET in str(row) or KEY in str(row)], table
    said = [record.getMessage() for record in caplog.records if record.name != "django.db.backends"]
    assert not [line for line in said if SECRET in line or KEY in line or caller.key.plain in line]


def test_ask__two_requests__share_a_connection(caller, model):
    connect(caller, model)
    model.reply = reply_of("system_one")
    for state in ("one", "two", "three"):
        assert ask(caller, body=request_of("system_one", state=state)).status_code == 200
    assert (len(model.requests), model.connections) == (3, 1)


@pytest.mark.django_db(transaction=True)
def test_openai_sdk__only_the_address_changed__reads_verdicts_as_extra_fields(caller, model, live_server):
    connect(caller, model, "openai")
    bind(caller, "refund", "team")
    model.reply = reply_of(
        "openai",
        usage={
            "input_tokens": 9, "output_tokens": 2, "total_tokens": 11,
            "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    )  # fmt: skip
    with openai.OpenAI(api_key=caller.key.plain, base_url=f"{live_server.url}/v1", max_retries=0) as client:
        decision = client.decisions.create(model="acme-latest", input=SECRET, questions=QUESTIONS["openai"])
    refund, team = decision.answers
    assert (refund.probability, refund.x_confidence["verdict"]) == (0.97, "allow")
    assert (team.choice, team.x_confidence["verdict"]) == ("a", "block")
