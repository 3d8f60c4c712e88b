"""Once a switch, a block, a policy or a revoked key is committed, no allow that it forbids is committed any more.

Writers in processes of their own ask the gate over HTTP, one at a time and in bulk. On PostgreSQL the commit times of
the transactions tell the order, on SQLite the order of the rows: it lets one transaction write at a time.
"""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from governance.controls.services import block_source, engage_kill_switch, release_kill_switch, unblock_source
from governance.models import BlockedSource, ConfidencePolicy, KillSwitch
from governance.tests.factories import ApiKeyFactory, SuperuserFactory, WorkspaceFactory, config_of
from governance.workspaces.services import revoke_api_key
from ledger.models import DecisionRecord
from ledger.tests.writers import UNAUTHORIZED, writing

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = (1, 1, 1, 200)


def one(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


def decided(reason, more_than=0):
    """Wait until the gate has said `reason` once more, and return how often it has."""
    deadline = time.monotonic() + 60
    while (count := DecisionRecord.objects.filter(gate_reason=reason).count()) <= more_than:
        assert time.monotonic() < deadline, "The writers came to a halt."
        time.sleep(0.02)
    return count


class Order:
    """The place of a commit among the commits of decisions."""

    @staticmethod
    @contextmanager
    def of_commit(places):
        """Commit the block, and add its place to `places`."""
        with transaction.atomic():
            yield
            # The last row before the commit, while nobody else may write.
            last = one("SELECT max(rowid) FROM decision_ledger") if connection.vendor == "sqlite" else None
            if connection.vendor == "postgresql":
                last = one("SELECT pg_current_xact_id()::xid::text")
        if connection.vendor == "postgresql":
            last = one("SELECT pg_xact_commit_timestamp(%s::xid)", last)
        places.append(last)

    @staticmethod
    def allows_between(first, last):
        place = "rowid" if connection.vendor == "sqlite" else "pg_xact_commit_timestamp(xmin)"
        where = f"gate_verdict = 'allow' AND {place} > %s AND {place} <= %s"
        return one(f"SELECT count(*) FROM decision_ledger WHERE {where}", first, last)


@pytest.mark.parametrize("rounds", [20])
def test_kill_switch__under_load__no_allow_is_committed_after_it(rounds):
    key, actor = ApiKeyFactory(), SuperuserFactory()
    switch = {"actor": actor, "workspace": key.workspace, "reason": "Smoke."}
    engaged, released, waited = [], [], []
    with writing(key.plain, *WRITERS):
        allowed = blocked = 0
        for _ in range(rounds):
            allowed = decided("allowed", allowed)
            time.sleep(0.05)
            began = time.monotonic()
            with Order.of_commit(engaged):
                engage_kill_switch(**switch)
            waited.append(time.monotonic() - began)
            blocked = decided("kill_switch", blocked)
            with Order.of_commit(released):
                release_kill_switch(**switch)
    assert [Order.allows_between(*pair) for pair in zip(engaged, released, strict=True)] == [0] * rounds
    assert Order.allows_between(released[0], engaged[1]) > 0
    assert sorted(waited)[rounds // 2] < 1


def block_model(workspace, actor):
    block_source(actor=actor, workspace=workspace, kind="model", value="acme-1", reason="It lies.")


def edit_policy_by_hand(workspace, actor):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE governance_confidencepolicy SET config = %s WHERE workspace_id = %s",
            ['{"values": {"confidence_threshold": 0.99}}', workspace.pk],
        )


def switch_on_by_hand(workspace, actor):
    KillSwitch.objects.create(workspace=workspace, reason="By hand.", started_at="2026-01-01T00:00:00Z")


@pytest.mark.parametrize("stop", [block_model, edit_policy_by_hand, switch_on_by_hand])
def test_whatever_governs__changed_under_load__no_allow_is_committed_after_it(stop):
    key, actor, places = ApiKeyFactory(), SuperuserFactory(), []
    ConfidencePolicy.objects.create(
        workspace=key.workspace, policy_key="confidence_gate", version=1, config=config_of(0.8)
    )
    with writing(key.plain, *WRITERS):
        decided("allowed", 200)
        with Order.of_commit(places):
            stop(key.workspace, actor)
        time.sleep(0.5)
    with Order.of_commit(places):
        WorkspaceFactory()
    assert Order.allows_between(*places) == 0
    assert DecisionRecord.objects.filter(gate_verdict="block").exists()


def test_key__revoked_under_load__nothing_is_committed_after_it():
    key, actor, places = ApiKeyFactory(), SuperuserFactory(), []
    with writing(key.plain, *WRITERS) as writers:
        decided("allowed", 200)
        with Order.of_commit(places):
            revoke_api_key(actor=actor, workspace=key.workspace, prefix=key.prefix)
        assert [writer.wait(timeout=60) for writer in writers] == [UNAUTHORIZED] * len(writers)
    with Order.of_commit(places):
        WorkspaceFactory()
    assert Order.allows_between(*places) == 0


def test_block__lifted__allows_go_on():
    key, actor = ApiKeyFactory(), SuperuserFactory()
    block_model(key.workspace, actor)
    with writing(key.plain, 1):
        decided("model_blocked")
        unblock_source(actor=actor, workspace=key.workspace, kind="model", value="acme-1", reason="It learned.")
        assert decided("allowed")
    assert BlockedSource.objects.get().ended_at is not None
