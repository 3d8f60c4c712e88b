"""One flag over OFREP: the value in force now, or a value that allows nothing, or a clear refusal."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from confidence_project.foundation.errors import InvalidInput
from governance.controls.services import block_source, engage_kill_switch, release_kill_switch
from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition, register
from governance.models import ConfidencePolicy
from governance.tests.factories import (
    FIELD,
    KEY,
    ApiKeyFactory,
    SuperuserFactory,
    WorkspaceFactory,
    applied,
    case_in,
    config_of,
    in_canary,
)
from governance.tests.ofrep_requests import FLAGS, Evaluator
from governance.workspaces.services import set_toggles

pytestmark = pytest.mark.django_db

FLAG = f"{KEY}.{FIELD}"


@pytest.fixture
def workspace():
    return WorkspaceFactory()


@pytest.fixture
def machine(workspace):
    return Evaluator(workspace)


def test_flag__no_policy__default_of_the_definition(machine):
    assert machine.flag(FLAG) == {
        "key": FLAG,
        "value": 0.9,
        "reason": "STATIC",
        "variant": "v0",
        "metadata": {"policy_version": 0, "source": "default"},
    }


def test_flag__policy_applied__its_value_and_version_at_the_next_call(machine, workspace):
    machine.flag(FLAG)
    applied(workspace, 0.8)
    flag = machine.flag(FLAG)
    assert (flag["value"], flag["variant"], flag["reason"]) == (0.8, "v1", "STATIC")
    assert flag["metadata"] == {"policy_version": 1, "source": "db"}


@pytest.mark.parametrize("stored", [1, 1.0, 0, 0.0])
def test_flag__whole_number__still_a_float_literal(machine, workspace, stored):
    ConfidencePolicy.objects.create(workspace=workspace, policy_key=KEY, version=1, config=config_of(stored))
    response = machine.post(f"{FLAGS}/{FLAG}", {"context": {}})
    assert f'"value":{float(stored)!r},'.encode() in response.content


def test_flag__budget__a_float_too(machine):
    response = machine.post(f"{FLAGS}/lead_context_bundle.total_token_budget", {"context": {}})
    assert b'"value":4000.0,' in response.content


@pytest.mark.parametrize(
    "context",
    [
        {"model": "m", "confidence_kind": "classifier"},
        {"model": "m", "confidenceKind": "classifier"},
        {"model": "m", "confidence_kind": "classifier", "confidenceKind": "classifier"},
        {"model": "m", "confidence_kind": "classifier", "targetingKey": "case 7", "email": {"not": ["used"]}},
    ],
)
def test_flag__context_of_an_override__targeting_match(machine, workspace, context):
    applied(workspace, config=config_of(0.8, model="m", confidence_kind="classifier"))
    flag = machine.flag(FLAG, **context)
    assert (flag["value"], flag["reason"]) == (0.8, "TARGETING_MATCH")


@pytest.mark.parametrize("name", ["provider", "model", "confidence_kind", "task", "channel", "prompt_hash"])
def test_flag__each_segment_attribute__chooses_the_override(machine, workspace, name):
    applied(workspace, config=config_of(0.8, **{name: "x"}))
    assert machine.flag(FLAG, **{name: "x"})["value"] == 0.8
    assert machine.flag(FLAG, **{name: "y"})["value"] == 0.9


@pytest.mark.parametrize("context", [{}, {"model": "n"}, {"model": None}, {"model": ""}, {"Model": "m"}])
def test_flag__context_of_no_override__static(machine, workspace, context):
    applied(workspace, config=config_of(0.8, model="m"))
    flag = machine.flag(FLAG, **context)
    assert (flag["value"], flag["reason"]) == (0.9, "STATIC")


def test_flag__confidence_kind_not_given__counts_as_unspecified_as_it_does_at_the_gate(machine, workspace):
    applied(workspace, config=config_of(0.8, confidence_kind="unspecified"))
    assert machine.flag(FLAG)["value"] == 0.8
    assert machine.flag(FLAG, confidence_kind="classifier")["value"] == 0.9


def test_flag__override_of_another_field__not_a_match(machine, workspace):
    config = {"values": {}, "overrides": [{"match": {"model": "m"}, "values": {"ml_risk_threshold": 0.6}}]}
    applied(workspace, policy_key="decision_gate", config=config)
    assert machine.flag("decision_gate.ml_risk_threshold", model="m")["reason"] == "TARGETING_MATCH"
    assert machine.flag("decision_gate.llm_confidence_threshold", model="m")["reason"] == "STATIC"


def test_flag__another_workspace__not_seen(machine):
    applied(WorkspaceFactory(), 0.5)
    assert machine.flag(FLAG)["variant"] == "v0"


# --- Nothing is allowed -----------------------------------------------------------------------------------------------


def stop_everything(workspace, settings):
    settings.CONFIDENCE_KILL_SWITCH = True


def stop_the_workspace(workspace, settings):
    engage_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="An incident.")


def stop_the_policy_keys(workspace, settings):
    for policy_key in ("decision_gate", "lead_context_bundle"):
        engage_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="It.", policy_key=policy_key)


def switch_automation_off(workspace, settings):
    set_toggles(actor=SuperuserFactory(), workspace=workspace, automation_enabled=False)


def break_the_policies(workspace, settings):
    for policy_key in ("decision_gate", "lead_context_bundle"):
        ConfidencePolicy.objects.create(workspace=workspace, policy_key=policy_key, version=0, config={"values": 5})


def block_the_provider(workspace, settings):
    block_source(actor=SuperuserFactory(), workspace=workspace, kind="provider", value="p", reason="It is down.")


def block_the_model(workspace, settings):
    block_source(actor=SuperuserFactory(), workspace=workspace, kind="model", value="m", reason="It lies.")


@pytest.mark.parametrize(
    "stop, gate_reason, reason",
    [
        (stop_everything, "kill_switch", "STATIC"),
        (stop_the_workspace, "kill_switch", "STATIC"),
        (stop_the_policy_keys, "kill_switch", "STATIC"),
        (switch_automation_off, "automation_disabled", "STATIC"),
        (break_the_policies, "policy_unavailable", "STATIC"),
        (block_the_provider, "provider_blocked", "TARGETING_MATCH"),
        (block_the_model, "model_blocked", "TARGETING_MATCH"),
    ],
)
def test_flag__stopped__a_normal_success_that_allows_nothing(machine, workspace, settings, stop, gate_reason, reason):
    def values():
        flags = [machine.flag(key, provider="p", model="m") for key in ALL_KINDS]
        return [flag["value"] for flag in flags], flags

    assert values()[0] == [0.6, 0.7, True, 4000.0, True]
    stop(workspace, settings)
    stopped, flags = values()
    assert stopped == [2.0, 0.0, False, 0.0, False]
    assert {flag["metadata"]["gate_reason"] for flag in flags} == {gate_reason}
    assert {flag["reason"] for flag in flags} == {reason}
    assert {flag["variant"] for flag in flags} == {"v0"}


ALL_KINDS = [
    "decision_gate.llm_confidence_threshold",
    "decision_gate.ml_risk_threshold",
    "decision_gate.enabled",
    "lead_context_bundle.total_token_budget",
    "lead_context_bundle.enabled",
]


def test_flag__policy_that_cannot_be_used__carries_its_version(machine, workspace):
    ConfidencePolicy.objects.create(workspace=workspace, policy_key=KEY, version=7, config=config_of(1.2))
    flag = machine.flag(FLAG)
    assert (flag["value"], flag["variant"]) == (2.0, "v7")
    assert flag["metadata"] == {"policy_version": 7, "source": "db", "gate_reason": "policy_unavailable"}


def test_flag__kill_switch_of_another_key_or_workspace__no_effect(machine, workspace):
    stop = {"actor": SuperuserFactory(), "reason": "An incident."}
    engage_kill_switch(workspace=workspace, policy_key="decision_gate", **stop)
    engage_kill_switch(workspace=WorkspaceFactory(), **stop)
    assert machine.flag(FLAG)["value"] == 0.9
    assert machine.flag(f"{KEY}.enabled")["value"] is True


def test_flag__kill_switch_released__the_policy_rules_again(machine, workspace):
    superuser = SuperuserFactory()
    applied(workspace, 0.8)
    engage_kill_switch(actor=superuser, workspace=workspace, reason="An incident.")
    assert machine.flag(FLAG)["value"] == 2.0
    release_kill_switch(actor=superuser, workspace=workspace, reason="It is over.")
    assert machine.flag(FLAG)["value"] == 0.8


@pytest.mark.parametrize("context", [{}, {"provider": "q", "model": "n"}])
def test_flag__other_source_than_the_blocked_one__allowed(machine, workspace, settings, context):
    block_the_provider(workspace, settings)
    block_the_model(workspace, settings)
    assert machine.flag(FLAG, **context)["value"] == 0.9


def test_flag__auto_booking_off__no_meeting_is_booked_and_everything_else_goes_on(machine, workspace):
    booking, actor = "followup.auto_book", SuperuserFactory()
    for field, value in ((f"{booking}.enabled", False), (f"{booking}.proposed_times_match_threshold", 2.0)):
        flag = machine.flag(field)
        assert (flag["value"], flag["reason"], flag["variant"]) == (value, "STATIC", "v0")
        assert flag["metadata"]["gate_reason"] == "auto_booking_disabled"
    assert machine.flag(f"{KEY}.enabled")["value"] is True
    set_toggles(actor=actor, workspace=workspace, auto_book_meetings=True)
    assert machine.flag(f"{booking}.enabled")["value"] is True
    assert machine.flag(f"{booking}.proposed_times_match_threshold")["value"] == 0.9
    set_toggles(actor=actor, workspace=workspace, automation_enabled=False, auto_book_meetings=False)
    assert machine.flag(f"{booking}.enabled")["metadata"]["gate_reason"] == "automation_disabled"


def test_flag__canary_in_a_stopped_environment__both_arms_allow_nothing(settings):
    rollout = in_canary(WorkspaceFactory(), 0.8)
    machine = Evaluator(rollout.workspace)
    settings.CONFIDENCE_KILL_SWITCH = True
    for inside in (True, False):
        flag = machine.flag(FLAG, targetingKey=case_in(rollout, inside=inside))
        assert (flag["value"], flag["metadata"]["gate_reason"]) == (2.0, "kill_switch")


# --- Refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", ["no.such.key", FIELD, f"{KEY}.no_such_field", f"{KEY}.", f".{FIELD}", KEY, "enabled", "a/b", "ü 💥\x00"]
)
def test_flag__unknown__404_with_details(machine, key):
    response = machine.post(f"{FLAGS}/{key}", {"context": {}})
    assert response.status_code == 404
    assert response["Content-Type"] == "application/json"
    failure = response.json()
    assert (failure["key"], failure["errorCode"]) == (key, "FLAG_NOT_FOUND")
    assert failure["errorDetails"].startswith("Flags are <policy key>.<field>")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"text",
        b"[]",
        b'"context"',
        b"null",
        b"5",
        b'{"context": {"a": NaN}}',
        b'{"context": {"a": ' + b"9" * 5000 + b"}}",
        b"\xff\xfe{",
        b'{"context": {"a": "\xff"}}',
        b'{"context": ' + b"[" * 200_000,
    ],
)
def test_flag__body_is_not_a_json_object__parse_error(machine, body):
    response = machine.post(f"{FLAGS}/{FLAG}", body)
    assert response.status_code == 400
    failure = response.json()
    assert (failure["key"], failure["errorCode"]) == (FLAG, "PARSE_ERROR")
    assert failure["errorDetails"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"context": None},
        {"context": []},
        {"context": "model"},
        {"context": {"model": 5}},
        {"context": {"provider": ["p"]}},
        {"context": {"promptHash": True}},
        {"context": {"targetingKey": 5}},
        {"context": {"confidence_kind": "classifier", "confidenceKind": "self_reported"}},
    ],
)
def test_flag__context_not_valid__invalid_context_that_repeats_no_value(machine, body):
    response = machine.post(f"{FLAGS}/{FLAG}", body)
    assert response.status_code == 400
    failure = response.json()
    assert failure["errorCode"] == "INVALID_CONTEXT"
    assert "self_reported" not in failure["errorDetails"]


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000", "private text"])
def test_flag__strange_text_in_the_context__matches_nothing(machine, text):
    response = machine.post(f"{FLAGS}/{FLAG}", b'{"context": {"model": "%s"}}' % text.encode())
    assert response.json()["reason"] == "STATIC"


def test_flag__unknown_members_beside_the_context__ignored(machine):
    assert machine.post(f"{FLAGS}/{FLAG}", {"context": {}, "later": 1}).status_code == 200


def test_flag__key_in_either_header__accepted(machine):
    for header in ({"Authorization": f"Bearer {machine.key}"}, {"X-API-Key": machine.key}):
        response = Client(headers=header).post(f"{FLAGS}/{FLAG}", {"context": {}}, content_type="application/json")
        assert response.json()["value"] == 0.9


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer wrong.key"}])
def test_flag__no_or_wrong_key__401(headers):
    response = Client(headers=headers).post(f"{FLAGS}/{FLAG}", {"context": {}}, content_type="application/json")
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["errorDetails"]


def test_flag__key_without_the_scope_read__403(workspace):
    key = ApiKeyFactory(workspace=workspace, scopes=["decide", "ingest"]).plain
    response = Client(headers={"X-API-Key": key}).post(
        f"{FLAGS}/{FLAG}", {"context": {}}, content_type="application/json"
    )
    assert response.status_code == 403
    assert "read" in response.json()["errorDetails"]


def test_flag__too_many_calls__429_says_when_to_come_back(machine, settings):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"api_key": "2/day"}}
    machine.flag(FLAG)
    machine.flag(FLAG)
    response = machine.post(f"{FLAGS}/{FLAG}", {"context": {}})
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 86_400
    assert response.json()["errorDetails"]


def test_flag__body_too_large__413(machine, settings):
    settings.CONFIDENCE_MAX_BODY_BYTES = 100
    response = machine.post(f"{FLAGS}/{FLAG}", {"context": {"a": "x" * 200}})
    assert (response.status_code, response.json()["errorCode"]) == (413, "GENERAL")


def test_flag__form_instead_of_json__415(machine):
    response = Client(headers={"X-API-Key": machine.key}).post(f"{FLAGS}/{FLAG}", {"context": "{}"})
    assert response.status_code == 415
    assert response.json()["errorDetails"] == "Send application/json."


def test_flag__get__405(machine):
    assert Client(headers={"X-API-Key": machine.key}).get(f"{FLAGS}/{FLAG}").status_code == 405


def test_flag__our_own_mistake__500_in_the_words_of_the_protocol(machine, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise ZeroDivisionError("private text")

    monkeypatch.setattr("governance.policies.ofrep.read_context", fail)
    response = machine.post(f"{FLAGS}/{FLAG}", {"context": {}})
    assert (response.status_code, response["Content-Type"]) == (500, "application/json")
    assert response.json() == {
        "key": FLAG,
        "errorCode": "GENERAL",
        "errorDetails": "Something went wrong on our side.",
    }
    assert "ZeroDivisionError" in caplog.text


# --- Cost and names ---------------------------------------------------------------------------------------------------


def test_flag__unknown__asks_the_database_for_the_api_key_and_for_keys_of_the_desk(machine, django_assert_num_queries):
    with django_assert_num_queries(2):
        machine.post(f"{FLAGS}/no.such.flag", {"context": {}})


@pytest.mark.parametrize("name", ["enabled", "two.parts", ""])
def test_register__field_name_that_would_make_flag_keys_ambiguous__refused(name):
    field = FieldDefinition(name=name, kind=FieldKind.CONFIDENCE_THRESHOLD, default=0.5)
    with pytest.raises(InvalidInput, match="identifiers"):
        register(PolicyDefinition(key="ambiguous", title="", description="", fields=(field,)))


def test_flag__reply__is_strict_json(machine):
    response = machine.post(f"{FLAGS}/{FLAG}", {"context": {}})
    assert response["Content-Type"] == "application/json"
    json.loads(response.content, parse_constant=pytest.fail)
