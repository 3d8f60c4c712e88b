"""Bodies that cannot be used, and bodies that come in other shapes than plain JSON."""

from __future__ import annotations

import gzip
import json

import pytest

from governance.tests.callers import NDJSON, Caller
from telemetry.models import AIDraft
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller():
    return Caller()


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b"{}{}",
        b"{'external_id': 1}",
        b'{"external_id": "\xff"}',
        json.dumps({"external_id": "d", "action": "send"}).encode("utf-16"),
        b"[" * 100_000,
        b"[{}, {]",
        b"\x00",
    ],
)
def test_body__not_json__400_problem(caller, body):
    reply = caller.post("drafts", body)
    assert reply.status_code == 400, reply.content
    assert reply["Content-Type"] == "application/problem+json"
    assert reply.json()["code"] == "parse_error"


@pytest.mark.parametrize("body", [b"null", b"7", b'"text"', b"{}", b"[]", b"[null]", b"NaN", b"[[]]"])
def test_body__json_but_no_record__422_problem(caller, body):
    reply = caller.post("drafts", body)
    assert reply.status_code == 422, reply.content
    assert reply["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
def test_content_type__not_json__415_that_says_what_is(caller, content_type):
    reply = caller.post("drafts", json.dumps(bodies.draft()).encode(), content_type)
    assert reply.status_code == 415
    assert NDJSON in reply.json()["detail"]


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_content_type__json_with_parameters_or_capitals__is_taken(caller, content_type):
    assert caller.post("drafts", bodies.draft(), content_type).status_code == 201


def test_body__with_byte_order_mark__is_taken(caller):
    assert caller.post("drafts", b"\xef\xbb\xbf" + json.dumps(bodies.draft()).encode()).status_code == 201


def test_gzip__sound__is_unpacked(caller):
    items = [bodies.draft() for _ in range(20)]
    packed = gzip.compress("\n".join(json.dumps(item) for item in items).encode())
    reply = caller.post("drafts", packed, NDJSON, Content_Encoding="gzip")
    assert (reply.status_code, reply.json()["created"]) == (201, 20)


# Without the time in its header, so that the parameters are the same in every process.
PACKED = gzip.compress(b"{}" * 99, mtime=0)


@pytest.mark.parametrize("damage", [b"no gzip at all", PACKED[:5], PACKED[:-4], PACKED[:-20]])
def test_gzip__damaged__400(caller, damage):
    assert caller.post("drafts", damage, Content_Encoding="gzip").status_code == 400


def test_encoding__unknown__415(caller):
    reply = caller.post("drafts", bodies.draft(), Content_Encoding="br")
    assert reply.status_code == 415


@pytest.mark.parametrize("members", [1, 4])
def test_gzip__unpacks_above_the_limit__413_and_nothing_is_kept(caller, settings, members):
    settings.CONFIDENCE_MAX_BODY_BYTES = 100_000
    padding = b" " * (100_001 // members + 1)
    bomb = gzip.compress(json.dumps(bodies.draft()).encode()) + gzip.compress(padding) * members
    assert len(bomb) < 2_000
    reply = caller.post("drafts", bomb, Content_Encoding="gzip")
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")
    assert not AIDraft.objects.exists()


def test_body__of_50_mb__413(caller):
    reply = caller.post("drafts", b" " * (50 * 1024**2))
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")


def test_body__at_the_limit__is_taken(caller, settings):
    body = json.dumps(bodies.draft()).encode()
    settings.CONFIDENCE_MAX_BODY_BYTES = len(body)
    assert caller.post("drafts", body).status_code == 201
    assert caller.post("drafts", body + b" ").status_code == 413


@pytest.mark.parametrize("send", [Caller.post, Caller.post_lines])
def test_bulk__too_many_items__413_and_nothing_is_kept(caller, settings, send):
    settings.CONFIDENCE_MAX_BULK_ITEMS = 3
    reply = send(caller, "drafts", [bodies.draft() for _ in range(4)])
    assert (reply.status_code, reply.json()["code"]) == (413, "too_many_items")
    assert not AIDraft.objects.exists()


def test_item__with_very_many_faults__a_bounded_number_of_them_is_told(caller):
    item = {**bodies.draft(), **{f"unknown_{number}": 1 for number in range(1_000)}}
    assert len(caller.post("drafts", item).json()["errors"]) == 20
