"""Twenty writers at once, each with a connection of its own: nothing is lost and nothing is twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier, Event

import pytest
from django.db import connections, transaction

from confidence_project.foundation.errors import LostRace
from confidence_project.foundation.submissions import Stored
from governance.controls.services import engage_kill_switch
from governance.models import Workspace
from governance.policies import current_version, hold
from governance.tests.factories import SuperuserFactory, WorkspaceFactory
from ledger.models import DecisionExternalId, DecisionOutcome, DecisionRecord
from ledger.pipelines.decisions import decide, decide_many
from ledger.reviews import record_review
from ledger.tests.bodies import submission
from ledger.tests.factories import DecisionRecordFactory

WRITERS = 20


def at_once(work):
    barrier = Barrier(WRITERS)

    def run(number):
        barrier.wait()
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(run, range(WRITERS)))


@pytest.mark.django_db(transaction=True)
def test_decide__twenty_writers_with_ids_of_their_own__all_recorded():
    workspace = WorkspaceFactory()
    results = at_once(lambda number: decide(workspace=workspace, submission=submission(external_id=f"d{number}")))
    assert all(result.created for result in results)
    assert DecisionRecord.objects.count() == DecisionExternalId.objects.count() == WRITERS


@pytest.mark.django_db(transaction=True)
def test_decide__twenty_writers_with_one_id__one_record_and_nineteen_repetitions():
    workspace = WorkspaceFactory()
    results = at_once(lambda number: decide(workspace=workspace, submission=submission(external_id="same")))
    assert sorted(result.created for result in results) == [False] * (WRITERS - 1) + [True]
    assert {result.record.pk for result in results} == {DecisionRecord.objects.get().pk}


@pytest.mark.django_db(transaction=True)
def test_decide_many__overlapping_bulks__each_id_once():
    workspace = WorkspaceFactory()

    def bulk(number):
        ids = [f"d{index}" for index in range(number, number + 30)]
        return decide_many(workspace=workspace, submissions=[submission(external_id=one) for one in ids])

    results = [result for results in at_once(bulk) for result in results]
    assert all(isinstance(result, Stored) for result in results)
    assert sum(result.created for result in results) == DecisionRecord.objects.count() == WRITERS + 29


@pytest.mark.django_db(transaction=True)
def test_bulk__what_governs_changes_without_a_pause__is_recorded_all_the_same():
    workspace, done = WorkspaceFactory(), Event()
    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(_rename_until, done, workspace)
        try:
            results = decide_many(workspace=workspace, submissions=[submission() for _ in range(200)])
        finally:
            done.set()
        assert changing.result(timeout=60)
    assert all(isinstance(result, Stored) for result in results)
    assert DecisionRecord.objects.count() == 200


def _rename_until(done, workspace):
    try:
        for number in count():
            if done.is_set():
                return number
            Workspace.objects.filter(pk=workspace.pk).update(name=f"Name {number}")
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_decide__kill_switch_thrown_while_it_waits_for_the_lock__blocks():
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            engage_kill_switch(actor=superuser, workspace=workspace, reason="Something is wrong.")
            waiting = pool.submit(_decide_and_hang_up, workspace)
            time.sleep(0.5)
            assert not waiting.done()
        assert waiting.result(timeout=20).record.gate_reason == "kill_switch"


@pytest.mark.django_db(transaction=True)
def test_kill_switch__waits_for_the_commit_of_what_was_compared_before_it():
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()

    def engage():
        try:
            engage_kill_switch(actor=superuser, workspace=workspace, reason="Something is wrong.")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            hold(workspace, current_version(workspace.pk))
            waiting = pool.submit(engage)
            time.sleep(0.5)
            assert not waiting.done()
        waiting.result(timeout=20)


def _decide_and_hang_up(workspace):
    try:
        return decide(workspace=workspace, submission=submission())
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_record_review__one_form_sent_twenty_times_with_either_answer__one_outcome():
    decision, reviewer = DecisionRecordFactory(), SuperuserFactory()

    def review(number):
        try:
            return record_review(actor=reviewer, decision=decision, success=number % 2 == 0, seen=0).pk
        except LostRace:
            return None

    results = at_once(review)
    kept = DecisionOutcome.objects.get()
    assert [result == kept.pk for result in results] == [(number % 2 == 0) is kept.success for number in range(WRITERS)]
