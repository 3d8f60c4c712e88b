"""The worker keeps the log: from its start on, again and again, with a key and without."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from governance.tests.workers import work_off
from ledger.models import Checkpoint
from ledger.tests.factories import DecisionRecordFactory
from ledger.tests.transparency import SIGNER, run
from ledger.transparency.queue import keep_log_later
from ledger.transparency.tree import log_size

pytestmark = pytest.mark.django_db(transaction=True)


def start_worker() -> None:
    call_command("db_worker", batch=True, interval=0.0, startup_delay=False, reload=False, verbosity=0)


def waiting() -> list[DBTaskResult]:
    return list(DBTaskResult.objects.filter(task_path__endswith="keep_log_again", status="READY"))


@pytest.mark.parametrize(("key", "signed"), [("", 0), (SIGNER, 1)])
def test_worker__as_it_starts__keeps_the_log_and_asks_for_the_next_time(settings: Any, key: str, signed: int) -> None:
    settings.CONFIDENCE_LOG_KEY = key
    DecisionRecordFactory.create_batch(3)
    start_worker()
    assert (log_size(), Checkpoint.objects.count()) == (3, signed)
    (next_time,) = waiting()
    assert timedelta(seconds=50) < next_time.run_after - timezone.now() <= timedelta(seconds=60)


def test_worker__second_one__asks_for_nothing_more() -> None:
    start_worker()
    start_worker()
    assert len(waiting()) == 1


def test_worker__minute_after_minute__leaves_no_heap_of_results() -> None:
    keep_log_later(after=timedelta())
    for _ in range(4):
        work_off()
        DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())
    assert DBTaskResult.objects.count() <= 2


def test_worker__log_that_does_not_extend_its_checkpoint__goes_on_asking(settings: Any, caplog: Any) -> None:
    settings.CONFIDENCE_LOG_KEY = SIGNER
    DecisionRecordFactory()
    run("checkpoint_ledger")
    Checkpoint.objects.create(tree_size=9, root_hash=bytes(32), note="", created_at=timezone.now())
    start_worker()
    assert "does not extend" in caplog.text
    assert len(waiting()) == 1


def test_worker__told_not_to__leaves_the_log_alone(settings: Any) -> None:
    settings.CONFIDENCE_LOG_EVERY_SECONDS = 0
    DecisionRecordFactory()
    start_worker()
    assert (log_size(), waiting()) == (0, [])
