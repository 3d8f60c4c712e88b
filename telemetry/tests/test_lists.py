"""Lists: pages by cursor, filters on the indexed columns, and never another workspace's records."""

from __future__ import annotations

import base64

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.tests.callers import Caller
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db

PATHS = ["interactions", "drafts", "sentiments", "overseer-decisions", "bookings"]


@pytest.fixture
def caller():
    return Caller()


def _names(reply):
    assert reply.status_code == 200, reply.content
    return [record["external_id"] for record in reply.json()["results"]]


def test_list__pages__hold_every_record_once_newest_first(caller):
    caller.post("drafts", [bodies.draft(external_id=f"d{number}") for number in range(5)])
    seen, url = [], "/api/v1/drafts?page_size=2"
    while url:
        page = caller.get(url)
        # A record that comes in the meantime moves nothing.
        caller.post("drafts", bodies.draft())
        seen += _names(page)
        url = page.json()["next"]
    assert seen == ["d4", "d3", "d2", "d1", "d0"]


def test_list__does_not_count(caller):
    caller.post("sentiments", [])
    for path in PATHS:
        with CaptureQueriesContext(connection) as queries:
            assert "count" not in caller.get(path).json()
        assert len(queries) == 2
        assert "COUNT(" not in queries[1]["sql"]


def test_list__sentiments__one_query_whatever_their_number(caller):
    caller.post("drafts", [bodies.draft(external_id=f"d{number}") for number in range(5)])
    caller.post("sentiments", [bodies.sentiment(draft=f"d{number}") for number in range(5)])
    with CaptureQueriesContext(connection) as queries:
        records = caller.get("sentiments").json()["results"]
    assert [record["draft"] for record in records] == ["d4", "d3", "d2", "d1", "d0"]
    assert len(queries) == 2


@pytest.mark.parametrize("path", PATHS)
def test_list_and_detail__records_of_another_workspace__do_not_exist(caller, path):
    other = Caller()
    other.post("drafts", bodies.draft(external_id="answered"))
    body = {
        "interactions": bodies.interaction,
        "drafts": bodies.draft,
        "sentiments": lambda: bodies.sentiment(draft="answered"),
        "overseer-decisions": bodies.overseer_decision,
        "bookings": bodies.booking,
    }[path]()
    record = other.post(path, body).json()
    assert _names(caller.get(path)) == []
    assert _names(caller.get(path, external_id=record["external_id"])) == []
    foreign, unknown = caller.get(f"{path}/{record['id']}"), caller.get(f"{path}/999999")
    assert (foreign.status_code, foreign.content) == (404, unknown.content)
    assert foreign["Content-Type"] == "application/problem+json"


def test_filters__time_and_id__narrow_the_list(caller):
    times = {"a": "2026-01-01T00:00:00Z", "b": "2026-01-02T00:00:00Z", "c": "2026-01-03T00:00:00Z"}
    caller.post("drafts", [bodies.draft(external_id=name, created_at=time) for name, time in times.items()])
    assert _names(caller.get("drafts", created_from=times["b"])) == ["c", "b"]
    assert _names(caller.get("drafts", created_before=times["b"])) == ["a"]
    assert _names(caller.get("drafts", created_from=times["b"], created_before=times["c"])) == ["b"]
    assert _names(caller.get("drafts", external_id="b")) == ["b"]


@pytest.mark.parametrize("parameter", ["created_from", "created_before", "external_id"])
def test_filters__value_that_is_none__400_that_does_not_repeat_it(caller, parameter):
    reply = caller.get("drafts", **{parameter: "secret-word\x00"})
    assert reply.status_code == 400
    assert reply["Content-Type"] == "application/problem+json"
    assert [error["parameter"] for error in reply.json()["errors"]] == [parameter]
    assert b"secret-word" not in reply.content


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-13-01T00:00:00Z"])
@pytest.mark.parametrize("path, parameter", [("drafts", "created_from"), ("decisions", "occurred_before")])
def test_filters__time_beyond_the_calendar__400(caller, path, parameter, time):
    assert caller.get(path, **{parameter: time}).status_code == 400


@pytest.mark.parametrize("path", [f"drafts/{10**30}", "drafts?external_id=%ed%a0%80", "drafts?page_size=" + "9" * 5000])
def test_get__number_or_text_beyond_every_column__is_no_error_of_the_server(caller, path):
    assert caller.client.get(f"/api/v1/{path}").status_code in {200, 400, 404}


@pytest.mark.parametrize("position", ["text", "\x00", "", "9" * 400, "1.5"])
def test_cursor__made_up__is_no_error_of_the_server(caller, position):
    caller.post("drafts", bodies.draft())
    cursor = base64.b64encode(f"p={position}".encode()).decode()
    assert caller.get("drafts", cursor=cursor).status_code in {200, 404}
    assert caller.get("drafts", cursor="p").status_code == 404


@pytest.mark.parametrize("size", ["0", "-1", "x", "", "1001", "1.0", "٣", "null"])
def test_page_size__that_no_page_has__400_that_says_the_rule(caller, size):
    reply = caller.get("drafts", page_size=size)
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_page_size")
    rule = "must be a whole number from 1 to 1000"
    assert reply.json()["errors"] == [{"parameter": "page_size", "code": "invalid_page_size", "detail": rule}]


@pytest.mark.parametrize("size", ["1", "1000"])
def test_page_size__at_its_bounds__is_taken(caller, size):
    caller.post("drafts", bodies.draft())
    assert len(_names(caller.get("drafts", page_size=size))) == 1
