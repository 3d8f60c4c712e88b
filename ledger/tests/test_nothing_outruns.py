"""Once a switch, a block, a policy or a revoked key is committed, no allow that it forbids is committed any more.

Writers in processes of their own ask the gate over HTTP, one at a time and in bulk. On PostgreSQL the commit times of
the transactions tell the order, on SQLite the order of the rows: it lets one transaction write at a time.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.utils import timezone

from governance.controls.services import block_source, engage_kill_switch, release_kill_switch, unblock_source
from governance.models import ConfidencePolicy, KillSwitch
from governance.tests.factories import ApiKeyFactory, SuperuserFactory, WorkspaceFactory, config_of
from governance.workspaces.services import revoke_api_key
from ledger.models import DecisionRecord
from ledger.tests.writers import UNAUTHORIZED, writing

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = (1, 1, 200)


def one(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


def decided(reason):
    """Wait until the gate has said `reason` once more."""
    decisions = DecisionRecord.objects.filter(gate_reason=reason)
    before, deadline = decisions.count(), time.monotonic() + 60
    while decisions.count() == before:
        assert time.monotonic() < deadline, "The writers came to a halt."
        time.sleep(0.02)


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


def switching(workspace, actor):
    switch = {"actor": actor, "workspace": workspace, "reason": "Smoke."}
    return "kill_switch", lambda: engage_kill_switch(**switch), lambda: release_kill_switch(**switch)


def switching_by_hand(workspace, actor):
    by_hand = {"workspace": workspace, "reason": "By hand.", "started_at": timezone.now()}
    return "kill_switch", lambda: KillSwitch.objects.create(**by_hand), lambda: KillSwitch.objects.all().delete()


def blocking_the_model(workspace, actor):
    source = {"actor": actor, "workspace": workspace, "kind": "model", "value": "acme-1", "reason": "It lies."}
    return "model_blocked", lambda: block_source(**source), lambda: unblock_source(**source)


def editing_the_policy_by_hand(workspace, actor):
    def edit(value):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE governance_confidencepolicy SET config = %s", [json.dumps(config_of(value))])

    return "llm_confidence_below_threshold", lambda: edit(0.99), lambda: edit(0.8)


STOPS = [*[switching] * 20, switching_by_hand, blocking_the_model, editing_the_policy_by_hand]


def test_stopped_under_load__no_allow_is_committed_after_it__and_a_revoked_key_commits_nothing():
    key, actor = ApiKeyFactory(), SuperuserFactory()
    policy = {"policy_key": "confidence_gate", "version": 1, "config": config_of(0.8)}
    ConfidencePolicy.objects.create(workspace=key.workspace, **policy)
    stopped, resumed, waited = [], [], []
    with writing(key.plain, *WRITERS) as writers:
        for make in STOPS:
            reason, stop, resume = make(key.workspace, actor)
            decided("allowed")
            began = time.monotonic()
            with Order.of_commit(stopped):
                stop()
            waited.append(time.monotonic() - began)
            decided(reason)
            with Order.of_commit(resumed):
                resume()
        decided("allowed")
        with Order.of_commit(stopped):
            revoke_api_key(actor=actor, workspace=key.workspace, prefix=key.prefix)
        assert [writer.wait(timeout=60) for writer in writers] == [UNAUTHORIZED] * len(writers)
    with Order.of_commit(resumed):
        WorkspaceFactory()
    assert [Order.allows_between(*pair) for pair in zip(stopped, resumed, strict=True)] == [0] * len(stopped)
    assert all(Order.allows_between(*pair) for pair in zip(resumed, stopped[1:], strict=False))
    assert sorted(waited)[len(waited) // 2] < 1
