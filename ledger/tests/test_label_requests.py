"""The queue of labels holds what waits, whoever answered, and what comes next is found without looking at the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory, admin_of, reviewer_of
from ledger.labelling.answering import answer_task, undo_answer
from ledger.labelling.queue import next_task
from ledger.labelling.requests import SETTLES_AFTER, catch_up, still_wanted
from ledger.labelling.rules import set_labelling_rules
from ledger.models import DecisionRecord, LabelMark, LabelRequest, Purpose
from ledger.models.decisions import least_decision_id, new_decision_id
from ledger.reviews import record_review
from ledger.selectors import waiting_for_review
from ledger.tests.factories import DecisionOutcomeFactory, DecisionRecordFactory

pytestmark = pytest.mark.django_db

KEY = "confidence_gate"


def drawn(workspace: Workspace, number: int = 1, **values: Any) -> list[DecisionRecord]:
    told = {"workspace": workspace, "gate_verdict": "block", "llm_confidence": "0.8", "audit_selected": True, **values}
    return DecisionRecord.objects.bulk_create(
        DecisionRecordFactory.build(**{"decision_id": new_decision_id(), **told}) for _ in range(number)
    )


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="post")


def queued(workspace: Workspace) -> set[Any]:
    catch_up(workspace, fully=True)
    requests = LabelRequest.objects.filter(workspace=workspace).exclude(purpose=Purpose.SECOND)
    return set(still_wanted(requests.values("decision_id")).values_list("pk", flat=True))


def waiting(workspace: Workspace) -> set[Any]:
    rows = waiting_for_review(DecisionRecord.objects.filter(workspace=workspace))
    return set(rows.values_list("pk", flat=True))


def say(person: Any, workspace: Workspace, given: str) -> None:
    task = next_task(person=person, workspace=workspace)
    assert task is not None
    answer_task(person=person, workspace=workspace, claim_id=task.claim.pk, answer=given)


@pytest.mark.parametrize("confirms", [False, True], ids=["first answer", "confirmed"])
def test_queue__after_every_verb__is_what_waits(workspace, confirms):
    admin = admin_of(workspace)
    set_labelling_rules(actor=admin, workspace=workspace, policy_key=KEY, reason="Try.", confirms_wrong=confirms)
    decisions = drawn(workspace, 12)
    drawn(WorkspaceFactory())
    assert queued(workspace) == waiting(workspace) == {each.pk for each in decisions}
    one, other = reviewer_of(workspace), reviewer_of(workspace)
    for given in ("right", "wrong", "cannot_tell", "skipped"):
        say(one, workspace, given)
        say(other, workspace, given)
        assert queued(workspace) == waiting(workspace)
    record_review(actor=admin, decision=decisions[-1], success=True, seen=0)
    assert queued(workspace) == waiting(workspace)
    say(one, workspace, "right")
    undo_answer(person=one, workspace=workspace)
    assert queued(workspace) == waiting(workspace)


def test_queue__what_hosts_report_that_people_said__waits_no_more(workspace):
    first, second = drawn(workspace, 2)
    assert queued(workspace) == {first.pk, second.pk}
    DecisionOutcomeFactory(decision=first, source="human_review")
    assert queued(workspace) == {second.pk}


def test_catching_up__looks_again_at_what_may_still_be_committed(workspace):
    now = timezone.now()
    first, early, late = (least_decision_id(now - SETTLES_AFTER + timedelta(seconds=each)) for each in (-9, 9, 99))
    drawn(workspace, decision_id=first)
    drawn(workspace, decision_id=late)
    assert queued(workspace) == {first, late}
    assert LabelMark.objects.get().through == first
    drawn(workspace, decision_id=early)
    assert queued(workspace) == {first, early, late}
    with mock.patch("django.utils.timezone.now", return_value=now + 2 * SETTLES_AFTER):
        assert queued(workspace) == {first, early, late}
    assert LabelMark.objects.get().through == late


def test_catching_up__in_steps__skips_nothing_and_stops_once_enough_wait(workspace, monkeypatch):
    monkeypatch.setattr("ledger.labelling.requests.STEP", 3)
    monkeypatch.setattr("ledger.labelling.requests.MOST_COUNTED", 1)
    decisions = drawn(workspace, 10)
    for each in decisions[:4]:
        DecisionOutcomeFactory(decision=each, source="human_review")
    catch_up(workspace)
    assert set(LabelRequest.objects.values_list("decision_id", flat=True)) == {each.pk for each in decisions[4:6]}
    assert queued(workspace) == {each.pk for each in decisions[4:]}


def test_second_look__waits_until_another_person_gave_it(workspace):
    rules = {"twice_share": 1, "reason": "All twice."}
    set_labelling_rules(actor=admin_of(workspace), workspace=workspace, policy_key=KEY, **rules)
    drawn(workspace)
    one = reviewer_of(workspace)
    say(one, workspace, "right")
    assert LabelRequest.objects.get().purpose == Purpose.SECOND
    assert next_task(person=one, workspace=workspace) is None
    say(reviewer_of(workspace), workspace, "wrong")
    assert not LabelRequest.objects.exists()


def test_next__is_read_from_the_index_in_its_order(workspace):
    for each, number in ((WorkspaceFactory(), 1_500), (workspace, 300)):
        drawn(each, number)
        catch_up(each, fully=True)
    with connection.cursor() as cursor:
        for table in ("decision_ledger", "ledger_labelrequest"):
            cursor.execute(f"ANALYZE {table}")
        # PostgreSQL plans for these few rows as for millions: by an index that holds the order, if there is one.
        for way in (
            ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "sort") if connection.vendor == "postgresql" else ()
        ):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    with CaptureQueriesContext(connection) as queries:
        assert next_task(person=reviewer_of(workspace), workspace=workspace)
    reads = [each["sql"] for each in queries if each["sql"].startswith('SELECT "ledger_labelrequest"."decision_id"')]
    assert reads
    for each in reads:
        with connection.cursor() as cursor:
            cursor.execute(("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + each)
            plan = "\n".join(str(row) for row in cursor.fetchall())
        assert "label_requests_in_order" in plan
        assert "Sort  (cost" not in plan
        assert "TEMP B-TREE" not in plan


def test_next__asks_as_often_whatever_waits(workspace):
    counts = []
    for _ in range(2):
        drawn(workspace, 40)
        person = reviewer_of(workspace)
        with CaptureQueriesContext(connection) as queries, mock.patch("ledger.labelling.queue._SECOND_FIRST", 0):
            assert next_task(person=person, workspace=workspace)
        counts.append(len(queries))
    assert counts[0] == counts[1]
