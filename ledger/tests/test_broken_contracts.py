"""A decision that breaks its contract is a recorded block that says where and by which rule, and never with what."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.apps import apps
from django.urls import reverse

from governance.tests.browser import signed_in, words
from governance.tests.callers import Caller
from governance.tests.factories import viewer_of
from ledger.models import DecisionRecord
from ledger.tests.bodies import envelope, llm_decision
from ledger.tests.entries import only_entry
from ledger.transparency.leaves import DECISIONS

pytestmark = pytest.mark.django_db

SECRET = "ms smith has measles"
WORD = "ms_smith_has_measles"

FIELDS = [
    "risk_summary", "likely_root_cause", "confidence", "recommended_action", "provider", "model", "prompt_hash",
]  # fmt: skip


@pytest.fixture
def caller():
    return Caller()


def openai(*answers: Any, **changes: Any) -> dict[str, Any]:
    return {"dialect": "openai", "provider": "acme", "response": {"model": "m", "answers": list(answers), **changes}}


def system_one(answers: Any, model: Any = "jev-1") -> dict[str, Any]:
    return {"dialect": "system_one", "provider": "acme", "response": {"model": model, "answers": answers}}


def predicate(**changes: Any) -> dict[str, Any]:
    return {"type": "predicate", "probability": 0.97, **changes}


CHOICE = {"type": "choice", "choice": "file", "confidence": 0.9, "probabilities": {"file": 0.9, "keep": 0.1}}

DECISIONS_SENT = [
    (llm_decision(model="GPT 4o"), [("/decision/model", "name")]),
    ({"confidence": 0.93}, [(f"/decision/{name}", "missing") for name in FIELDS if name != "confidence"]),
    (llm_decision(confidence="0.93"), [("/decision/confidence", "float_type")]),
    (llm_decision(confidence=85), [("/decision/confidence", "less_than_equal")]),
    (llm_decision(provider="Azure OpenAI"), [("/decision/provider", "name")]),
    (llm_decision(**{WORD: "x"}), [("/decision/*", "extra_forbidden")]),
    (llm_decision(**{SECRET: SECRET}), [("/decision/*", "extra_forbidden")]),
    (llm_decision(recommended_action={"type": WORD}), [("/decision/recommended_action/type", "action")]),
    (llm_decision(recommended_action={"type": SECRET}), [("/decision/recommended_action/type", "name")]),
    (llm_decision(recommended_action=SECRET), [("/decision/recommended_action", "model_type")]),
    (llm_decision(prompt_hash=SECRET), [("/decision/prompt_hash", "string_pattern_mismatch")]),
    (SECRET, [("/decision", "model_type")]),
    ([], [("/decision", "model_type")]),
]

AT = "/answer/response"
ANSWERS_SENT = [
    (system_one({"q": {"type": "noul", "noul": 0.9}}, model="Decider English"), [("/model", "name")]),
    (system_one({"is_spam": {"confidence": 0.9}}), [("/answers/is_spam/type", "missing")]),
    (system_one({"is_spam": {**CHOICE, "type": [SECRET]}}), [("/answers/is_spam/type", "type")]),
    (system_one({SECRET: {"type": "noul", "noul": 1.2}}), [("/answers/*/noul", "less_than_equal")]),
    (system_one({"q": {**CHOICE, "choice": WORD}}), [("/answers/q", "option")]),
    (system_one({"q": {**CHOICE, "probabilities": {WORD: 7}}}), [("/answers/q/probabilities/*", "less_than_equal")]),
    (system_one(SECRET), [("/answers", "dict_type")]),
    (openai(predicate(probability="0.9")), [("/answers/0/probability", "float_type")]),
    (openai(predicate(name="q"), predicate(name="q")), [("/answers", "repeated")]),
    (openai({"type": "predicate"}), [("/answers/0/probability", "missing")]),
    (openai(SECRET), [("/answers/0", "dict_type")]),
    (openai({**CHOICE, "choice": 1, "probabilities": [{"value": 7, "probability": 0.9}]}),
     [("/answers/0/choice", "option"), ("/answers/0/probabilities/0/value", "option")]),
    (openai(predicate(), model=None), [("/model", "missing")]),
    (openai(predicate(), model=7), [("/model", "string_type")]),
    ({"dialect": "openai", "provider": "acme", "response": SECRET}, [("", "model_type")]),
]  # fmt: skip

SENT = [
    *(({"decision": decision}, expected) for decision, expected in DECISIONS_SENT),
    *(
        ({"decision": None, "answer": answer}, [(AT + pointer, code) for pointer, code in expected])
        for answer, expected in ANSWERS_SENT
    ),
]


def told(errors):
    return [(error["pointer"], error["code"]) for error in errors]


@pytest.mark.parametrize("changes, expected", SENT)
def test_decide__broken__block_that_names_fields_and_rules(caller, changes, expected, caplog):
    caplog.set_level(logging.DEBUG)
    body = envelope(**changes)
    reply = caller.post("decisions", body)
    assert (reply.status_code, reply.json()["reason"]) == (201, "schema_invalid")
    assert told(reply.json()["errors"]) == expected
    assert all(error["detail"] for error in reply.json()["errors"])
    record = DecisionRecord.objects.get()
    assert (record.schema_valid, record.schema_problems) == (False, reply.json()["errors"])
    again = caller.post("decisions", body)
    assert (again.status_code, again.json()) == (200, reply.json())
    shown = caller.get(f"decisions/{record.pk}")
    assert shown.json()["errors"] == reply.json()["errors"]
    everything = [
        str(list(model._base_manager.values())) for model in apps.get_models() if model._meta.app_label == "ledger"
    ]
    said = "".join([reply.content.decode(), shown.content.decode(), caplog.text, *everything])
    assert not [text for text in (SECRET, WORD, "GPT 4o", "Azure OpenAI", "Decider English") if text in said]


def test_decide__sound__has_no_errors_and_an_entry_as_ever(caller):
    assert caller.post("decisions", envelope(decision=llm_decision(model="/mnt/models"))).json()["errors"] == []
    entry = json.loads(only_entry(DECISIONS))
    assert (entry["v"], "schema_problems" in entry) == (1, False)


def test_decide__no_decision__is_not_broken(caller):
    reply = caller.post("decisions", envelope(decision=None)).json()
    assert (reply["reason"], reply["errors"]) == ("missing_llm_decision", [])


def test_bulk__broken_item__has_its_errors_beside_its_verdict(caller):
    items = [envelope(), envelope(decision=llm_decision(confidence=85)), envelope()]
    for _ in range(2):
        results = caller.post("decisions", items).json()["results"]
        assert [told(result["errors"]) for result in results] == [
            [],
            [("/decision/confidence", "less_than_equal")],
            [],
        ]


def test_bulk__copied_into_the_database__as_one_by_one(caller):
    # More than a handful go by COPY where there is one.
    items = [envelope(decision=llm_decision(confidence=85)) for _ in range(20)]
    caller.post("decisions", [*items, envelope()])
    assert DecisionRecord.objects.filter(schema_problems__isnull=True).count() == 1
    assert DecisionRecord.objects.filter(schema_problems__isnull=False).count() == 20


def test_kill_switch__hides_no_error(caller):
    caller.workspace.automation_enabled = False
    caller.workspace.save()
    reply = caller.post("decisions", envelope(decision=llm_decision(confidence=85))).json()
    assert reply["reason"] == "automation_disabled"
    assert told(reply["errors"]) == [("/decision/confidence", "less_than_equal")]


def test_errors__more_than_anybody_reads__are_cut_off(caller):
    decision = {f"unknown_{number}": number for number in range(100)}
    assert len(caller.post("decisions", envelope(decision=decision)).json()["errors"]) == 20


def test_page__of_a_broken_decision__names_fields_and_rules(caller):
    made = caller.post("decisions", envelope(decision=llm_decision(confidence=85, model="GPT 4o"))).json()
    address = reverse("admin:ledger_decisionrecord_change", args=[made["decision_id"]])
    said = words(signed_in(viewer_of(caller.workspace)).get(address))
    for error in made["errors"]:
        assert f"{error['pointer']} {error['detail']}" in said
    assert "no white space" in said
    assert "GPT 4o" not in said


def test_leaf__of_a_broken_decision__commits_to_what_was_said_of_it(caller):
    caller.post("decisions", envelope(decision=llm_decision(confidence=85)))
    entry = json.loads(only_entry(DECISIONS))
    assert entry["v"] == 2
    assert told(entry["schema_problems"]) == [("/decision/confidence", "less_than_equal")]
    assert entry["schema_problems"] == DecisionRecord.objects.get().schema_problems
