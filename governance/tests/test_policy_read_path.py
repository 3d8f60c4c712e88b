"""What the gate reads: the most specific override, then the value, then the default; never what is out of bounds."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from confidence_project.foundation.errors import NotFound, UnknownField, UnknownPolicyKey
from governance.controls.services import block_source, engage_kill_switch
from governance.definitions import SEGMENT_KEYS, get_definition
from governance.models import BlockedSource, ConfidencePolicy
from governance.policies import (
    PolicyUnavailable,
    get_confidence_policy,
    read_context,
    read_contexts,
    resolve_threshold,
)
from governance.policies.config import parse_config
from governance.tests.factories import FIELD, KEY, SuperuserFactory, WorkspaceFactory, applied, config_of
from governance.workspaces.services import set_toggles


def policy(value=0.8, *overrides, workspace=None, **fields):
    workspace = workspace or WorkspaceFactory()
    config = {
        "values": {FIELD: value},
        "overrides": [{"match": match, "values": {FIELD: override}} for match, override in overrides],
    }
    ConfidencePolicy.objects.create(workspace=workspace, policy_key=KEY, **{"config": config, "version": 1, **fields})
    return workspace


@pytest.mark.django_db
def test_resolve__no_policy__default_of_the_definition():
    workspace = WorkspaceFactory()
    assert resolve_threshold(workspace, KEY, FIELD) == 0.9
    effective = get_confidence_policy(workspace, KEY)
    assert (effective.version, effective.source) == (0, "default")


@pytest.mark.django_db
def test_resolve__policy_of_another_workspace__not_seen():
    policy(0.5)
    assert resolve_threshold(WorkspaceFactory(), KEY, FIELD) == 0.9


@pytest.mark.django_db
def test_resolve__field_that_the_config_leaves_out__default():
    workspace = WorkspaceFactory()
    applied(workspace, policy_key="decision_gate", config={"values": {"ml_risk_threshold": 0.6}})
    assert resolve_threshold(workspace, "decision_gate", "ml_risk_threshold") == 0.6
    assert resolve_threshold(workspace, "decision_gate", "llm_confidence_threshold") == 0.6


@pytest.mark.django_db
@pytest.mark.parametrize(
    "segment, expected",
    [
        ({}, 0.8),
        ({"provider": "q"}, 0.8),
        ({"provider": "p"}, 0.7),
        ({"provider": "p", "model": "m"}, 0.6),
        ({"provider": "p", "model": "n"}, 0.7),
        ({"provider": "q", "model": "m"}, 0.8),
        ({"provider": "p", "model": "m", "task": "t"}, 0.6),
    ],
)
def test_resolve__overrides__the_most_specific_that_matches_wins(segment, expected):
    workspace = policy(0.8, ({"provider": "p"}, 0.7), ({"provider": "p", "model": "m"}, 0.6))
    assert resolve_threshold(workspace, KEY, FIELD, **segment) == expected


@pytest.mark.django_db
def test_resolve__matches_of_equal_length__the_documented_order_of_keys_decides():
    overrides = [({key: "x"}, 0.5 + index / 100) for index, key in reversed(list(enumerate(SEGMENT_KEYS)))]
    workspace = policy(0.8, *overrides)
    for index, _ in enumerate(SEGMENT_KEYS):
        segment = dict.fromkeys(SEGMENT_KEYS[index:], "x")
        assert resolve_threshold(workspace, KEY, FIELD, **segment) == 0.5 + index / 100


@given(st.permutations([({"provider": "p"}, 0.7), ({"model": "m"}, 0.6), ({"provider": "p", "model": "m"}, 0.5)]))
def test_resolve__order_in_which_overrides_are_written__makes_no_difference(overrides):
    definition = get_definition(KEY)
    raw = {"values": {}, "overrides": [{"match": match, "values": {FIELD: value}} for match, value in overrides]}
    config = parse_config(definition, raw)
    found = [
        config.value(definition, FIELD, where)
        for where in ({"provider": "p"}, {"model": "m"}, {"provider": "p", "model": "m"})
    ]
    assert found == [0.7, 0.6, 0.5]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "config",
    [
        config_of(1.2),
        config_of(-0.01),
        config_of("0.9"),
        config_of(None),
        config_of(2.0, model="m"),
        {"values": {"gone": 0.5}},
        {},
        [],
        "text",
    ],
)
def test_resolve__stored_config_out_of_bounds__never_reaches_the_gate(config):
    workspace = policy(config=config)
    if config == {}:  # an object without values is the defaults
        assert resolve_threshold(workspace, KEY, FIELD) == 0.9
        return
    with pytest.raises(PolicyUnavailable, match="version 1"):
        resolve_threshold(workspace, KEY, FIELD)


@pytest.mark.django_db
def test_resolve__unknown_key_or_field__clear_error__one_query_for_keys_of_the_desk(django_assert_num_queries):
    workspace = WorkspaceFactory()
    with django_assert_num_queries(1):
        with pytest.raises(UnknownPolicyKey, match=r"Known keys: .*decision_gate"):
            resolve_threshold(workspace, "no.such.key", FIELD)
        with pytest.raises(UnknownField, match="it has: confidence_threshold"):
            resolve_threshold(workspace, KEY, "no_such_field")


@pytest.mark.django_db
def test_read_path__query_budget(django_assert_num_queries):
    workspace = policy(0.8, ({"provider": "p"}, 0.7))
    resolve_threshold(workspace, KEY, FIELD)
    with django_assert_num_queries(1):
        resolve_threshold(workspace, KEY, FIELD, provider="p")
    with django_assert_num_queries(1):
        get_confidence_policy(workspace, KEY).values(provider="p")
    with django_assert_num_queries(1):
        read_contexts(workspace, [KEY, "decision_gate"])
    engage_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="Smoke.")
    with django_assert_num_queries(2):  # the version, and what changed
        resolve_threshold(workspace, KEY, FIELD)


def kill(workspace, settings):
    engage_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="Smoke.")


def kill_everything(workspace, settings):
    settings.CONFIDENCE_KILL_SWITCH = True


def switch_automation_off(workspace, settings):
    set_toggles(actor=SuperuserFactory(), workspace=workspace, automation_enabled=False)


def block_the_model(workspace, settings):
    block_source(actor=SuperuserFactory(), workspace=workspace, kind="model", value="m", reason="It lies.")


@pytest.mark.django_db
@pytest.mark.parametrize("stop", [kill, kill_everything, switch_automation_off, block_the_model])
def test_resolve__stopped__a_number_that_allows_nothing(settings, stop):
    workspace = policy(0.8)
    stop(workspace, settings)
    assert resolve_threshold(workspace, KEY, FIELD, model="m") == 2.0
    assert resolve_threshold(workspace, "decision_gate", "ml_risk_threshold", model="m") == 0.0
    assert resolve_threshold(workspace, "lead_context_bundle", "total_token_budget", model="m") == 0.0
    # What the policy says is no question of what may be done.
    assert get_confidence_policy(workspace, KEY).value(FIELD) == 0.8


@pytest.mark.django_db
def test_resolve__another_model_is_blocked__the_policy_rules(settings):
    workspace = policy(0.8)
    block_the_model(workspace, settings)
    assert resolve_threshold(workspace, KEY, FIELD, model="n") == 0.8


@pytest.mark.django_db
def test_resolve__auto_booking_off__nothing_is_booked_and_everything_else_goes_on():
    workspace = WorkspaceFactory()
    assert resolve_threshold(workspace, "followup.auto_book", "proposed_times_match_threshold") == 2.0
    assert resolve_threshold(workspace, KEY, FIELD) == 0.9
    set_toggles(actor=SuperuserFactory(), workspace=workspace, auto_book_meetings=True)
    assert resolve_threshold(workspace, "followup.auto_book", "proposed_times_match_threshold") == 0.9


@pytest.mark.django_db
def test_resolve__control_that_cannot_be_read__counts_as_a_kill_switch():
    workspace = policy(0.8)
    BlockedSource.objects.create(
        workspace=workspace, policy_key=KEY, kind="planet", value="x", reason="?", started_at=timezone.now()
    )
    assert read_context(workspace, KEY).block() == "kill_switch"
    assert resolve_threshold(workspace, KEY, FIELD) == 2.0
    assert read_context(workspace, "decision_gate").block() is None


@pytest.mark.django_db
def test_resolve__workspace_is_gone__refused():
    workspace = WorkspaceFactory()
    type(workspace).objects.filter(pk=workspace.pk).delete()
    with pytest.raises(NotFound, match="does not exist any more"):
        resolve_threshold(workspace, KEY, FIELD)


@pytest.mark.django_db
def test_read_path__every_table__by_an_index():
    workspace = policy(0.8)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        with connection.execute_wrapper(explained := Explained()):
            resolve_threshold(workspace, KEY, FIELD)
    assert "SCAN governance" not in explained.plan
    assert "Seq Scan" not in explained.plan


class Explained:
    """Asks the database how it means to answer each statement."""

    plan = ""

    def __call__(self, execute, sql, params, many, context):
        prefix = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
        execute(prefix + sql, params, many, context)
        self.plan += "\n".join(str(row[-1]) for row in context["cursor"].fetchall())
        return execute(sql, params, many, context)
