"""What a process keeps of what governs: never beyond a change, whoever makes it and wherever."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from freezegun import freeze_time

from confidence_project.foundation.kept import Kept
from confidence_project.foundation.triggers.guarding import check_triggers, missing_triggers
from governance.controls.services import block_source, engage_kill_switch, release_kill_switch, set_audit_sampling
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, GoverningVersion, KillSwitch, Rollout
from governance.policies import current_version, read_context, resolve_threshold
from governance.sampling_rates import SamplingRates
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
from governance.tests.other_process import in_another_process
from governance.workflow import rollback_confidence_policy_revision, set_canary_share, withdraw_rollout
from governance.workspaces.services import revoke_api_key, set_toggles

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace():
    return WorkspaceFactory()


def threshold(workspace, **more):
    return resolve_threshold(workspace, KEY, FIELD, **more)


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_config__edited_by_hand__the_next_call(workspace):
    applied(workspace, 0.8)
    assert threshold(workspace) == 0.8
    sql("UPDATE governance_confidencepolicy SET config = %s", json.dumps(config_of(0.7)))
    assert threshold(workspace) == 0.7


def test_apply_and_rollback__the_next_call(workspace):
    first = applied(workspace, 0.8)
    assert threshold(workspace) == 0.8
    applied(workspace, 0.7)
    assert threshold(workspace) == 0.7
    rollback_confidence_policy_revision(
        actor=SuperuserFactory(), workspace=workspace, revision_id=first.pk, reason="Back."
    )
    assert threshold(workspace) == 0.8


def test_change_that_is_rolled_back__what_governed_before_governs_again(workspace):
    applied(workspace, 0.8)
    assert threshold(workspace) == 0.8
    with transaction.atomic():
        engage_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="Smoke.")
        assert threshold(workspace) == 2.0
        transaction.set_rollback(True)
    assert threshold(workspace) == 0.8


def test_kill_switch_of_the_installation__the_next_call(workspace, settings):
    assert threshold(workspace) == 0.9
    settings.CONFIDENCE_KILL_SWITCH = True
    assert threshold(workspace) == 2.0
    settings.CONFIDENCE_KILL_SWITCH = False
    assert threshold(workspace) == 0.9


def test_share_raised_and_rollout_withdrawn__the_next_call(workspace):
    rollout = in_canary(workspace, 0.8, share="0.5")
    step = {"actor": SuperuserFactory(), "workspace": workspace, "proposal_id": rollout.proposal_id}
    inside, outside = case_in(rollout, inside=True), case_in(rollout, inside=False)
    assert [threshold(workspace, case_key=case) for case in (inside, outside)] == [0.8, 0.9]
    set_canary_share(**step, share=Decimal("0.9999"))
    assert threshold(workspace, case_key=outside) == 0.8
    withdraw_rollout(**step, reason="Back.")
    assert threshold(workspace, case_key=inside) == 0.9


def test_proposal_in_rollout__runs_out_by_the_clock__the_policy_rules(workspace):
    rollout = in_canary(workspace, 0.8)
    inside = case_in(rollout, inside=True)
    assert threshold(workspace, case_key=inside) == 0.8
    with freeze_time(rollout.proposal.expires_at + timedelta(seconds=1)):
        assert threshold(workspace, case_key=inside) == 0.9


def test_another_workspace__its_own_policy(workspace):
    other = WorkspaceFactory()
    applied(workspace, 0.8)
    applied(other, 0.7)
    assert [threshold(each) for each in (workspace, other, workspace, other)] == [0.8, 0.7, 0.8, 0.7]


@pytest.mark.django_db(transaction=True)
def test_apply_and_kill_switch_in_another_process__the_next_call():
    workspace = WorkspaceFactory(slug="acme")
    applied(workspace, 0.8)
    assert threshold(workspace) == 0.8
    in_another_process(
        "from governance.tests.factories import SuperuserFactory, applied\n"
        "from governance.controls.services import engage_kill_switch\n"
        "workspace = Workspace.objects.get(slug='acme')\n"
        "applied(workspace, 0.7)\n"
        "engage_kill_switch(actor=SuperuserFactory(username='root'), workspace=workspace, reason='Smoke.')"
    )
    assert threshold(workspace) == 2.0
    release_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="Only toast.")
    assert threshold(workspace) == 0.7


def switch(workspace):
    engage_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="Smoke.")


def block(workspace):
    block_source(actor=SuperuserFactory(), workspace=workspace, kind="model", value="m", reason="It lies.")


def sample(workspace):
    set_audit_sampling(
        actor=SuperuserFactory(),
        workspace=workspace,
        policy_key=KEY,
        rates=SamplingRates(Decimal("0.5")),
        reason="To see.",
    )


def toggle(workspace):
    set_toggles(actor=SuperuserFactory(), workspace=workspace, automation_enabled=False)


def revoke(workspace):
    key = ApiKeyFactory(workspace=workspace)
    revoke_api_key(actor=SuperuserFactory(), workspace=workspace, prefix=key.prefix)


def by_hand(statement):
    return lambda workspace: sql(statement)


CHANGES = {
    "switch": switch,
    "block": block,
    "sample": sample,
    "toggle": toggle,
    "revoke": revoke,
    "apply": lambda workspace: applied(workspace, 0.7),
    "share": lambda workspace: Rollout.objects.update(share="0.25"),
    "expiry of what is in rollout": lambda workspace: ConfidencePolicyProposal.objects.update(
        expires_at=timezone.now() + timedelta(days=1)
    ),
    "switch by hand": lambda workspace: KillSwitch.objects.create(
        workspace=workspace, reason="x", started_at=timezone.now()
    ),
    "key by hand": by_hand("UPDATE governance_apikey SET scopes = '[]'"),
    "workspace by hand": by_hand("UPDATE governance_workspace SET automation_enabled = false"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_version__anything_that_governs_changes__another_version(workspace, name):
    ApiKeyFactory(workspace=workspace)
    in_canary(workspace)
    other = WorkspaceFactory()
    before, elsewhere = current_version(workspace.pk), current_version(other.pk)
    CHANGES[name](workspace)
    assert current_version(workspace.pk) not in (before, None)
    assert name.endswith("by hand") or current_version(other.pk) == elsewhere


def test_version__rows_moved_to_another_workspace__both_have_another(workspace):
    other = WorkspaceFactory()
    ConfidencePolicy.objects.create(workspace=workspace, policy_key=KEY, version=1, config=config_of(0.8))
    before = {current_version(workspace.pk), current_version(other.pk)}
    ConfidencePolicy.objects.update(workspace=other)
    assert not before & {current_version(workspace.pk), current_version(other.pk)}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
def test_version__truncate__every_workspace_has_another(workspace):
    before = current_version(workspace.pk)
    sql("TRUNCATE governance_killswitch")
    assert current_version(workspace.pk) not in (before, None)


def test_version__gone_from_the_database__nothing_is_kept_and_it_comes_back_with_a_change(workspace):
    applied(workspace, 0.8)
    GoverningVersion.objects.all().delete()
    assert threshold(workspace) == 0.8
    assert read_context(workspace, KEY).governed_by is None
    engage_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="Smoke.")
    assert read_context(workspace, KEY).governed_by is not None


def test_trigger_over_what_governs__missing__said_by_the_check_and_restored():
    (name, *_) = KillSwitch.versioned.names("governance_killswitch", connection.vendor)
    sql(f"DROP TRIGGER {name}" + ("" if connection.vendor == "sqlite" else " ON governance_killswitch"))
    assert [error.id for error in check_triggers(databases=["default"])] == ["confidence.E004"]
    call_command("enforce_append_only", verbosity=0)
    assert missing_triggers(connection) == []


def test_migrate__workspaces_without_a_version_get_one(workspace):
    GoverningVersion.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert current_version(workspace.pk) is not None


def test_kept__more_than_fit__the_least_used_go():
    kept = Kept(3)
    for key in range(4):
        kept.put(key, key + 10)
        kept.get(0)
    assert [key for key in range(4) if kept.get(key) is not None] == [0, 2, 3]


def test_kept__many_threads__each_reads_what_was_put():
    kept = Kept(5)

    def use(number):
        key = number % 20
        kept.put(key, key + 10)
        return kept.get(key) in (None, key + 10)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(5_000)))
    assert len(kept) == 5
