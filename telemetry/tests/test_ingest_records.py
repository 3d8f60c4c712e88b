"""Records over HTTP: kept once, in bulk or alone, and refused with a pointer to what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from governance.tests.callers import Caller
from telemetry.models import AIDraft, AIInteraction, InboundMessage, MeetingOverseerDecision
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db

MANY = 30
"""So many rows are not inserted one by one."""

KINDS = [
    ("interactions", bodies.interaction),
    ("drafts", bodies.draft),
    ("overseer-decisions", bodies.overseer_decision),
    ("bookings", bodies.booking),
]


@pytest.fixture
def caller():
    return Caller()


@pytest.mark.parametrize("path, body", KINDS)
def test_post__single_object__is_created_and_can_be_read(caller, path, body):
    sent = body()
    reply = caller.post(path, sent)
    assert reply.status_code == 201, reply.content
    record = reply.json()
    assert caller.get(f"{path}/{record['id']}").json() == record
    for name, value in sent.items():
        expected = f"{value:.4f}" if isinstance(value, float) else value
        assert record[name] == expected


@pytest.mark.parametrize("path, body", KINDS)
def test_post__same_body_again__is_the_first_record(caller, path, body):
    sent = body()
    first = caller.post(path, sent)
    # Neither the order of keys nor white space makes another body.
    again = caller.post(path, dict(reversed(sent.items())))
    assert (again.status_code, again.json()) == (200, first.json())


def test_post__other_body_under_the_same_id__conflict(caller):
    sent = bodies.draft()
    caller.post("drafts", sent)
    reply = caller.post("drafts", {**sent, "confidence": 0.94})
    assert reply.status_code == 409
    assert reply["Content-Type"] == "application/problem+json"
    assert reply.json()["code"] == "conflict"
    assert str(AIDraft.objects.get().confidence) == "0.9300"


def test_post__same_id_in_two_workspaces__two_records(caller):
    sent, other = bodies.draft(), Caller()
    assert caller.post("drafts", sent).status_code == 201
    assert other.post("drafts", sent).status_code == 201
    assert AIDraft.objects.count() == 2


@pytest.mark.parametrize(
    "change, pointer",
    [
        ({"confidence": 1.2}, "/confidence"),
        ({"confidence": -0.01}, "/confidence"),
        ({"confidence": float("nan")}, "/confidence"),
        ({"confidence": float("inf")}, "/confidence"),
        ({"confidence": "0.9"}, "/confidence"),
        ({"confidence": True}, "/confidence"),
        ({"model": None}, "/model"),
        ({"model": "a sentence with spaces"}, "/model"),
        ({"model": "nul\x00"}, "/model"),
        ({"model": "\ud800"}, "/model"),
        ({"channel": "\udfff"}, "/channel"),
        ({"external_id": "nul\x00"}, "/external_id"),
        ({"external_id": "\ud800"}, "/external_id"),
        ({"external_id": ""}, "/external_id"),
        ({"external_id": "x" * 201}, "/external_id"),
        ({"external_id": 7}, "/external_id"),
        ({"case_key": "\x00"}, "/case_key"),
        ({"action": "delete"}, "/action"),
        ({"confidense": 0.9}, "/confidense"),
        ({"a key with spaces": 1}, "/*"),
        ({"\ud800": 1}, ""),
        ({"created_at": 0.9}, "/created_at"),
        ({"created_at": "2026-01-01"}, "/created_at"),
        ({"created_at": "2026-01-01T00:00:00"}, "/created_at"),
        ({"created_at": "1700000000"}, "/created_at"),
        ({"created_at": "2014-12-31T23:59:59Z"}, "/created_at"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "/created_at"),
        ({"evaluated_at": "9999-12-31T23:59:59-14:00"}, "/evaluated_at"),
    ],
)
def test_post__bad_field__422_with_its_pointer(caller, change, pointer):
    reply = caller.post("drafts", {**bodies.draft(), **change})
    assert reply.status_code == 422, reply.content
    assert reply["Content-Type"] == "application/problem+json"
    problem = reply.json()
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert "index" not in problem["errors"][0]
    assert not AIDraft.objects.exists()


@pytest.mark.parametrize("missing", ["external_id", "action"])
def test_post__missing_field__422_with_its_pointer(caller, missing):
    body = bodies.draft()
    del body[missing]
    reply = caller.post("drafts", body)
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["pointer"] == f"/{missing}"


def test_post__clock_a_little_ahead__is_taken(caller):
    soon, late = timezone.now() + timedelta(minutes=4), timezone.now() + timedelta(minutes=6)
    assert caller.post("drafts", bodies.draft(created_at=soon.isoformat())).status_code == 201
    reply = caller.post("drafts", bodies.draft(created_at=late.isoformat()))
    assert reply.status_code == 422
    assert "future" in reply.json()["errors"][0]["detail"]


def test_post__time_with_offset__is_kept_as_the_same_instant(caller):
    caller.post("drafts", bodies.draft(created_at="2026-01-31T10:30:00+01:00"))
    assert AIDraft.objects.get().created_at == datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def test_post__metadata__only_the_allowlist_is_kept_and_the_rest_counted(caller):
    metadata = {"bookingGate": {"decision": "approve", "issuesCount": 1, "note": "call Ms. Smith"}, "body": "Dear"}
    record = caller.post("interactions", bodies.interaction(metadata=metadata)).json()
    assert record["metadata"] == {"bookingGate": {"decision": "approve", "issuesCount": 1}}
    assert sum(record["metadata_removed"].values()) == 2
    stored = AIInteraction.objects.get()
    assert (stored.metadata, stored.metadata_removed) == (record["metadata"], record["metadata_removed"])


@pytest.mark.parametrize("text", ["\x00", "\ud800", float("nan"), 10**400])
def test_post__metadata_that_no_database_takes__is_dropped(caller, text):
    metadata = {"followupParse": {"confidence": text}, "x": text}
    reply = caller.post("interactions", bodies.interaction(metadata=metadata))
    assert reply.status_code == 201, reply.content
    assert reply.json()["metadata"] is None


def test_bulk__good_and_bad__good_are_kept_and_each_bad_one_named(caller):
    kept, twice = bodies.draft(), bodies.draft()
    caller.post("drafts", kept)
    items = [
        kept,
        twice,
        bodies.draft(confidence=1.2),
        {**kept, "confidence": 0.5},
        "no object",
        twice,
        {**twice, "confidence": 0.1},
        bodies.draft(created_at="2001-01-01T00:00:00Z"),
    ]
    reply = caller.post("drafts", items)
    assert reply.status_code == 207, reply.content
    body = reply.json()
    assert (body["created"], body["duplicates"], body["rejected"]) == (1, 2, 5)
    assert [(result["index"], result["status"]) for result in body["results"]] == [
        (0, "duplicate"),
        (1, "created"),
        (5, "duplicate"),
    ]
    assert body["results"][1]["id"] == body["results"][2]["id"] is not None
    assert [(error["index"], error["pointer"], error["code"]) for error in body["errors"]] == [
        (2, "/confidence", "less_than_equal"),
        (3, "", "conflict"),
        (4, "", "model_type"),
        (6, "", "conflict"),
        (7, "/created_at", "time"),
    ]
    assert AIDraft.objects.count() == 2


@pytest.mark.parametrize("send", [Caller.post, Caller.post_lines])
def test_bulk__of_many__is_kept_whole_and_once(caller, send):
    items = [bodies.interaction(metadata={"leadContextBundle": {"totalTokens": n}}) for n in range(MANY)]
    first, again = send(caller, "interactions", items), send(caller, "interactions", items)
    assert (first.status_code, first.json()["created"]) == (201, len(items))
    assert (again.status_code, again.json()["duplicates"]) == (200, len(items))
    assert [result["external_id"] for result in first.json()["results"]] == [item["external_id"] for item in items]
    assert [result["id"] for result in again.json()["results"]] == [result["id"] for result in first.json()["results"]]
    stored = AIInteraction.objects.get(external_id=items[5]["external_id"])
    assert (stored.input_tokens, stored.metadata) == (812, {"leadContextBundle": {"totalTokens": 5}})


def test_bulk__nothing_kept__422_problem_with_every_index(caller):
    reply = caller.post("drafts", [bodies.draft(confidence=2), bodies.draft(confidence=3)])
    assert reply.status_code == 422
    assert reply["Content-Type"] == "application/problem+json"
    assert [error["index"] for error in reply.json()["errors"]] == [0, 1]


def test_ndjson__broken_lines__cost_only_themselves(caller):
    lines = [
        bodies.draft(), b"{not json", b"", b'{"external_id": "\xff"}', b"[" * 100_000, bodies.draft(), b"null", b" ",
        b'{"external_id": "n", "action": "send", "confidence": ' + b"9" * 5000 + b"}",
    ]  # fmt: skip
    reply = caller.post_lines("drafts", lines)
    assert reply.status_code == 207, reply.content
    body = reply.json()
    assert [result["index"] for result in body["results"]] == [0, 5]
    assert [(error["index"], error["code"]) for error in body["errors"]] == [
        (1, "json"),
        (3, "json"),
        (4, "json"),
        (6, "model_type"),
        (8, "finite_number"),
    ]


@pytest.mark.parametrize("size", [2, 200])
def test_bulk__number_of_queries__does_not_depend_on_the_number_of_items(caller, size):
    caller.post("drafts", {**bodies.draft(), "external_id": "answered"})
    for path, body in [*KINDS, ("sentiments", lambda: bodies.sentiment(draft="answered"))]:
        items = [body() for _ in range(size)]
        with CaptureQueriesContext(
            connection,
        ) as first:
            assert caller.post(path, items).status_code == 201
        with CaptureQueriesContext(connection) as again:
            assert caller.post(path, items).status_code == 200
        assert len(_reads(first)) == READS[path]
        assert len(_reads(again)) == 2
        assert len(_inserts(first)) <= 3
        assert not _inserts(again)


READS = {"interactions": 3, "drafts": 7, "overseer-decisions": 7, "bookings": 6, "sentiments": 9}
"""Reads of a bulk of new items; for decisions the rows are locked, and record, facts and label looked for."""


def _reads(queries):
    # The API key; what exists; what new items refer to; the keys that the database made.
    return [query for query in queries if query["sql"].startswith("SELECT")]


def _inserts(queries):
    return [query for query in queries if "INSERT INTO" in query["sql"]]


def test_sentiment__draft_of_this_workspace__is_linked(caller):
    answered = caller.post("drafts", bodies.draft()).json()
    reply = caller.post("sentiments", bodies.sentiment(draft=answered["external_id"]))
    assert (reply.status_code, reply.json()["draft"]) == (201, answered["external_id"])
    assert InboundMessage.objects.get().draft_id == answered["id"]


def test_sentiment__draft_of_another_workspace__is_like_one_that_does_not_exist(caller):
    elsewhere = Caller().post("drafts", bodies.draft()).json()["external_id"]
    replies = [caller.post("sentiments", bodies.sentiment(draft=name)) for name in (elsewhere, "never-sent")]
    assert [reply.status_code for reply in replies] == [422, 422]
    assert replies[0].json() == replies[1].json()
    assert replies[0].json()["errors"][0]["pointer"] == "/draft"


def test_overseer_decision__second_for_the_stage__conflict(caller):
    first = bodies.overseer_decision()
    stage = {"message_ref": first["message_ref"]}
    assert caller.post("overseer-decisions", first).status_code == 201
    assert caller.post("overseer-decisions", bodies.overseer_decision(**stage)).status_code == 409
    bulk = [bodies.overseer_decision(**stage, stage="extract"), bodies.overseer_decision(**stage, stage="extract")]
    assert caller.post("overseer-decisions", bulk).status_code == 207
    assert MeetingOverseerDecision.objects.count() == 2


def test_overseer_decision__booking_gate__decides_from_a_closed_list(caller):
    body = bodies.overseer_decision(stage="booking_gate", decision="perhaps")
    assert caller.post("overseer-decisions", body).status_code == 422
    assert caller.post("overseer-decisions", {**body, "decision": "needs_clarification"}).status_code == 201
