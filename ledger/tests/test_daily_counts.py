"""Daily counts are a copy that can be checked: kept by a worker, whole after any break, and never wrong in silence."""

from __future__ import annotations

import os
import signal
import time
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django_tasks_db.models import DBTaskResult

from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory
from ledger.counts import counting, services
from ledger.counts.following import days_since_the_marks
from ledger.counts.verification import verify_counts
from ledger.models import CountedDay, CountMark, DailyCount, DecisionRecord, OutcomeVoid
from ledger.tests.committed import until_all_is_seen
from ledger.tests.factories import DECIDED_AT, DecisionOutcomeFactory, DecisionRecordFactory
from ledger.tests.transparency import behind_the_triggers, run

pytestmark = pytest.mark.django_db(transaction=True)


def kept(*, busy_days_wait: bool = False) -> services.Kept:
    until_all_is_seen()
    return services.keep_counts(busy_days_wait=busy_days_wait)


def run_when_seen(*command: str) -> str:
    until_all_is_seen()
    return run(*command)


AGREE = "The daily counts agree with the ledger."


def decided(days: int = 3, **fields: Any) -> list[DecisionRecord]:
    return [DecisionRecordFactory(occurred_at=DECIDED_AT + timedelta(days=day), **fields) for day in range(days)]


def not_counted() -> int:
    return CountedDay.objects.exclude(counted=F("touched")).count()


def test_keep_counts__new_decisions__are_counted_by_their_day() -> None:
    workspace = WorkspaceFactory()
    decided(3, workspace=workspace)
    decided(1, workspace=workspace, gate_verdict="block", gate_reason="kill_switch", case_key="t-1")
    DecisionOutcomeFactory(decision=decided(2, workspace=workspace)[1], success=False)
    assert run_when_seen("keep_counts") == "3 days were touched, 3 counted.\n"
    counted = CountedDay.objects.values_list("decisions", "in_cases", "allowed", "labelled", "successes")
    assert list(counted) == [(3, 1, 2, 0, 0), (2, 0, 2, 1, 0), (1, 0, 1, 0, 0)]
    assert run_when_seen("keep_counts") == "0 days were touched, 0 counted.\n"
    assert run("verify_counts").splitlines() == ["3 days counted anew; 0 wait to be counted.", AGREE]


def test_keep_counts__outcome_void_and_correction__have_their_day_counted_anew() -> None:
    first, _, last = decided(3)
    kept()
    outcome = DecisionOutcomeFactory(decision=first)
    assert kept().counted == 1
    assert CountedDay.objects.get(day=first.occurred_at.date()).labelled == 1
    OutcomeVoid.objects.create(outcome=outcome, workspace=first.workspace, at=DECIDED_AT, reporter="test")
    DecisionOutcomeFactory(decision=last, success=False)
    assert kept().counted == 2
    assert list(CountedDay.objects.values_list("labelled", flat=True)) == [0, 0, 1]


def test_worker__as_it_starts__keeps_the_counts_and_asks_for_the_next_time() -> None:
    decided(2)
    call_command("db_worker", batch=True, interval=0.0, startup_delay=False, reload=False, verbosity=0)
    assert CountedDay.objects.count() == 2
    assert DBTaskResult.objects.filter(task_path__endswith="keep_counts_again", status="READY").count() == 1


def test_worker__day_that_is_touched_in_every_round__is_counted_once_a_day() -> None:
    (decision,) = decided(1)
    kept()
    for sequence in (1, 2):
        DecisionOutcomeFactory(decision=decision, sequence=sequence)
        assert kept(busy_days_wait=True).counted == 0
    assert kept(busy_days_wait=True) == services.Kept(touched=0, counted=1)
    DecisionOutcomeFactory(decision=decision, sequence=3)
    CountedDay.objects.update(counted_at=F("counted_at") - services.BUSY)
    assert kept(busy_days_wait=True) == services.Kept(touched=1, counted=1)
    assert CountedDay.objects.get().labelled == 1


def test_worker__told_not_to__leaves_the_counts_alone(settings: Any) -> None:
    settings.CONFIDENCE_COUNT_EVERY_SECONDS = 0
    decided(1)
    call_command("db_worker", batch=True, interval=0.0, startup_delay=False, reload=False, verbosity=0)
    assert not CountedDay.objects.exists()


@pytest.mark.parametrize("other", [{"mark": 1 << 60}, {"server": 7}])
def test_keep_counts__marks_of_another_server__begins_anew(other: dict[str, int]) -> None:
    decided(2)
    kept()
    CountMark.objects.update(**other)
    assert kept().counted == 2


def _pack_otherwise() -> None:
    one = DailyCount.objects.order_by("pk").first()
    assert one is not None
    DailyCount.objects.filter(pk=one.pk).update(packed=DailyCount.objects.order_by("pk").last().packed)  # type: ignore[union-attr]


TAMPERED = {
    "row is gone": (lambda: DailyCount.objects.order_by("pk").first().delete(), "no counts of what the ledger holds"),  # type: ignore[union-attr]
    "packed integers": (_pack_otherwise, "other confidences or labels than in the ledger"),
    "another reason": (lambda: DailyCount.objects.update(gate_reason="x"), "counts of what the ledger does not hold"),
    "total": (lambda: CountedDay.objects.update(decisions=7), "decisions: counted 7, in the ledger 1"),
    "checksum": (lambda: CountedDay.objects.update(sha256=bytes(32)), "the checksum is not that of the counts"),
    "day is gone": (lambda: CountedDay.objects.all().delete(), "nothing says that the day is to be counted"),
}  # fmt: skip


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite cancels nothing")
def test_first_count__days_that_take_too_long_at_once__are_counted_by_fewer(monkeypatch: Any, settings: Any) -> None:
    decided(12)
    settings.CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS = 0.5
    slow = {DECIDED_AT.date() + timedelta(days=3)}
    count_days = services.count_days

    def slowly(workspace_id: int, policy_key: str, first: date, last: date) -> Any:
        """As of a ledger in which each day takes a while, and some days too long."""
        too_long = any(first <= day <= last for day in slow)
        with counting._unhurried(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(%s)", [5 if too_long else 0.1 * ((last - first).days + 1)])
        return count_days(workspace_id, policy_key, first, last)

    monkeypatch.setattr(services, "count_days", slowly)
    assert kept().counted == 11
    assert not_counted() == 1
    slow.clear()
    assert kept().counted == 1
    monkeypatch.undo()
    assert AGREE in run_when_seen("verify_counts")


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the planner of SQLite")
def test_run__looks_from_what_came_since_the_marks__and_not_through_all_decisions() -> None:
    (record, *_) = decided()
    kept()
    with CaptureQueriesContext(connection) as captured:
        assert days_since_the_marks(record.workspace_id, record.policy_key) == frozenset()
    following = [each["sql"] for each in captured if each["sql"].startswith("SELECT DISTINCT")]
    assert len(following) == 3
    with connection.cursor() as cursor:
        for statement in following:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            first, *others = (row[3] for row in cursor.fetchall() if " t" in row[3] or " d " in row[3])
            assert first.startswith("SEARCH t USING INTEGER PRIMARY KEY")
            assert all("decision_id=?" in each for each in others)


@pytest.mark.parametrize("tampered", TAMPERED)
def test_verify_counts__tampered_with__names_day_and_difference(
    tampered: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper, said = TAMPERED[tampered]
    workspace = WorkspaceFactory(slug="acme")
    decided(1, workspace=workspace)
    DecisionRecordFactory(workspace=workspace, occurred_at=DECIDED_AT + timedelta(days=1), llm_confidence="0.5")
    kept()
    tamper()
    with pytest.raises(CommandError, match="not what the ledger holds"):
        call_command("verify_counts", recount=True)
    told = capsys.readouterr().err
    assert f"acme, confidence_gate on {DECIDED_AT.date()}: " in told
    assert said in told
    kept()
    assert AGREE in run("verify_counts")


def test_verify_counts__ledger_that_was_changed_behind_the_triggers__differs() -> None:
    decided(1)
    kept()
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE decision_ledger SET llm_confidence = 0.1")
    with pytest.raises(CommandError):
        run("verify_counts")


def test_verify_counts__one_day_of_one_workspace__leaves_the_others_alone() -> None:
    decided(2, workspace=WorkspaceFactory(slug="acme"))
    decided(2)
    kept()
    said = run("verify_counts", workspace="acme", policy_key="confidence_gate", day=DECIDED_AT.date())
    assert said.startswith("1 days counted anew; 0 wait")
    with pytest.raises(CommandError, match="no workspace"):
        run("verify_counts", workspace="nobody")
    with pytest.raises(CommandError, match="give a day"):
        run("verify_counts", "--day", "yesterday")


def test_verify_counts__day_that_waits__is_told_from_one_that_differs() -> None:
    (decision,) = decided(1)
    kept()
    DecisionOutcomeFactory(decision=decision)
    assert run("verify_counts").splitlines() == ["0 days counted anew; 1 wait to be counted.", AGREE]


def _grow(workspace: Workspace, draw: Random) -> None:
    for _ in range(3):
        decision = DecisionRecordFactory(
            workspace=workspace,
            occurred_at=DECIDED_AT + timedelta(days=draw.randrange(6)),
            llm_confidence=f"{draw.random():.4f}",
        )
        if draw.random() < 0.5:
            DecisionOutcomeFactory(decision=decision, success=draw.random() < 0.5)


def _keep_in_a_process(killed_after: float | None = None) -> None:
    until_all_is_seen()
    connections.close_all()
    child = os.fork()
    if not child:
        try:
            services.keep_counts()
        finally:
            os._exit(0)
    if killed_after is not None:
        time.sleep(killed_after)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_keep_counts__killed_fifty_times__leaves_counts_that_verify() -> None:
    workspace, draw = WorkspaceFactory(), Random(18)
    _grow(workspace, draw)
    began = time.monotonic()
    _keep_in_a_process()
    takes, waited = time.monotonic() - began, 0
    for _ in range(50):
        _grow(workspace, draw)
        _keep_in_a_process(killed_after=draw.random() * takes)
        assert not [each.differences for each in verify_counts() if each.differences]
        waited += bool(not_counted())
    assert waited
    kept()
    assert not_counted() == 0
    assert sum(CountedDay.objects.values_list("decisions", flat=True)) == 153
    assert not [each for each in verify_counts() if each.differences or each.waits]
