"""The OpenAPI document and the server agree: on replies that hold next to nothing, and on which bodies are taken."""

from __future__ import annotations

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from governance.tests.callers import Caller
from ledger.tests.bodies import llm_decision

pytestmark = pytest.mark.django_db

AT = "2026-01-31T09:30:00Z"
DRAFT = {"external_id": "a", "action": "hold"}
BOOKING = {"external_id": "a"}
OVERSEER = {"external_id": "a", "message_ref": "m", "stage": "gate", "decision": "book"}
DECISION = {"external_id": "a", "policy_key": "confidence_gate"}
ANSWER = {"dialect": "openai", "provider": "acme", "response": {}}
OUTCOME = {"external_id": "o", "success": True, "source": "human_review"}


@pytest.fixture(scope="module")
def document():
    return Client().get("/api/v1/schema?format=json", headers={"Accept": "application/vnd.oai.openapi+json"}).json()


@pytest.fixture
def caller():
    return Caller()


def what_is_wrong(document, value, schema):
    validator = Draft202012Validator({**schema, "components": document["components"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def schema_of_reply(document, path, method, status):
    content = document["paths"][f"/api/v1/{path}"][method]["responses"][str(status)]["content"]
    return content["application/json"]["schema"]


BARE = [
    ("interactions", {"external_id": "a"}),
    ("drafts", DRAFT),
    ("overseer-decisions", OVERSEER),
    ("bookings", BOOKING),
    ("decisions", DECISION),
    ("decisions", {**DECISION, "decision": {}}),
    ("decisions", {**DECISION, "decision": llm_decision()}),
]


@pytest.mark.parametrize("path, body", BARE)
def test_replies__about_a_record_with_blanks_and_nulls__are_as_described(document, caller, path, body):
    for status in (201, 200):
        reply = caller.post(path, body)
        assert reply.status_code == status
        assert what_is_wrong(document, reply.json(), schema_of_reply(document, path, "post", status)) == []
    listed = caller.get(path)
    assert what_is_wrong(document, listed.json(), schema_of_reply(document, path, "get", 200)) == []
    (record,) = listed.json()["results"]
    alone = caller.get(f"{path}/{record.get('id') or record['decision_id']}")
    assert alone.status_code == 200
    assert what_is_wrong(document, alone.json(), schema_of_reply(document, f"{path}/{{id}}", "get", 200)) == []


BODIES = [
    *[("drafts", body) for body in (DRAFT, [DRAFT], [], {**DRAFT, "action": ""})],
    *[("interactions", {"external_id": "a", "input_tokens": n}) for n in (12, 12.0, 12.5, -1, 2**31, "12", True, None)],
    *[("bookings", {**BOOKING, **outcome}) for outcome in (
        {"outcome": None, "outcome_at": None},
        {"outcome": "kept", "outcome_at": AT},
        {"outcome": "kept", "outcome_at": None},
        {"outcome": "kept"},
        {"outcome_at": AT},
    )],
    *[("overseer-decisions", {**OVERSEER, **changes}) for changes in (
        {},
        {"human_override": "deny", "overridden_at": AT},
        {"human_override": "deny"},
        {"stage": "booking_gate"},
        {"stage": "booking_gate", "decision": "approve"},
    )],
    *[("decisions", {**DECISION, **changes}) for changes in (
        {},
        {"answer": ANSWER},
        {"answer": ANSWER, "decision": None},
        {"answer": ANSWER, "decision": llm_decision()},
        {"answer": ANSWER, "confidence_kind": "classifier"},
    )],
    *[("outcomes", {**OUTCOME, **names}) for names in (
        {"decision_external_id": "a"},
        {"decision_external_id": "a", "decision_id": None},
        {"decision_external_id": "a", "decision_id": "01890a5d-ac96-774b-bcce-b302099a8057"},
        {},
    )],
]  # fmt: skip


@pytest.mark.parametrize("path, body", BODIES)
def test_body__that_the_document_allows_or_forbids__is_taken_or_refused(document, caller, path, body):
    caller.post("decisions", DECISION) if path == "outcomes" else None
    content = document["paths"][f"/api/v1/{path}"]["post"]["requestBody"]["content"]
    allowed = what_is_wrong(document, body, content["application/json"]["schema"]) == []
    assert caller.post(path, body).status_code == (201 if allowed else 422)


def test_count__as_a_float_that_is_whole__is_the_integer(caller):
    kept = caller.post("interactions", {"external_id": "a", "input_tokens": 12.0}).json()
    assert repr(kept["input_tokens"]) == "12"
