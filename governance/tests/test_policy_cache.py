"""Policies that a process keeps: off by default, never beyond a switch, a version or a rollout, and bounded in age."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.checks import run_checks
from django.db import connection
from freezegun import freeze_time

from governance.controls.services import engage_kill_switch, release_kill_switch
from governance.models import ConfidencePolicy
from governance.policies import cache as policy_cache
from governance.policies import resolve_threshold
from governance.policies.cache import CONFIGS, MAX_SECONDS
from governance.policies.config import PolicyConfig
from governance.tests.factories import (
    FIELD,
    KEY,
    SuperuserFactory,
    WorkspaceFactory,
    applied,
    case_in,
    config_of,
    in_canary,
)
from governance.tests.ofrep_requests import Evaluator
from governance.tests.other_process import in_another_process
from governance.workflow import rollback_confidence_policy_revision, set_canary_share, withdraw_rollout

pytestmark = pytest.mark.django_db

FLAG = f"{KEY}.{FIELD}"


@pytest.fixture
def workspace():
    return WorkspaceFactory()


@pytest.fixture
def kept_for_a_minute(settings):
    settings.CONFIDENCE_POLICY_CACHE_SECONDS = 60.0


def threshold(workspace, **more):
    return resolve_threshold(workspace, KEY, FIELD, **more)


def change_by_hand(workspace, value):
    """Change the config in the database behind everybody's back: neither version nor time tell of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE governance_confidencepolicy SET config = %s WHERE workspace_id = %s",
            [json.dumps(config_of(value)), workspace.pk],
        )


def test_default__nothing_is_kept(workspace):
    applied(workspace, 0.8)
    assert threshold(workspace) == 0.8
    change_by_hand(workspace, 0.7)
    assert threshold(workspace) == 0.7
    assert len(CONFIGS) == 0


def test_kept__at_most_so_old_by_a_clock_that_nobody_sets_back(workspace, kept_for_a_minute):
    applied(workspace, 0.8)
    with freeze_time("2030-01-01") as clock:
        assert threshold(workspace) == 0.8
        change_by_hand(workspace, 0.7)
        clock.tick(timedelta(seconds=59.9))
        assert threshold(workspace) == 0.8
        clock.tick(timedelta(seconds=0.1))
        assert threshold(workspace) == 0.7


def test_kept__used_often__grows_no_younger(workspace, kept_for_a_minute):
    applied(workspace, 0.8)
    with freeze_time("2030-01-01") as clock:
        threshold(workspace)
        change_by_hand(workspace, 0.7)
        seen = []
        for _ in range(4):
            clock.tick(timedelta(seconds=20))
            seen.append(threshold(workspace))
    assert seen == [0.8, 0.8, 0.7, 0.7]


def test_kept__apply_and_rollback__at_the_next_call(workspace, kept_for_a_minute):
    first = applied(workspace, 0.8)
    assert threshold(workspace) == 0.8
    applied(workspace, 0.7)
    assert threshold(workspace) == 0.7
    rollback_confidence_policy_revision(
        actor=SuperuserFactory(), workspace=workspace, revision_id=first.pk, reason="Back."
    )
    assert threshold(workspace) == 0.8


def test_kept__kill_switch__at_the_next_call_and_no_longer(workspace, kept_for_a_minute, settings):
    actor = SuperuserFactory()
    applied(workspace, 0.8)
    assert threshold(workspace) == 0.8
    engage_kill_switch(actor=actor, workspace=workspace, reason="Smoke.", policy_key=KEY)
    assert threshold(workspace) == 2.0
    assert Evaluator(workspace).flag(FLAG)["value"] == 2.0
    release_kill_switch(actor=actor, workspace=workspace, reason="Only toast.", policy_key=KEY)
    assert threshold(workspace) == 0.8
    settings.CONFIDENCE_KILL_SWITCH = True
    assert threshold(workspace) == 2.0


def test_kept__share_raised_and_rollout_withdrawn__at_the_next_call(workspace, kept_for_a_minute):
    rollout = in_canary(workspace, 0.8, share="0.5")
    step = {"actor": SuperuserFactory(), "workspace": workspace, "proposal_id": rollout.proposal_id}
    inside, outside = case_in(rollout, inside=True), case_in(rollout, inside=False)
    assert [threshold(workspace, case_key=case) for case in (inside, outside)] == [0.8, 0.9]
    set_canary_share(**step, share=Decimal("0.9999"))
    assert threshold(workspace, case_key=outside) == 0.8
    withdraw_rollout(**step, reason="Back.")
    assert threshold(workspace, case_key=inside) == 0.9


def test_kept__config_that_cannot_be_used__asked_for_again_at_every_call(workspace, kept_for_a_minute):
    ConfidencePolicy.objects.create(workspace=workspace, policy_key=KEY, version=1, config=config_of(1.2))
    machine = Evaluator(workspace)
    assert machine.flag(FLAG)["metadata"]["gate_reason"] == "policy_unavailable"
    change_by_hand(workspace, 0.8)
    assert machine.flag(FLAG)["value"] == 0.8


def test_kept__another_workspace__its_own_policy(workspace, kept_for_a_minute):
    other = WorkspaceFactory()
    with freeze_time("2030-01-01"):
        for each, value in ((workspace, 0.8), (other, 0.7)):
            ConfidencePolicy.objects.create(workspace=each, policy_key=KEY, version=1, config=config_of(value))
    assert [threshold(each) for each in (workspace, other, workspace, other)] == [0.8, 0.7, 0.8, 0.7]


def test_kept__one_statement_without_configs(workspace, kept_for_a_minute, django_assert_num_queries):
    applied(workspace, 0.8)
    threshold(workspace)
    with django_assert_num_queries(1) as queries:
        threshold(workspace)
    (query,) = queries.captured_queries
    assert "config" not in query["sql"].replace("governance_confidencepolicy", "")


def test_kept__switched_off__forgotten(workspace, kept_for_a_minute, settings):
    applied(workspace, 0.8)
    threshold(workspace)
    assert len(CONFIGS) == 1
    settings.CONFIDENCE_POLICY_CACHE_SECONDS = 0.0
    assert len(CONFIGS) == 0


def test_kept__more_than_fit__the_least_used_go(kept_for_a_minute, monkeypatch):
    monkeypatch.setattr(policy_cache, "MAX_CONFIGS", 3)
    for head in range(4):
        CONFIGS.put(head, PolicyConfig({FIELD: head / 10}), read_at=policy_cache.time.monotonic())
        CONFIGS.get(0)
    assert [head for head in range(4) if CONFIGS.get(head)] == [0, 2, 3]


def test_kept__many_threads__each_reads_what_was_put(kept_for_a_minute, monkeypatch):
    monkeypatch.setattr(policy_cache, "MAX_CONFIGS", 5)

    def use(number):
        head = number % 20
        CONFIGS.put(head, PolicyConfig({FIELD: head / 100}), read_at=policy_cache.time.monotonic())
        found = CONFIGS.get(head)
        return found is None or found.values[FIELD] == head / 100

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(5_000)))
    assert len(CONFIGS) == 5


@pytest.mark.django_db(transaction=True)
def test_kept__apply_and_kill_switch_in_another_process__at_the_next_call(kept_for_a_minute):
    workspace = WorkspaceFactory(slug="acme")
    applied(workspace, 0.8)
    assert threshold(workspace) == 0.8
    in_another_process(
        "from governance.tests.factories import applied\napplied(Workspace.objects.get(slug='acme'), 0.7)"
    )
    assert threshold(workspace) == 0.7
    in_another_process(
        "from governance.controls.services import engage_kill_switch\n"
        "from governance.tests.factories import SuperuserFactory\n"
        "engage_kill_switch(actor=SuperuserFactory(username='root'),"
        " workspace=Workspace.objects.get(slug='acme'), reason='Smoke.')"
    )
    assert threshold(workspace) == 2.0


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), MAX_SECONDS + 1])
def test_setting__not_usable__check_error_and_nothing_is_kept(workspace, settings, seconds):
    settings.CONFIDENCE_POLICY_CACHE_SECONDS = seconds
    (error,) = [error for error in run_checks() if error.id == "governance.E001"]
    assert "from 0 (nothing is kept) to 3600" in error.hint
    applied(workspace, 0.8)
    threshold(workspace)
    assert len(CONFIGS) == 0


@pytest.mark.parametrize("seconds", [0, 0.5, MAX_SECONDS])
def test_setting__usable__no_complaint(settings, seconds):
    settings.CONFIDENCE_POLICY_CACHE_SECONDS = seconds
    assert "governance.E001" not in {error.id for error in run_checks()}
