"""Outcomes over HTTP: attached to a decision by either of its ids, never to another workspace's."""

from __future__ import annotations

import pytest

from governance.tests.callers import Caller
from ledger.models import DecisionOutcome
from ledger.tests.bodies import envelope

pytestmark = pytest.mark.django_db

MANY = 30
"""So many rows are not inserted one by one."""

AT = "2026-01-31T09:30:00Z"


@pytest.fixture
def caller():
    return Caller()


@pytest.fixture
def decision(caller):
    return caller.post("decisions", envelope(occurred_at=AT)).json()


def outcome(decision, **changes):
    return {
        "external_id": "review-1",
        "decision_external_id": decision["external_id"],
        "success": False,
        "source": "human_review",
        "observed_at": "2026-02-01T00:00:00Z",
        **changes,
    }


def test_outcome__by_the_hosts_id__is_attached(caller, decision):
    reply = caller.post("outcomes", outcome(decision, automation_executed=True))
    assert reply.status_code == 201, reply.content
    stored = DecisionOutcome.objects.get()
    assert str(stored.decision_id) == reply.json()["decision_id"] == decision["decision_id"]
    assert (stored.success, stored.automation_executed, stored.downstream_failure) == (False, True, None)
    assert caller.key.prefix in stored.reporter


def test_outcome__by_the_decision_id__is_attached(caller, decision):
    body = outcome(decision, decision_id=decision["decision_id"])
    del body["decision_external_id"]
    assert caller.post("outcomes", body).status_code == 201


def test_outcome__same_again_and_another_body__repeated_and_refused(caller, decision):
    first = caller.post("outcomes", outcome(decision))
    again = caller.post("outcomes", outcome(decision))
    assert (again.status_code, again.json()) == (200, first.json())
    assert caller.post("outcomes", outcome(decision, success=True)).status_code == 409


def test_outcome__later_one_under_its_own_id__stands_beside_the_first(caller, decision):
    caller.post("outcomes", outcome(decision))
    second = caller.post("outcomes", outcome(decision, external_id="review-2", success=True))
    assert (second.status_code, second.json()["sequence"]) == (201, 2)


def test_outcome__same_id_in_two_workspaces__two_outcomes(caller):
    body, other = envelope(occurred_at=AT), Caller()
    for each in (caller, other):
        each.post("decisions", body)
    assert [each.post("outcomes", outcome(body)).status_code for each in (caller, other)] == [201, 201]
    assert {row.workspace_id for row in DecisionOutcome.objects.all()} == {caller.workspace.pk, other.workspace.pk}


def test_outcome__decision_of_another_workspace__is_like_one_that_does_not_exist(caller):
    other = Caller()
    foreign = other.post("decisions", envelope(occurred_at=AT)).json()
    unknown = {"external_id": "never-sent", "decision_id": "0190b5a5-0000-7000-8000-000000000000"}
    for name in ("decision_id", "decision_external_id"):
        replies = []
        for target in (foreign, unknown):
            body = outcome(target)
            del body["decision_external_id"]
            body[name] = target["decision_id" if name == "decision_id" else "external_id"]
            replies += [caller.post("outcomes", body), caller.post("outcomes", [body])]
        assert [reply.status_code for reply in replies] == [404, 422, 404, 422]
        assert (replies[0].content, replies[1].content) == (replies[2].content, replies[3].content)
    assert not DecisionOutcome.objects.exists()


@pytest.mark.parametrize(
    "change, pointer",
    [
        ({"success": "yes"}, "/success"),
        ({"success": 1}, "/success"),
        ({"success": None}, "/success"),
        ({"source": "hearsay"}, "/source"),
        ({"source": "import"}, "/source"),
        ({"observed_at": "2999-01-01T00:00:00Z"}, "/observed_at"),
        ({"observed_at": "2026-01-30T00:00:00Z"}, "/observed_at"),
        ({"observed_at": 0}, "/observed_at"),
        ({"external_id": "\x00"}, "/external_id"),
        ({"decision_id": "no-uuid"}, "/decision_id"),
        ({"note": "it was a pity"}, "/note"),
    ],
)
def test_outcome__bad_field__422_with_its_pointer(caller, decision, change, pointer):
    reply = caller.post("outcomes", outcome(decision, **change))
    assert reply.status_code == 422, reply.content
    assert pointer in [error["pointer"] for error in reply.json()["errors"]]


def test_outcome__decision_id_that_is_no_uuid__not_a_letter_of_it_is_repeated(caller, decision):
    reply = caller.post("outcomes", outcome(decision, decision_id="Zoe"))
    (error,) = [error for error in reply.json()["errors"] if error["pointer"] == "/decision_id"]
    assert error["detail"] == "Input should be a valid UUID"


def test_outcome__both_ids_or_none__422(caller, decision):
    both = outcome(decision, decision_id=decision["decision_id"])
    none = {name: value for name, value in outcome(decision).items() if name != "decision_external_id"}
    assert [caller.post("outcomes", body).status_code for body in (both, none)] == [422, 422]


def test_bulk__mixed__good_are_kept_and_each_bad_one_named(caller):
    decisions = [envelope(occurred_at=AT) for _ in range(MANY)]
    caller.post("decisions", decisions)
    items = [outcome(each, external_id=f"o-{number}") for number, each in enumerate(decisions)]
    items.insert(1, outcome({"external_id": "never-sent"}, external_id="lost"))
    reply = caller.post_lines("outcomes", items)
    assert reply.status_code == 207, reply.content
    body = reply.json()
    assert (body["created"], body["rejected"]) == (MANY, 1)
    assert [(error["index"], error["code"]) for error in body["errors"]] == [(1, "not_found")]
    assert DecisionOutcome.objects.count() == MANY


def test_list__own_outcomes_by_decision_and_id(caller, decision):
    other = Caller()
    foreign = other.post("decisions", envelope(occurred_at=AT)).json()
    other.post("outcomes", outcome(foreign))
    caller.post("outcomes", [outcome(decision), outcome(decision, external_id="review-2")])

    def names(**query):
        return [record["external_id"] for record in caller.get("outcomes", **query).json()["results"]]

    assert names() == names(decision_id=decision["decision_id"]) == ["review-2", "review-1"]
    assert names(external_id="review-1") == ["review-1"]
    assert names(decision_id=foreign["decision_id"]) == []
