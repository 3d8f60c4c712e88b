"""What comes again is the same decision; what cannot be answered is an error in the SDK's own form."""

from __future__ import annotations

import json
import time

import openai
import pytest
from django.test import Client

from governance.tests.callers import Caller
from ledger.models import DecisionRecord
from ledger.tests.through_the_gateway import (
    KEY,
    PATHS,
    SECRET,
    VARIABLE,
    ask,
    bind,
    connect,
    reply_of,
    request_of,
    verdicts,
)

pytestmark = pytest.mark.django_db


def ids(reply):
    return {name: verdict["decision_id"] for name, verdict in verdicts(reply).items()}


def test_same_body_again__same_decisions(caller, model, dialect):
    connect(caller, model, dialect)
    bind(caller, "")
    model.reply = lambda body: reply_of(dialect, usage={"input_tokens": time.monotonic_ns()})
    first, again = ask(caller, dialect), ask(caller, dialect, x_stainless_retry_count="1")
    assert ids(first) == ids(again)
    assert verdicts(first) == verdicts(again)
    assert DecisionRecord.objects.count() == 2


@pytest.mark.parametrize("later, records", [(119, 1), (130, 1), (400, 2)])
def test_same_body_later__is_another_decision_after_the_window(caller, model, monkeypatch, later, records):
    connect(caller, model)
    bind(caller, "refund")
    model.reply = reply_of("system_one")
    began = (int(time.time()) // 120) * 120 + 1.0
    for now in (began, began + later):
        monkeypatch.setattr("ledger.gateway.asking.time.time", lambda now=now: now)
        ask(caller)
    assert DecisionRecord.objects.count() == records


def test_another_body_or_another_key__is_another_decision(caller, model):
    connect(caller, model)
    bind(caller, "refund")
    model.reply = reply_of("system_one")
    ask(caller)
    ask(caller, body=request_of("system_one", state="another"))
    ask(Caller(caller.workspace))
    assert DecisionRecord.objects.count() == 3


def test_idempotency_key__holds_whatever_the_time(caller, model, monkeypatch):
    connect(caller, model)
    bind(caller, "refund")
    model.reply = reply_of("system_one")
    for later in (0, 10_000):
        monkeypatch.setattr("ledger.gateway.asking.time.time", lambda later=later: 1_800_000_000 + later)
        ask(caller, Idempotency_Key="order-17")
    assert DecisionRecord.objects.count() == 1
    ask(caller, Idempotency_Key="order-18")
    assert DecisionRecord.objects.count() == 2


def test_same_body_again__answered_otherwise__the_first_decision_is_not_lent_to_another_answer(caller, model):
    connect(caller, model)
    bind(caller, "refund")
    model.reply = reply_of("system_one")
    assert verdicts(ask(caller))["refund"]["verdict"] == "allow"
    model.reply = reply_of("system_one", answers={"refund": {"type": "noul", "noul": 0.9612}})
    said = verdicts(ask(caller))["refund"]
    assert (said["verdict"], said["reason"], said["decision_id"]) == ("block", "answered_otherwise", None)
    assert DecisionRecord.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_openai_sdk__model_fails_once__its_retry_is_the_one_decision(caller, model, live_server):
    connect(caller, model, "openai")
    bind(caller, "refund")

    def reply(body):
        model.status = 200 if len(model.requests) > 1 else 500
        return reply_of("openai")

    model.reply = reply
    with openai.OpenAI(api_key=caller.key.plain, base_url=f"{live_server.url}/v1", max_retries=2) as client:
        raw = client.decisions.with_raw_response.create(
            model="acme-latest", input=SECRET, questions=request_of("openai")["questions"]
        )
    assert json.loads(raw.text)["answers"][0]["x_confidence"]["verdict"] == "allow"
    assert (len(model.requests), DecisionRecord.objects.count()) == (2, 1)


def message_of(dialect, reply):
    told = reply.json()
    return told["detail"]["message"] if dialect == "system_one" else told["error"]["message"]


@pytest.mark.parametrize("status", [401, 403, 500, 503, 302, 204])
def test_model_fails__503_and_no_word_of_its_own(caller, model, dialect, status):
    connect(caller, model, dialect)
    bind(caller, "")
    model.status, model.reply = status, {"error": {"message": f"{KEY} is wrong"}}
    reply = ask(caller, dialect)
    assert reply.status_code == 503
    assert message_of(dialect, reply) == f"The model's server did not answer: HTTP {status}."
    assert not DecisionRecord.objects.exists()


@pytest.mark.parametrize("status", [400, 404, 422, 429])
def test_model_refuses_the_request__its_own_words_are_passed_on(caller, model, dialect, status):
    connect(caller, model, dialect)
    model.status, model.reply, model.headers = status, {"error": {"message": "criteria"}}, {"Retry-After": "7"}
    reply = ask(caller, dialect)
    assert (reply.status_code, reply.json(), reply["Retry-After"]) == (status, model.reply, "7")
    assert not DecisionRecord.objects.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"answers": {}, "answers": {}}', b'{"x": NaN}', b'{"x": 1e999}', b'{"x": "\\ud800"}'],
)
def test_model_replies_what_is_no_json_object__503(caller, model, dialect, content):
    connect(caller, model, dialect)
    model.reply = content
    reply = ask(caller, dialect)
    assert (reply.status_code, reply["Retry-After"]) == (503, "2")
    assert "JSON" in message_of(dialect, reply)


def test_model_is_silent_or_says_too_much__503(caller, model):
    connect(caller, model, timeout_seconds=0.2)
    model.reply, model.pause = reply_of("system_one"), 0.6
    assert message_of("system_one", ask(caller)) == "The model's server did not answer: no reply in time."
    connect(caller, model, max_reply_bytes=100)
    model.pause = 0
    assert message_of("system_one", ask(caller)) == "The model's server did not answer: the reply is too long."
    assert not DecisionRecord.objects.exists()


def test_host_no_longer_allowed__private_address__key_gone__503(caller, model, settings, monkeypatch):
    connect(caller, model)
    model.reply = reply_of("system_one")
    monkeypatch.delenv(VARIABLE)
    assert "key is not set" in message_of("system_one", ask(caller))
    settings.CONFIDENCE_MODEL_ALLOW_PRIVATE = False
    assert "allows" in message_of("system_one", ask(caller))
    settings.CONFIDENCE_MODEL_HOSTS = []
    assert ask(caller).status_code == 503
    assert model.requests == []


def test_google__what_its_filters_blocked__is_a_recorded_refusal(caller, model):
    connect(caller, model, "google")
    bind(caller, "refund")
    model.reply = {"prompt_feedback": {"block_reason": "safety"}}
    reply = ask(caller, "google")
    assert (reply.status_code, reply.json()) == (200, model.reply)
    assert DecisionRecord.objects.get().gate_reason == "llm_refusal"


def test_no_server__404_that_says_what_to_do(caller, dialect):
    reply = ask(caller, dialect)
    assert reply.status_code == 404
    assert "connect_model_server" in message_of(dialect, reply)


@pytest.mark.parametrize("key, status", [({"scopes": ["read"]}, 403), (None, 401)])
def test_key_without_the_scope_or_none__is_refused_in_the_sdks_form(caller, model, dialect, key, status):
    connect(caller, model, dialect)
    plain = Caller(caller.workspace, **key).key.plain if key else "nonsense"
    header = {"x-goog-api-key": plain} if dialect == "google" else {"Authorization": f"Bearer {plain}"}
    reply = Client().post(PATHS[dialect], b"{}", content_type="application/json", headers=header)
    assert reply.status_code == status
    assert message_of(dialect, reply)
    assert model.requests == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"questions": 7}', b'{"questions": {"q": "x"}}', b'{"questions": [7]}',
     b'{"questions": {}, "questions": {}}', b'{"questions": {"\\ud800": {}}}'],
)  # fmt: skip
def test_request_that_is_none__a_4xx_in_the_sdks_form_and_the_model_is_not_asked(caller, model, dialect, body):
    connect(caller, model, dialect)
    reply = ask(caller, dialect, body)
    assert 400 <= reply.status_code < 500
    assert "error" in reply.json() or "detail" in reply.json()
    assert model.requests == []


def test_case_header__reaches_the_record_and_is_held_to_its_rule(caller, model):
    connect(caller, model)
    bind(caller, "refund")
    model.reply = reply_of("system_one")
    ask(caller, X_Confidence_Case="ticket-1")
    assert DecisionRecord.objects.get().case_key == "ticket-1"
    assert ask(caller, X_Confidence_Case="Ann Example").status_code == 422
