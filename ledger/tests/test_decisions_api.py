"""The gate over HTTP: every verdict is on record before it is answered."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.models import AuditSampling, KillSwitch
from governance.tests.callers import Caller
from ledger.models import DecisionRecord
from ledger.tests.bodies import envelope, llm_decision
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller():
    return Caller()


def test_decide__confident_enough__allowed_with_what_it_rests_on(caller):
    reply = caller.post("decisions", envelope(external_id="d"))
    assert reply.status_code == 201, reply.content
    verdict = reply.json()
    record = DecisionRecord.objects.get()
    assert verdict == {
        "decision_id": str(record.pk),
        "external_id": "d",
        "verdict": "allow",
        "side": None,
        "reason": "allowed",
        "errors": [],
        "thresholds": {"confidence_threshold": 0.9},
        "policy_key": "confidence_gate",
        "policy_version": 0,
        "audit_selected": False,
    }


def test_decide__same_body_again__first_verdict_without_judging_again(caller):
    body = envelope()
    first = caller.post("decisions", body)
    caller.workspace.automation_enabled = False
    caller.workspace.save()
    again = caller.post("decisions", body)
    assert (again.status_code, again.json()) == (200, first.json())
    assert caller.post("decisions", envelope()).json()["reason"] == "automation_disabled"


def test_decide__other_body_under_the_same_id__conflict(caller):
    body = envelope()
    caller.post("decisions", body)
    reply = caller.post("decisions", {**body, "decision": llm_decision(confidence=0.99)})
    assert (reply.status_code, reply.json()["code"]) == (409, "conflict")
    assert DecisionRecord.objects.count() == 1


def test_decide__same_id_in_two_workspaces__two_decisions(caller):
    body, other = envelope(), Caller()
    replies = [each.post("decisions", body) for each in (caller, other)]
    assert [reply.status_code for reply in replies] == [201, 201]
    assert replies[0].json()["decision_id"] != replies[1].json()["decision_id"]
    assert {record.workspace_id for record in DecisionRecord.objects.all()} == {caller.workspace.pk, other.workspace.pk}


BROKEN = [
    {"confidence": 1.2},
    {"confidence": -0.01},
    {"confidence": float("nan")},
    {"confidence": float("inf")},
    {"confidence": "0.9"},
    {"confidence": None},
    {"confidence": True},
    {"unknown": 1},
    {"risk_summary": "nul \x00"},
    {"likely_root_cause": "half a pair \ud800"},
    {"risk_summary": None},
    {"provider": "two words"},
    {"model": "\x00"},
    {"prompt_hash": "\udfff"},
    {"recommended_action": {"type": "explode"}},
    {"recommended_action": {"type": "retry", "parameters": {}, "note": 1}},
]


@pytest.mark.parametrize("change", BROKEN)
def test_decide__broken_decision_in_a_sound_envelope__is_a_recorded_block(caller, change):
    reply = caller.post("decisions", envelope(decision=llm_decision(**change)))
    assert reply.status_code == 201, reply.content
    assert (reply.json()["verdict"], reply.json()["reason"]) == ("block", "schema_invalid")
    record = DecisionRecord.objects.get()
    assert (record.schema_valid, record.llm_confidence, record.action_params) == (False, None, None)


@pytest.mark.parametrize("decision", ["text", 0.9, [], True])
def test_decide__decision_that_is_no_object__is_a_recorded_block(caller, decision):
    reply = caller.post("decisions", envelope(decision=decision))
    assert (reply.status_code, reply.json()["reason"]) == (201, "schema_invalid")


@pytest.mark.parametrize("absent", [{"decision": None}, {}])
def test_decide__no_decision__is_a_recorded_block(caller, absent):
    body = {**envelope(), **absent}
    if not absent:
        del body["decision"]
    reply = caller.post("decisions", body)
    assert (reply.status_code, reply.json()["reason"]) == (201, "missing_llm_decision")


@pytest.mark.parametrize(
    "change, pointer",
    [
        ({"policy_key": "no.such.key"}, "/policy_key"),
        ({"policy_key": "lead_context_bundle"}, "/policy_key"),
        ({"policy_key": "\x00"}, "/policy_key"),
        ({"policy_key": None}, "/policy_key"),
        ({"ml_risk_score": 1.2}, "/ml_risk_score"),
        ({"ml_risk_score": "0.1"}, "/ml_risk_score"),
        ({"ml_risk_score": float("nan")}, "/ml_risk_score"),
        ({"unknown": 1}, "/unknown"),
        ({"external_id": "\ud800"}, "/external_id"),
        ({"case_key": "nul\x00"}, "/case_key"),
        ({"task": "\x00"}, "/task"),
        ({"channel": "two words"}, "/channel"),
        ({"confidence_kind": "guessed"}, "/confidence_kind"),
        ({"occurred_at": 1_700_000_000}, "/occurred_at"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, "/occurred_at"),
        ({"occurred_at": "2001-01-01T00:00:00Z"}, "/occurred_at"),
        ({"interaction": "never-sent"}, "/interaction"),
    ],
)
def test_decide__broken_envelope__422_and_no_record(caller, change, pointer):
    reply = caller.post("decisions", envelope(**change))
    assert reply.status_code == 422, reply.content
    assert [error["pointer"] for error in reply.json()["errors"]] == [pointer]
    assert not DecisionRecord.objects.exists()


def test_decide__risk_gate__compares_both_scores(caller):
    def reason(**changes):
        return caller.post("decisions", envelope(policy_key="decision_gate", **changes)).json()["reason"]

    assert reason() == "missing_risk_score"
    assert reason(ml_risk_score=0.7) == "ml_risk_threshold_exceeded"
    assert reason(ml_risk_score=0.6999) == "allowed"
    assert reason(ml_risk_score=0.1, decision=llm_decision(confidence=0.5999)) == "llm_confidence_below_threshold"


def test_decide__audit_budget_of_everything__blocked_and_selected(caller, django_user_model):
    AuditSampling.objects.create(
        workspace=caller.workspace, policy_key="confidence_gate", rate=1, started_at="2026-01-01T00:00:00Z"
    )
    verdict = caller.post("decisions", envelope(decision=llm_decision(confidence=0.1))).json()
    assert (verdict["verdict"], verdict["audit_selected"]) == ("block", True)


def test_decide__audit_budget_of_a_quarter__about_a_quarter_is_selected_and_each_carries_the_odds(caller):
    AuditSampling.objects.create(
        workspace=caller.workspace, policy_key="confidence_gate", rate="0.25", started_at="2026-01-01T00:00:00Z"
    )
    caller.post("decisions", [envelope(decision=llm_decision(confidence=0.1)) for _ in range(400)])
    # Six standard deviations to either side of 100: once in five hundred million runs.
    assert 48 < DecisionRecord.objects.filter(audit_selected=True).count() < 152
    assert set(DecisionRecord.objects.values_list("label_propensity", flat=True)) == {Decimal("0.25")}


RULES = [
    {"side": "allowed", "from": 0.95, "rate": 1},
    {"side": "allowed", "match": {"model": "model-1"}, "rate": 0},
    {"side": "blocked", "below": 0.2, "rate": 0},
]


def test_decide__rates_on_both_sides__first_rule_that_covers_it_draws_and_the_verdict_stays(caller):
    AuditSampling.objects.create(
        workspace=caller.workspace,
        policy_key="confidence_gate",
        rate=1,
        rules=RULES,
        started_at="2026-01-01T00:00:00Z",
    )
    asked = [(0.95, "model-1"), (0.9499, "model-1"), (0.9499, "model-2"), (0.2, "model-1"), (0.1999, "model-1")]
    bodies_ = [envelope(decision=llm_decision(confidence=confidence, model=model)) for confidence, model in asked]
    expected = [
        ("allow", True, Decimal(1)),
        ("allow", False, Decimal(0)),
        ("allow", False, None),
        ("block", True, Decimal(1)),
        ("block", False, Decimal(0)),
    ]
    # One by one through the fast lane, and in bulk.
    alone = [caller.post("decisions", body).json()["decision_id"] for body in bodies_]
    again = [{**body, "external_id": f"{body['external_id']}-b"} for body in bodies_]
    bulk = [each["decision_id"] for each in caller.post("decisions", again).json()["results"]]
    for ids in (alone, bulk):
        drawn = [DecisionRecord.objects.get(pk=each) for each in ids]
        assert [(each.gate_verdict, each.audit_selected, each.label_propensity) for each in drawn] == expected


def test_decide__rules_that_cannot_be_read__everything_is_blocked(caller):
    AuditSampling.objects.create(
        workspace=caller.workspace,
        policy_key="confidence_gate",
        rate=1,
        rules=[{"side": "north", "rate": 1}],
        started_at="2026-01-01T00:00:00Z",
    )
    assert caller.post("decisions", envelope()).json()["reason"] == "kill_switch"


def test_decide__blocked_for_what_it_is__is_never_drawn_for_audit(caller):
    AuditSampling.objects.create(
        workspace=caller.workspace, policy_key="confidence_gate", rate=1, started_at="2026-01-01T00:00:00Z"
    )
    caller.post("decisions", [envelope(decision={}), envelope(decision=None), envelope()])
    assert set(DecisionRecord.objects.values_list("audit_selected", "label_propensity")) == {(False, None)}


def test_bulk__controls_over_one_policy_key__leave_the_other_alone(caller):
    for policy_key in ("decision_gate", "auto_send.evaluate"):
        KillSwitch.objects.create(
            workspace=caller.workspace, policy_key=policy_key, reason="stop", started_at="2026-01-01T00:00:00Z"
        )
    keys = ["confidence_gate", "decision_gate"]
    reply = caller.post("decisions", [envelope(policy_key=key, ml_risk_score=0.1) for key in keys])
    assert [result["reason"] for result in reply.json()["results"]] == ["allowed", "kill_switch"]


def test_decide__interaction_sent_before__is_linked(caller):
    call = caller.post("interactions", bodies.interaction()).json()
    caller.post("decisions", envelope(interaction=call["external_id"]))
    assert DecisionRecord.objects.get().interaction_id == call["id"]


def test_decide__interaction_of_another_workspace__is_like_one_that_does_not_exist(caller):
    elsewhere = Caller().post("interactions", bodies.interaction()).json()["external_id"]
    replies = [caller.post("decisions", envelope(interaction=name)) for name in (elsewhere, "never-sent")]
    assert [reply.status_code for reply in replies] == [422, 422]
    assert replies[0].content == replies[1].content


@pytest.mark.parametrize("send", [Caller.post, Caller.post_lines])
def test_bulk__mixed__good_are_judged_and_each_bad_one_named(caller, send):
    items = [
        envelope(),
        envelope(policy_key="no.such.key"),
        envelope(decision=llm_decision(confidence=1.2)),
        envelope(ml_risk_score=7),
        envelope(decision=llm_decision(confidence=0.2)),
    ]
    reply = send(caller, "decisions", [*items, items[0]])
    assert reply.status_code == 207, reply.content
    body = reply.json()
    assert (body["created"], body["duplicates"], body["rejected"]) == (3, 1, 2)
    assert [(result["index"], result["reason"]) for result in body["results"]] == [
        (0, "allowed"),
        (2, "schema_invalid"),
        (4, "llm_confidence_below_threshold"),
        (5, "allowed"),
    ]
    assert [(error["index"], error["pointer"]) for error in body["errors"]] == [
        (1, "/policy_key"),
        (3, "/ml_risk_score"),
    ]
    assert body["results"][0]["decision_id"] == body["results"][3]["decision_id"]
    stored = {str(pk) for pk in DecisionRecord.objects.values_list("pk", flat=True)}
    assert stored == {result["decision_id"] for result in body["results"]}


def test_bulk__number_of_queries__does_not_depend_on_the_number_of_items(caller):
    def reads(size):
        with CaptureQueriesContext(connection) as queries:
            assert caller.post("decisions", [envelope() for _ in range(size)]).status_code == 201
        return [query["sql"] for query in queries if query["sql"].startswith("SELECT")]

    reads(3)  # reads what governs, which is kept from then on
    few, many = reads(3), reads(300)
    assert len(few) == len(many) <= 6


def test_list__filters__each_narrows_the_list(caller):
    known = {
        "plain": envelope(external_id="plain", occurred_at="2026-01-01T00:00:00Z"),
        "unsure": envelope(
            external_id="unsure",
            occurred_at="2026-01-02T00:00:00Z",
            decision=llm_decision(confidence=0.2, provider="other", model="other-1", prompt_hash="cd" * 32),
        ),
        "risky": envelope(
            external_id="risky", policy_key="decision_gate", ml_risk_score=0.9, occurred_at="2026-01-03T00:00:00Z"
        ),
    }
    caller.post("decisions", list(known.values()))

    def names(**query):
        reply = caller.get("decisions", **query)
        assert reply.status_code == 200, reply.content
        return {record["external_id"] for record in reply.json()["results"]}

    assert names() == set(known)
    assert names(policy_key="decision_gate") == {"risky"}
    assert names(verdict="block") == {"unsure", "risky"}
    assert names(reason="llm_confidence_below_threshold") == {"unsure"}
    assert names(provider="other") == names(model="other-1") == names(prompt_hash="cd" * 32) == {"unsure"}
    assert names(occurred_from="2026-01-02T00:00:00Z") == {"unsure", "risky"}
    assert names(occurred_before="2026-01-02T00:00:00Z") == {"plain"}
    assert names(external_id="plain") == {"plain"}
    assert names(external_id="none") == names(provider="none") == set()
    assert caller.get("decisions", verdict="maybe").status_code == 400
    assert b"maybe" not in caller.get("decisions", verdict="maybe").content


def test_list__pages__newest_first_without_a_count(caller):
    for number in range(5):
        caller.post("decisions", envelope(external_id=f"d{number}"))
    seen, url = [], "/api/v1/decisions?page_size=2"
    while url:
        with CaptureQueriesContext(connection) as queries:
            page = caller.get(url).json()
        assert not [query for query in queries if "COUNT(" in query["sql"]]
        seen += [record["external_id"] for record in page["results"]]
        url = page["next"]
    assert seen == ["d4", "d3", "d2", "d1", "d0"]


def test_detail__whole_record_with_its_outcomes(caller):
    made = caller.post("decisions", envelope(decision=llm_decision(confidence=0.98765))).json()
    outcome = {"external_id": "o", "decision_id": made["decision_id"], "success": True, "source": "human_review"}
    caller.post("outcomes", outcome)
    record = caller.get(f"decisions/{made['decision_id']}").json()
    assert {**record, **made} == record
    assert Decimal(record["llm_confidence"]) == Decimal("0.9877")
    assert record["action_params"] == {"attempts": 2}
    assert [each["success"] for each in record["outcomes"]] == [True]
    assert "risk_summary" not in record


def test_list__head__takes_the_scope_of_a_get(caller):
    replies = [
        Caller(caller.workspace, scopes=[scope]).client.head("/api/v1/decisions") for scope in ("read", "decide")
    ]
    assert [reply.status_code for reply in replies] == [200, 403]


def test_detail__decision_of_another_workspace__is_like_one_that_does_not_exist(caller):
    elsewhere = Caller().post("decisions", envelope()).json()["decision_id"]
    foreign = caller.get(f"decisions/{elsewhere}")
    unknown = caller.get("decisions/0190b5a5-0000-7000-8000-000000000000")
    assert (foreign.status_code, foreign.content) == (404, unknown.content)
    assert caller.get("decisions").json()["results"] == []


def test_detail__id_that_is_no_uuid__404_problem(caller):
    reply = caller.get("decisions/first")
    assert (reply.status_code, reply["Content-Type"]) == (404, "application/problem+json")
