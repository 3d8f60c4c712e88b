"""Retries that overlap, over real HTTP: each record is made once, and everybody is told its id."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from governance.tests.callers import Caller
from ledger.models import DecisionRecord
from ledger.tests.bodies import envelope
from telemetry.models import AIDraft, FollowUpBooking
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS = 6


def _post_all(live_server, caller, path, contents):
    def post(content):
        return httpx.post(f"{live_server.url}/api/v1/{path}", json=content, headers=caller.headers, timeout=60)

    with ThreadPoolExecutor(len(contents)) as pool:
        return list(pool.map(post, contents))


def _shuffled(items):
    return [random.sample(items, len(items)) for _ in range(REQUESTS)]


@pytest.mark.parametrize("path, body, model", [
    ("drafts", bodies.draft, AIDraft), ("decisions", envelope, DecisionRecord),
])  # fmt: skip
def test_same_bulk_many_times_at_once__every_item_is_made_once(live_server, path, body, model):
    caller, items = Caller(), [body() for _ in range(30)]
    replies = _post_all(live_server, caller, path, _shuffled(items))
    assert {reply.status_code for reply in replies} <= {200, 201}, [reply.text for reply in replies]
    assert sum(reply.json()["created"] for reply in replies) == len(items)
    key = "id" if path == "drafts" else "decision_id"
    ids = {(result["external_id"], result[key]) for reply in replies for result in reply.json()["results"]}
    assert len(ids) == len(items) == model.objects.count()


def test_same_object_many_times_at_once__one_201_and_the_same_record_for_all(live_server):
    caller, item = Caller(), bodies.draft()
    replies = _post_all(live_server, caller, "drafts", [item] * REQUESTS)
    assert sorted(reply.status_code for reply in replies) == [200] * (REQUESTS - 1) + [201]
    assert len({reply.text for reply in replies}) == 1


def test_one_stage_under_many_ids_at_once__one_is_kept_and_the_others_conflict(live_server):
    caller = Caller()
    items = [bodies.overseer_decision(message_ref="m") for _ in range(REQUESTS)]
    replies = _post_all(live_server, caller, "overseer-decisions", items)
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * (REQUESTS - 1)


def test_different_outcomes_at_once__the_first_stays_and_the_others_conflict(live_server):
    caller = Caller()
    caller.post("bookings", bodies.booking(external_id="b", created_at="2026-01-31T09:30:00Z"))
    labels = ["kept", "rescheduled", "cancelled", "no_show", "corrected"]
    facts = [{"external_id": "b", "outcome": label, "outcome_at": "2026-02-01T09:30:00Z"} for label in labels]
    replies = _post_all(live_server, caller, "bookings/outcomes", facts)
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 4
    (kept,) = [reply.json()["outcome"] for reply in replies if reply.status_code == 201]
    assert FollowUpBooking.objects.get().outcome == kept
