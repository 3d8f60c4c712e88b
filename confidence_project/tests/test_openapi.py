"""The API's description: valid, free of warnings, and true."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.test import Client

from governance.controls.services import set_audit_sampling
from governance.sampling_rates import SamplingRates, SamplingRule
from governance.tests.callers import NDJSON, Caller
from governance.tests.factories import KEY, SuperuserFactory
from ledger.labelling.rules import set_labelling_rules
from ledger.tests.bodies import envelope

JSON, PROBLEM = "application/json", "application/problem+json"


@pytest.fixture(scope="module")
def schema():
    return Client().get("/api/v1/schema?format=json", headers={"Accept": "application/vnd.oai.openapi+json"}).json()


def _ingestions(schema):
    posts = {path: operations["post"] for path, operations in schema["paths"].items() if "post" in operations}
    return {path: post for path, post in posts.items() if NDJSON in post.get("requestBody", {}).get("content", {})}


def test_schema__is_valid_and_without_warnings(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))


def test_schema__is_openapi_3_1_and_readable_without_a_key(schema):
    assert schema["openapi"].startswith("3.1")
    assert Client().get("/api/v1/schema").status_code == 200


def test_schema__every_operation_of_the_api__says_who_may_and_what_a_refusal_is(schema):
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    assert len(operations) > 20
    for operation in operations:
        assert {} not in operation["security"]
        for status in ("401", "403"):
            assert PROBLEM in operation["responses"][status]["content"]


def test_schema__null__is_said_as_openapi_3_1_says_it(schema):
    assert "nullable" not in json.dumps(schema)


def test_schema__every_body__is_required(schema):
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    bodies = [operation["requestBody"] for operation in operations if "requestBody" in operation]
    assert len(bodies) > 15
    assert {body.get("required") for body in bodies} == {True}


def test_schema__page_size_of_every_list__has_its_bounds(schema):
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    sizes = [each for one in operations for each in one.get("parameters", ()) if each["name"] == "page_size"]
    assert len(sizes) >= 8
    for size in sizes:
        assert size["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}


def test_schema__every_ingestion__documents_keys_bulks_and_conflicts(schema):
    assert len(_ingestions(schema)) == 12
    for operation in _ingestions(schema).values():
        assert operation["security"] == [{"bearerKey": []}, {"headerKey": []}]
        assert set(operation["requestBody"]["content"]) == {JSON, NDJSON}
        assert {"200", "201", "207", "400", "409", "413", "415", "422", "429", "503"} <= set(operation["responses"])


@pytest.mark.django_db
def test_schema__every_example_of_a_body__is_accepted(schema):
    caller, waiting = Caller(), _ingestions(schema)
    # Labels are about what was drawn; a judge's example is about a decision of a policy that has a judge.
    operator, everything = SuperuserFactory(), SamplingRates(rules=(SamplingRule(rate=Decimal(1)),))
    said = {"actor": operator, "workspace": caller.workspace, "reason": "Example."}
    for policy_key in ("decision_gate", KEY):
        set_audit_sampling(**said, policy_key=policy_key, rates=everything)
    set_labelling_rules(**said, policy_key=KEY, label_source="drawn", judged_share=Decimal("0.6"))
    assert caller.post("decisions", envelope(external_id="ticket-4712", policy_key=KEY)).status_code == 201
    # A later fact needs its record first: the paths that are longer wait.
    for path in sorted(waiting, key=lambda path: (path.count("/"), path)):
        for example in waiting[path]["requestBody"]["content"][JSON]["examples"].values():
            reply = caller.post(path.removeprefix("/api/v1/"), example["value"])
            assert reply.status_code in {200, 201}, (path, reply.content)


def test_docs__page_and_script__hold_nothing_inline():
    assert Client().get("/api/docs/").headers["Location"] == "/api/docs"
    page = Client().get("/api/docs")
    assert page.status_code == 200
    html = page.content.decode()
    assert "<style" not in html
    assert "<script>" not in html
    assert "'unsafe" not in page["Content-Security-Policy"]
    script = Client().get("/api/docs?script=")
    assert script["Content-Type"].startswith("application/javascript")
