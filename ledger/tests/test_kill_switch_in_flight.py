"""A kill switch that is committed while decisions are under way: from then on nothing that begins is allowed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connections

from governance.controls.services import engage_kill_switch, release_kill_switch
from governance.tests.factories import SuperuserFactory, WorkspaceFactory
from ledger.models import DecisionRecord
from ledger.pipelines.decisions import decide
from ledger.tests.bodies import submission

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 6
MOST = 2_000


def decide_until(done, workspace):
    """Decide over and over; return when each decision began, when it was done, and the reason of its verdict."""
    try:
        decided = []
        while not done.is_set() and len(decided) < MOST:
            began = time.monotonic()
            reason = decide(workspace=workspace, submission=submission()).record.gate_reason
            decided.append((began, time.monotonic(), reason))
        return decided
    finally:
        connections.close_all()


def decisions_so_far(workspace, reason):
    return DecisionRecord.objects.filter(workspace=workspace, gate_reason=reason).count()


def wait_for(workspace, reason, more):
    wanted = decisions_so_far(workspace, reason) + more
    deadline = time.monotonic() + 60
    while decisions_so_far(workspace, reason) < wanted:
        assert time.monotonic() < deadline, "The deciding threads came to a halt."
        time.sleep(0.01)


def test_kill_switch__committed_while_decisions_are_in_flight__none_that_begins_later_is_allowed():
    workspace, superuser, done = WorkspaceFactory(), SuperuserFactory(), Event()
    with ThreadPoolExecutor(THREADS) as pool:
        deciding = [pool.submit(decide_until, done, workspace) for _ in range(THREADS)]
        try:
            wait_for(workspace, "allowed", 20)
            engage_kill_switch(actor=superuser, workspace=workspace, reason="Smoke.")
            engaged = time.monotonic()
            wait_for(workspace, "kill_switch", 20)
            releasing = time.monotonic()
            release_kill_switch(actor=superuser, workspace=workspace, reason="Only toast.")
            wait_for(workspace, "allowed", 5)
        finally:
            done.set()
        decided = [each for future in deciding for each in future.result()]
    while_engaged = [reason for began, ended, reason in decided if engaged <= began and ended <= releasing]
    assert len(while_engaged) >= 20 - THREADS
    assert set(while_engaged) == {"kill_switch"}
