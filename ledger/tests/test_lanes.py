"""The fast lanes: what they answer is what the views answer, and what they decline the views answer as always."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from django.db import connection

from confidence_project.foundation.submissions import TryAgain
from governance.access import lanes
from governance.access.lanes import LANES
from governance.controls.services import engage_kill_switch
from governance.models import ApiKey
from governance.policies import current_version, hold
from governance.tests.factories import ApiKeyFactory, SuperuserFactory
from governance.tests.served import ServedClient
from governance.workspaces.services import revoke_api_key
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.tests.bodies import envelope, llm_decision

pytestmark = pytest.mark.django_db(transaction=True)

FLAG = "/ofrep/v1/evaluate/flags/confidence_gate.confidence_threshold"

OUTCOME = {"external_id": "o", "decision_external_id": "none", "success": True, "source": "booking"}


class Machine:
    """A caller that counts what the lanes took."""

    def __init__(self, monkeypatch, **key):
        self.key = ApiKeyFactory(**key)
        self.workspace = self.key.workspace
        self.taken = 0
        answer = lanes._answer

        def counted(*asked):
            reply = answer(*asked)
            self.taken += reply is not None
            return reply

        monkeypatch.setattr(lanes, "_answer", counted)

    def post(self, path, content, **headers):
        client = ServedClient(headers={"X-API-Key": self.key.plain, **headers})
        return client.post(path, json.dumps(content), content_type="application/json")

    def decide(self, **changes):
        return self.post("/api/v1/decisions", envelope(**changes))

    def attach(self, decision_external_id, external_id, **changes):
        ids = {"external_id": external_id, "decision_external_id": decision_external_id}
        return self.post("/api/v1/outcomes", {**ids, "success": True, "source": "downstream_event", **changes})


@pytest.fixture
def machine(monkeypatch):
    machine = Machine(monkeypatch)
    machine.decide()  # the view's: neither the key nor what governs was read before
    assert machine.taken == 0
    return machine


def without_lanes(monkeypatch):
    monkeypatch.setattr(LANES, "things", {})


def comparable(reply, *varying):
    headers = {name: value for name, value in reply.headers.items() if name not in ("Allow", "Vary", "Content-Length")}
    body = {name: value for name, value in reply.json().items() if name not in varying}
    return reply.status_code, headers, body


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"decision": llm_decision(confidence=0.1)},
        {"decision": llm_decision(confidence=2)},
        {"decision": None, "ml_risk_score": 0.5, "task": "t", "channel": "c", "case_key": "k"},
        {"decision": llm_decision(provider="Ein Anbieter")},
    ],
)
def test_decide__the_lane_and_the_view_answer_and_record_alike(machine, monkeypatch, changes):
    by_lane = machine.decide(external_id="one", **changes)
    assert machine.taken == 1
    without_lanes(monkeypatch)
    by_view = machine.decide(external_id="two", **changes)
    varying = ("decision_id", "external_id")
    assert comparable(by_lane, *varying) == comparable(by_view, *varying)
    rows = DecisionRecord.objects.filter(external_id__in=["one", "two"]).values()
    one, two = ({k: v for k, v in row.items() if k not in (*varying, "timestamp", "occurred_at")} for row in rows)
    assert one == two


def test_outcome__the_lane_and_the_view_answer_and_record_alike(machine, monkeypatch):
    machine.decide(external_id="d")
    taken = machine.taken
    by_lane = machine.attach("d", "one", automation_executed=True)
    assert machine.taken == taken + (connection.vendor == "postgresql")
    without_lanes(monkeypatch)
    by_view = machine.attach("d", "two", automation_executed=True)
    varying = ("external_id", "sequence", "observed_at", "recorded_at")
    assert comparable(by_lane, *varying) == comparable(by_view, *varying)
    assert [by_lane.json()["sequence"], by_view.json()["sequence"]] == [1, 2]
    assert by_lane.json()["recorded_at"].endswith("Z")
    first, second = (outcome.__dict__ for outcome in DecisionOutcome.objects.order_by("id"))
    varying = ("_state", "id", "sequence", "external_id", "body_sha256", "observed_at", "recorded_at")
    assert {k: v for k, v in first.items() if k not in varying} == {k: v for k, v in second.items() if k not in varying}


def test_flag__the_lane_and_the_view_answer_alike(machine, monkeypatch):
    by_lane = machine.post(FLAG, {"context": {"targetingKey": "c"}})
    assert machine.taken == 1
    without_lanes(monkeypatch)
    assert comparable(by_lane) == comparable(machine.post(FLAG, {"context": {"targetingKey": "c"}}))


def test_repetition_and_conflict__answered_by_the_view(machine):
    body = envelope(external_id="same")
    first = machine.post("/api/v1/decisions", body)
    again = machine.post("/api/v1/decisions", body)
    other = machine.post("/api/v1/decisions", {**body, "task": "other"})
    assert [first.status_code, again.status_code, other.status_code] == [201, 200, 409]
    assert first.json() == again.json()
    assert machine.taken == 1


@pytest.mark.parametrize(
    "path, content, status",
    [
        ("/api/v1/decisions", [envelope()], 201),
        ("/api/v1/decisions", {**envelope(), "policy_key": "no.such"}, 422),
        ("/api/v1/decisions", {**envelope(), "policy_key": "lead_context_bundle"}, 422),
        ("/api/v1/decisions", {**envelope(), "occurred_at": "2099-01-01T00:00:00Z"}, 422),
        ("/api/v1/decisions", {**envelope(), "interaction": "unknown"}, 422),
        ("/api/v1/decisions", {**envelope(), "more": 1}, 422),
        ("/api/v1/outcomes", OUTCOME, 404),
        ("/ofrep/v1/evaluate/flags/confidence_gate.none", {"context": {}}, 404),
        (FLAG, {"context": []}, 400),
    ],
)  # fmt: skip
def test_whatever_is_not_plain__answered_by_the_view(machine, path, content, status):
    assert machine.post(path, content).status_code == status
    assert machine.taken == 0


@pytest.mark.parametrize(
    "header, value, status",
    [
        ("Host", "elsewhere.example", 400),
        ("Accept", "text/html", 406),
        ("Origin", "https://shop.example", 201),
        ("Content-Encoding", "zstd", 415),
        ("X-API-Key", "other", 401),
    ],
)
def test_whoever_asks_otherwise__answered_by_the_view(machine, header, value, status):
    assert machine.post("/api/v1/decisions", envelope(), **{header: value}).status_code == status
    assert machine.taken == 0


def test_plain_http__where_https_is_asked_for__left_to_the_redirect(machine, settings):
    settings.SECURE_SSL_REDIRECT = True
    machine.decide()
    assert machine.taken == 0
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    machine.post("/api/v1/decisions", envelope(), **{"X-Forwarded-Proto": "https"})
    assert machine.taken == 1


def test_path_outside_of_ascii__answered_by_the_view(machine):
    machine.key.scopes = ["read"]
    machine.key.save()
    assert machine.post("/ofrep/v1/evaluate/flags/größe", {"context": {}}).status_code == 404
    assert machine.taken == 0


def test_kill_switch_and_revoked_key__the_next_call(machine):
    assert machine.decide().json()["verdict"] == "allow"
    engage_kill_switch(actor=SuperuserFactory(), workspace=machine.workspace, reason="Smoke.")
    assert [machine.decide().json()["reason"] for _ in range(2)] == ["kill_switch"] * 2
    assert machine.taken == 2
    revoke_api_key(actor=SuperuserFactory(), workspace=machine.workspace, prefix=machine.key.prefix)
    for path, content in (
        ("/api/v1/decisions", envelope()),
        ("/api/v1/decisions", {}),
        ("/api/v1/outcomes", {}),
        (FLAG, {"context": {}}),
    ):
        assert machine.post(path, content).status_code == 401
    assert DecisionRecord.objects.filter(gate_verdict="allow").count() == 2


def test_scope_taken_away_by_hand__refused_at_the_next_call(machine):
    ApiKey.objects.update(scopes=["read"])
    assert machine.decide().status_code == 403


def test_limit__counts_each_call_once(machine, monkeypatch):
    monkeypatch.setattr("governance.access.authentication.ApiKeyThrottle.get_rate", lambda self: "6/day")
    # A repetition goes through lane and view, and counts once.
    body = envelope()
    statuses = [machine.post("/api/v1/decisions", body).status_code for _ in range(4)]
    statuses += [machine.decide().status_code for _ in range(3)]
    assert statuses == [201, 200, 200, 200, 201, 201, 429]


def test_one_statement__key_and_what_governs_were_read_before(machine, django_assert_num_queries):
    # SQLite: BEGIN, version, id, both rows, COMMIT.
    with django_assert_num_queries(1 if connection.vendor == "postgresql" else 6):
        machine.decide()


def test_flag__key_and_what_governs_were_read_before__one_query_for_the_version(machine, django_assert_num_queries):
    with django_assert_num_queries(1):
        machine.post(FLAG, {"context": {"targetingKey": "c"}})


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's driver prepares by itself")
@pytest.mark.parametrize("prepares", [True, False])
def test_statement__prepared_by_the_database_unless_it_must_not_be(machine, settings, prepares):
    settings.CONFIDENCE_PREPARED_STATEMENTS = prepares
    connection.close()
    machine.decide()
    assert machine.taken == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_prepared_statements WHERE statement LIKE '%INSERT INTO decision_ledger%'")
        assert len(cursor.fetchall()) == prepares


@pytest.mark.skipif(connection.vendor != "postgresql", reason="counted by the statistics of PostgreSQL")
def test_partition_that_was_empty__a_decision_reads_no_more_than_a_few_rows_of_it(machine):
    # Plans are made at the first decision of a session and kept, so they must do for the thousandth.
    connection.close()
    before = _rows_read()
    for _ in range(60):
        machine.decide()
    assert _rows_read() - before <= 60 * 5


def _rows_read():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables "
            "WHERE relname LIKE 'decision_ledger%%' OR relname = 'ledger_decisionexternalid'"
        )
        return cursor.fetchone()[0]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connection to lose")
def test_connection__lost_between_two_calls__the_next_is_answered_on_another(machine):
    machine.decide()
    lost = connection.connection
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert machine.decide(external_id="after").status_code == 201
    assert connection.connection is not lost
    assert machine.taken == 2
    assert DecisionRecord.objects.filter(external_id="after").count() == 1


def test_hold__another_version__try_again(machine):
    before = current_version(machine.workspace.pk)
    engage_kill_switch(actor=SuperuserFactory(), workspace=machine.workspace, reason="Smoke.")
    with pytest.raises(TryAgain):
        hold(machine.workspace, before)
    with pytest.raises(TryAgain):
        hold(machine.workspace, None)
