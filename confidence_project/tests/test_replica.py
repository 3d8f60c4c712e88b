"""Reads from a replica: lists and calibrations there, everything else where it is written. The second connection of the
tests leads to the same server, which is no standby, and so has everything at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from calibration.runner import run_calibration
from calibration.tests.factories import START, decision, outcome, store
from confidence_project.foundation.replica import REPLICA, WROTE
from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, WorkspaceFactory
from ledger.tests.bodies import envelope
from ledger.tests.factories import DecisionRecordFactory

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", REPLICA]),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no replica"),
]

LIST = reverse("admin:ledger_decisionrecord_changelist")


@pytest.fixture(scope="module", autouse=True)
def configured(django_db_setup: None) -> Iterator[None]:
    """Before the tests' own set-up, which lets only databases in that it knows."""
    connections.databases[REPLICA] = {**connection.settings_dict, "TEST": {"MIRROR": "default"}}
    yield
    del connections.databases[REPLICA]


@pytest.fixture
def replica(settings: Any) -> Iterator[Any]:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "confidence_project.foundation.replica.WroteMiddleware"]
    yield connections[REPLICA]
    connections[REPLICA].close()


def queries_of(database: Any, work: Any) -> list[str]:
    with CaptureQueriesContext(database) as queries:
        work()
    return [query["sql"] for query in queries]


def signed_in() -> Client:
    client = Client()
    client.force_login(SuperuserFactory())
    return client


def test_list__is_read_from_the_replica__and_the_page_of_a_record_is_not(replica: Any) -> None:
    record, client = DecisionRecordFactory(), signed_in()
    asked = queries_of(replica, lambda: client.get(LIST))
    assert asked
    assert all("decision_ledger" in each for each in asked if "LIMIT 51" in each)
    page = reverse("admin:ledger_decisionrecord_change", args=[record.pk])
    assert queries_of(replica, lambda: client.get(page)) == []
    assert client.get(page).status_code == 200


def test_list__right_after_something_was_sent__is_read_where_it_was_written(replica: Any) -> None:
    DecisionRecordFactory()
    client = signed_in()
    sent = client.post(reverse("admin:governance_killswitch_changelist"), {})
    assert sent.cookies[WROTE]["max-age"] == 30
    assert queries_of(replica, lambda: client.get(LIST)) == []


@pytest.fixture
def lost(settings: Any) -> Iterator[Any]:
    """A replica at an address where nobody answers."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "confidence_project.foundation.replica.WroteMiddleware"]
    replica = connections[REPLICA]
    replica.close()
    there = replica.settings_dict
    nowhere = {**there.get("OPTIONS", {}), "host": "/nowhere"}
    replica.settings_dict = {**there, "HOST": "", "OPTIONS": nowhere}
    yield replica
    replica.settings_dict = there


def test_replica_that_is_not_there__the_database_itself_is_read(lost: Any, caplog: pytest.LogCaptureFixture) -> None:
    workspace = WorkspaceFactory()
    records = [decision(workspace, confidence=0.95, minute=minute) for minute in range(40)]
    store(records, [outcome(each, True) for each in records])
    assert str(records[-1].pk) in signed_in().get(LIST).content.decode()
    run = run_calibration(
        workspace=workspace, window_from=START, window_to=START + timedelta(days=1), maturity_days=0, dry_run=True
    )
    assert run.samples == 40
    assert caplog.messages.count("The replica cannot be reached; the database itself is read.") == 2


def test_settings__replica_of_its_own_address__is_not_led_to_the_other() -> None:
    program = (
        "from confidence_project.settings import DATABASES; r = DATABASES['replica']; "
        "print(r['OPTIONS']['host'], r['OPTIONS']['sslmode'], 'statement_timeout' in r['OPTIONS']['options'])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True,
        env={
            "DJANGO_SETTINGS_MODULE": "confidence_project.settings",
            "CONFIDENCE_DEV": "1",
            "DATABASE_URL": "postgresql://u:@/ledger?host=/primary",
            "CONFIDENCE_READ_DATABASE_URL": "postgresql://u:@/ledger?host=/standby&sslmode=require",
        },
    )  # fmt: skip
    assert ended.stdout.split() == ["/standby", "require", "True"]


def test_gate__reads_nothing_from_the_replica(replica: Any) -> None:
    caller = Caller(WorkspaceFactory())
    asked = queries_of(replica, lambda: caller.post("decisions", envelope()))
    assert asked == []


def test_calibration__reads_from_the_replica_and_finds_the_same(replica: Any) -> None:
    workspace = WorkspaceFactory()
    made = [decision(workspace, confidence=0.9, minute=minute) for minute in range(50)]
    store(made, [outcome(each, True) for each in made])
    day: dict[str, Any] = {
        "workspace": workspace, "policy_keys": ["confidence_gate"], "window_from": START,
        "window_to": START + timedelta(days=1), "maturity_days": 0,
    }  # fmt: skip
    found = []
    asked = queries_of(replica, lambda: found.append(run_calibration(**day)))
    assert any("decision_ledger" in each for each in asked)
    assert not any(each.startswith(("INSERT", "UPDATE", "DELETE")) for each in asked)
    del connections.databases[REPLICA]
    try:
        again = run_calibration(**day)
    finally:
        connections.databases[REPLICA] = replica.settings_dict
    assert found[0].inputs_sha256 == again.inputs_sha256
    assert connections["default"].alias == "default"
