"""What the ledger keeps of a rollout: what the candidate would have said, and which config gave the verdict."""

from __future__ import annotations

import pytest

from governance.models import Rollout
from governance.tests.callers import Caller
from governance.tests.factories import WorkspaceFactory, applied, case_in, in_canary, in_shadow
from governance.workflow.consequences import Flips, flips_of
from ledger.models import DecisionRecord
from ledger.tests.bodies import envelope, llm_decision
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.django_db(transaction=True)


def decide(workspace, confidence, **fields):
    body = envelope(decision=llm_decision(confidence=confidence), **fields)
    response = Caller(workspace).post("decisions", body)
    assert response.status_code == 201, response.content
    return DecisionRecord.objects.get(pk=response.json()["decision_id"])


def said(record):
    return record.gate_verdict, record.rollout_arm, record.candidate_verdict, record.candidate_reason


def test_record__nothing_on_trial__says_nothing_of_a_candidate():
    record = decide(WorkspaceFactory(), 0.95)
    assert (record.rollout_id, *said(record)) == (None, "allow", "", "", "")


def test_record__shadow__the_policy_decides_and_the_candidate_is_kept_beside():
    rollout = in_shadow(WorkspaceFactory(), 0.8)
    records = [decide(rollout.workspace, confidence, case_key="case-1") for confidence in (0.95, 0.85, 0.7)]
    assert [said(record) for record in records] == [
        ("allow", "control", "allow", "allowed"),
        ("block", "control", "allow", "allowed"),
        ("block", "control", "block", "llm_confidence_below_threshold"),
    ]
    assert {record.rollout_id for record in records} == {rollout.pk}
    assert records[1].thresholds == {"confidence_threshold": 0.9}
    assert flips_of(rollout) == Flips(compared=3, to_block=0, to_allow=1, canary=0)


def test_record__canary__the_case_decides_the_arm_and_the_thresholds_are_those_that_applied():
    workspace = WorkspaceFactory()
    applied(workspace, 0.8)
    rollout = in_canary(workspace, 0.9)
    inside, outside = case_in(rollout, inside=True), case_in(rollout, inside=False)
    canary = [decide(workspace, 0.85, case_key=inside) for _ in range(3)]
    assert {said(record) for record in canary} == {
        ("block", "canary", "block", "llm_confidence_below_threshold"),
    }
    assert {(record.policy_version, record.thresholds["confidence_threshold"]) for record in canary} == {(1, 0.9)}
    control = [decide(workspace, 0.85, case_key=outside), decide(workspace, 0.85)]
    assert {said(record)[:3] for record in control} == {("allow", "control", "block")}
    assert {(record.policy_version, record.thresholds["confidence_threshold"]) for record in control} == {(1, 0.8)}
    assert flips_of(rollout) == Flips(compared=2, to_block=2, to_allow=0, canary=3)


def test_record__contract_broken_or_switched_off__the_candidate_says_the_same():
    rollout = in_shadow(WorkspaceFactory())
    record = decide(rollout.workspace, 1.5)
    assert said(record) == ("block", "control", "block", "schema_invalid")


def test_record__kill_switch_of_the_environment__stops_both_arms_and_pauses_the_canary(settings):
    rollout = in_canary(WorkspaceFactory(), 0.8)
    inside, outside = case_in(rollout, inside=True), case_in(rollout, inside=False)
    settings.CONFIDENCE_KILL_SWITCH = True
    stopped = [decide(rollout.workspace, 0.99, case_key=case) for case in (inside, outside)]
    assert [(record.gate_reason, *said(record)) for record in stopped] == [
        ("kill_switch", "block", "canary", "block", "kill_switch"),
        ("kill_switch", "block", "control", "block", "kill_switch"),
    ]
    settings.CONFIDENCE_KILL_SWITCH = False
    going_on = [decide(rollout.workspace, 0.85, case_key=case) for case in (inside, outside)]
    assert [said(record)[:2] for record in going_on] == [("allow", "canary"), ("block", "control")]
    rollout.refresh_from_db()
    assert rollout.status == "CANARY"


def test_record__after_the_end__says_nothing_of_the_candidate():
    rollout = in_canary(WorkspaceFactory())
    Rollout.objects.filter(pk=rollout.pk).update(status="WITHDRAWN", ended_at=rollout.started_at)
    assert decide(rollout.workspace, 0.95, case_key="case-1").rollout_id is None


def test_flips__another_rollout__not_counted():
    rollout = in_shadow(WorkspaceFactory())
    DecisionRecordFactory(
        workspace=rollout.workspace, rollout_id=rollout.pk + 1, rollout_arm="control", candidate_verdict="block"
    )
    assert flips_of(rollout) == Flips(compared=0, to_block=0, to_allow=0, canary=0)


def test_api__decision__shows_what_the_candidate_said():
    rollout = in_shadow(WorkspaceFactory(), 0.8)
    record = decide(rollout.workspace, 0.85)
    shown = Caller(rollout.workspace).get(f"decisions/{record.pk}").json()
    assert (shown["rollout_id"], shown["rollout_arm"], shown["candidate_verdict"], shown["candidate_reason"]) == (
        rollout.pk,
        "control",
        "allow",
        "allowed",
    )
