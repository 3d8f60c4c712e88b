"""Facts that arrive after their record: kept once, repeated without harm, never overwritten."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.tests.callers import Caller
from telemetry.models import FollowUpBooking
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db

AT, LATER = "2026-01-31T09:30:00Z", "2026-02-01T09:30:00Z"

FACTS = [
    ("drafts", bodies.draft, "dispositions", {"disposition": "edited"}, {"disposition": "discarded"}),
    (
        "overseer-decisions",
        bodies.overseer_decision,
        "overrides",
        {"human_override": "deny", "overridden_at": AT},
        {"human_override": "deny", "overridden_at": LATER},
    ),
    (
        "bookings",
        bodies.booking,
        "outcomes",
        {"outcome": "kept", "outcome_at": AT},
        {"outcome": "no_show", "outcome_at": AT},
    ),
]


@pytest.fixture
def caller():
    return Caller()


@pytest.mark.parametrize("path, body, sub, fact, other", FACTS)
def test_fact__first_again_and_another__kept_repeated_and_refused(caller, path, body, sub, fact, other):
    record = caller.post(path, body(created_at=AT)).json()
    named = {"external_id": record["external_id"]}
    first = caller.post(f"{path}/{sub}", {**named, **fact})
    assert first.status_code == 201, first.content
    assert first.json() == {**record, **fact}
    again = caller.post(f"{path}/{sub}", {**named, **fact})
    assert (again.status_code, again.json()) == (200, first.json())
    refused = caller.post(f"{path}/{sub}", {**named, **other})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert caller.get(f"{path}/{record['id']}").json() == first.json()


@pytest.mark.parametrize("path, body, sub, fact, other", FACTS)
def test_fact__about_a_record_of_another_workspace__is_like_one_that_does_not_exist(
    caller, path, body, sub, fact, other
):
    elsewhere = Caller().post(path, body(created_at=AT)).json()["external_id"]
    replies = [caller.post(f"{path}/{sub}", {"external_id": name, **fact}) for name in (elsewhere, "never-sent")]
    assert [reply.status_code for reply in replies] == [404, 404]
    assert replies[0].content == replies[1].content


@pytest.mark.parametrize("path, body, sub, fact, other", FACTS)
def test_fact__sent_with_the_record__is_the_same_fact(caller, path, body, sub, fact, other):
    record = caller.post(path, body(created_at=AT, **fact)).json()
    named = {"external_id": record["external_id"]}
    assert caller.post(f"{path}/{sub}", {**named, **fact}).status_code == 200
    assert caller.post(f"{path}/{sub}", {**named, **other}).status_code == 409


@pytest.mark.parametrize("path, body, sub, fact, other", FACTS)
def test_record__sent_again_after_its_fact__is_the_record_with_the_fact(caller, path, body, sub, fact, other):
    sent = body(created_at=AT)
    record = caller.post(path, sent).json()
    caller.post(f"{path}/{sub}", {"external_id": record["external_id"], **fact})
    again = caller.post(path, sent)
    assert (again.status_code, again.json()) == (200, {**record, **fact})


@pytest.mark.parametrize(
    "change, pointer",
    [
        ({"outcome": "fine"}, "/outcome"),
        ({"outcome": None}, "/outcome"),
        ({"outcome_at": "2026-01-30T09:00:00Z"}, "/outcome_at"),
        ({"outcome_at": "2999-01-01T00:00:00Z"}, "/outcome_at"),
        ({"note": "he did not come"}, "/note"),
    ],
)
def test_fact__bad_field__422_with_its_pointer(caller, change, pointer):
    name = caller.post("bookings", bodies.booking(created_at=AT)).json()["external_id"]
    reply = caller.post("bookings/outcomes", {"external_id": name, "outcome": "kept", "outcome_at": AT, **change})
    assert reply.status_code == 422
    assert [error["pointer"] for error in reply.json()["errors"]] == [pointer]
    assert FollowUpBooking.objects.get().outcome == ""


def test_record__outcome_without_its_time__422(caller):
    assert caller.post("bookings", bodies.booking(outcome="kept")).status_code == 422


def test_bulk__mixed__good_facts_are_kept_in_few_queries(caller):
    sent = [bodies.booking(created_at=AT) for _ in range(50)]
    caller.post("bookings", sent)
    facts = [{"external_id": each["external_id"], "outcome": "kept", "outcome_at": AT} for each in sent]
    mixed = [*facts, facts[0], {**facts[1], "outcome": "corrected"}, {**facts[2], "external_id": "never-sent"}]
    with CaptureQueriesContext(connection) as queries:
        reply = caller.post("bookings/outcomes", mixed)
    assert reply.status_code == 207, reply.content
    body = reply.json()
    assert (body["created"], body["duplicates"], body["rejected"]) == (50, 1, 2)
    assert [(error["index"], error["code"]) for error in body["errors"]] == [(51, "conflict"), (52, "not_found")]
    assert FollowUpBooking.objects.filter(outcome="kept").count() == 50
    assert len([query for query in queries if query["sql"].startswith("UPDATE")]) == 1
