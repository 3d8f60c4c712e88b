"""All flags over OFREP, and the tag that spares a poll whose answer would be the same."""

from __future__ import annotations

import pytest

from governance.controls.services import block_source, engage_kill_switch, release_kill_switch
from governance.definitions import all_definitions
from governance.models import ConfidencePolicy
from governance.tests.factories import FIELD, KEY, SuperuserFactory, WorkspaceFactory, applied, config_of
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


def value_of(response, key):
    (value,) = [flag["value"] for flag in response.json()["flags"] if flag["key"] == key]
    return value


def test_flags__every_field_and_enabled_of_every_definition(machine):
    keys = [flag["key"] for flag in machine.flags().json()["flags"]]
    expected = {f"{each.key}.{field.name}" for each in all_definitions() for field in each.fields}
    assert len(keys) == len(set(keys))
    assert set(keys) == expected | {f"{each.key}.enabled" for each in all_definitions()}


def test_flags__each__the_same_as_when_asked_for_alone(machine, workspace):
    applied(workspace, config=config_of(0.8, model="m"))
    engage_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="It.", policy_key="decision_gate")
    ConfidencePolicy.objects.create(
        workspace=workspace, policy_key="meeting.overseer.gate", version=3, config={"values": {"gone": 1}}
    )
    flags = machine.flags({"model": "m"}).json()["flags"]
    assert flags == [machine.flag(flag["key"], model="m") for flag in flags]


def test_flags__numbers__float_literals(machine, workspace):
    ConfidencePolicy.objects.create(workspace=workspace, policy_key=KEY, version=1, config=config_of(1))
    body = machine.flags().content
    assert b'"value":1.0,' in body
    assert b'"value":1,' not in body


def test_flags__number_of_queries__does_not_grow_with_policies(machine, workspace, django_assert_num_queries):
    with django_assert_num_queries(3):  # the keys made in the desk, the API key, the version
        machine.flags()
    for definition in all_definitions():
        ConfidencePolicy.objects.create(workspace=workspace, policy_key=definition.key, version=1, config={})
    with django_assert_num_queries(4):  # and what has changed
        machine.flags()
    with django_assert_num_queries(3):
        machine.flags()


def test_flags__tag_sent_back__304_without_a_body(machine):
    first = machine.flags()
    again = machine.flags(If_None_Match=first["ETag"])
    assert again.status_code == 304
    assert again.content == b""
    assert again["ETag"] == first["ETag"]
    assert "Content-Type" not in again


def test_flags__tag__is_a_strong_quoted_one(machine):
    tag = machine.flags()["ETag"]
    assert tag[0] == tag[-1] == '"'
    assert tag[1:-1].isalnum()


@pytest.mark.parametrize(
    "header",
    ["{}", '"{}"', 'W/"{}"', "W/{}", '"other", "{}"', "other,{}", '"a,b" , W/"{}","c"', "*", " * ", '  "{}"  '],
)
def test_flags__every_spelling_of_the_tag__304(machine, header):
    tag = machine.flags()["ETag"].strip('"')
    assert machine.flags(If_None_Match=header.format(tag)).status_code == 304


@pytest.mark.parametrize("header", ["", '""', '"other"', "W/", '"*"', "{}0", '"{}', "é", ",,", "x" * 5000])
def test_flags__another_tag__200_with_everything(machine, header):
    tag = machine.flags()["ETag"].strip('"')
    response = machine.flags(If_None_Match=header.format(tag[:-1]))
    assert response.status_code == 200
    assert response.json()["flags"]


def apply_a_policy(workspace, settings):
    applied(workspace, 0.8)


def apply_the_same_values(workspace, settings):
    applied(workspace, 0.9)


def kill_the_workspace(workspace, settings):
    engage_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="An incident.")


def kill_one_key(workspace, settings):
    engage_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="An incident.", policy_key=KEY)


def kill_everything(workspace, settings):
    settings.CONFIDENCE_KILL_SWITCH = True


def switch_automation_off(workspace, settings):
    set_toggles(actor=SuperuserFactory(), workspace=workspace, automation_enabled=False)


def block_the_model(workspace, settings):
    block_source(actor=SuperuserFactory(), workspace=workspace, kind="model", value="m", reason="It lies.")


@pytest.mark.parametrize(
    "change",
    [
        apply_a_policy,
        apply_the_same_values,
        kill_the_workspace,
        kill_one_key,
        kill_everything,
        switch_automation_off,
        block_the_model,
    ],
)
def test_flags__something_changed__the_old_tag_no_longer_holds(machine, workspace, settings, change):
    context = {"targetingKey": "case 1", "model": "m"}
    before = machine.flags(context)
    change(workspace, settings)
    after = machine.flags(context, If_None_Match=before["ETag"])
    assert after.status_code == 200
    assert after["ETag"] != before["ETag"]
    assert after.json() != before.json()


def test_flags__kill_switch_between_two_polls_and_gone__the_tag_holds_again(machine, workspace):
    superuser = SuperuserFactory()
    before = machine.flags()["ETag"]
    engage_kill_switch(actor=superuser, workspace=workspace, reason="An incident.")
    assert value_of(machine.flags(If_None_Match=before), FLAG) == 2.0
    release_kill_switch(actor=superuser, workspace=workspace, reason="It is over.")
    assert machine.flags(If_None_Match=before).status_code == 304


@pytest.mark.parametrize("other", [{}, {"targetingKey": "case 2"}, {"targetingKey": "case 1", "model": "m"}])
def test_flags__another_context__another_tag(machine, other):
    tag = machine.flags({"targetingKey": "case 1"})["ETag"]
    assert machine.flags(other, If_None_Match=tag).status_code == 200


def test_flags__same_context_in_another_order__the_same_tag(machine):
    context = {"model": "m", "provider": "p", "nested": {"b": 1, "a": [1.5, None]}}
    tag = machine.flags(context)["ETag"]
    assert machine.flags(dict(reversed(context.items())), If_None_Match=tag).status_code == 304


def test_flags__behind_compression__a_weakened_tag_still_spares_the_poll(machine, settings):
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]
    packed = machine.flags(Accept_Encoding="gzip")
    assert packed["ETag"].startswith('W/"')
    again = machine.flags(Accept_Encoding="gzip", If_None_Match=packed["ETag"])
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "body, code",
    [
        (b"{", "PARSE_ERROR"),
        (b"[]", "PARSE_ERROR"),
        (b"", "PARSE_ERROR"),
        ({}, "INVALID_CONTEXT"),
        ({"context": 5}, "INVALID_CONTEXT"),
        ({"context": {"model": 5}}, "INVALID_CONTEXT"),
    ],
)
def test_flags__bad_request__400_without_a_key(machine, body, code):
    response = machine.post(FLAGS, body, If_None_Match="*")
    assert response.status_code == 400
    failure = response.json()
    assert set(failure) == {"errorCode", "errorDetails"}
    assert failure["errorCode"] == code


def test_flags__tag_without_a_valid_key__401_not_304(machine):
    machine.key = "wrong"
    assert machine.flags(If_None_Match="*").status_code == 401
