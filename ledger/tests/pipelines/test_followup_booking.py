"""Follow-up auto-booking: book, ask or hold, whatever stands against it, and what became of the meeting."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connections
from django.utils import timezone

from confidence_project.foundation.errors import Conflict, NotFound
from confidence_project.foundation.submissions import Submission
from governance.models import ConfidencePolicy, Workspace
from governance.tests.factories import WorkspaceFactory
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.pipelines.followup_booking import decide_booking, record_booking_outcome
from ledger.tests.pipelines.cases import a_booking, said
from telemetry.contracts import BookingOutcomeEnvelope, OverseerDecisionEnvelope
from telemetry.models import AIInteraction, FollowUpBooking, MeetingOverseerDecision
from telemetry.services import record_overseer_decisions
from telemetry.tests.openai_server import SECRET, completion, failure

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def workspace():
    return WorkspaceFactory(auto_book_meetings=True)


@pytest.fixture
def with_gate(workspace):
    Workspace.objects.filter(pk=workspace.pk).update(booking_gate_enabled=True)


def decided(workspace, **changes):
    verdict = decide_booking(workspace=workspace, booking=a_booking(**changes))
    return verdict.action, verdict.reason


def test_decide__confident_and_matched__book(workspace):
    verdict = decide_booking(workspace=workspace, booking=a_booking(parse_confidence=0.9))
    assert (verdict.action, verdict.reason, verdict.created) == ("book", "allowed", True)
    booking, record = FollowUpBooking.objects.get(), DecisionRecord.objects.get()
    assert (booking.external_id, booking.auto_booked, booking.case_key) == ("message-1", True, "lead-7")
    assert (booking.parse_confidence, booking.threshold) == (Decimal("0.9000"), Decimal("0.9000"))
    assert (record.policy_key, record.action_type, record.model) == ("followup.auto_book", "book", "acme-parser-1")
    assert not MeetingOverseerDecision.objects.exists()


STANDING = [
    ({"parse_confidence": 0.8999}, ("hold", "llm_confidence_below_threshold")),
    ({"needs_timezone_clarification": True, "parse_confidence": 1.0}, ("ask", "timezone_clarification_needed")),
    ({"matched_availability": False, "parse_confidence": 1.0}, ("hold", "availability_not_matched")),
]


@pytest.mark.parametrize("change, expected", STANDING)
def test_decide__something_stands_against_it__not_booked_and_the_gate_not_asked(
    workspace, with_gate, provider, change, expected
):
    provider.say(said("approve"))
    assert decided(workspace, **change) == expected
    assert FollowUpBooking.objects.get().auto_booked is False
    assert provider.requests == []


def test_decide__policy_says_otherwise__its_threshold_applies(workspace):
    config = {"values": {"proposed_times_match_threshold": 0.97}, "overrides": []}
    ConfidencePolicy.objects.create(workspace=workspace, policy_key="followup.auto_book", config=config, version=3)
    assert decided(workspace) == ("hold", "llm_confidence_below_threshold")
    assert FollowUpBooking.objects.get().threshold == Decimal("0.9700")


def test_decide__workspace_does_not_book_automatically__hold(workspace):
    # The caller's object is stale: what the database says counts.
    Workspace.objects.filter(pk=workspace.pk).update(auto_book_meetings=False)
    assert workspace.auto_book_meetings
    assert decided(workspace, needs_timezone_clarification=True) == ("hold", "auto_booking_disabled")


def test_decide__automation_disabled__holds_even_what_would_ask(workspace):
    Workspace.objects.filter(pk=workspace.pk).update(automation_enabled=False)
    assert decided(workspace, needs_timezone_clarification=True) == ("hold", "automation_disabled")


GATE = [
    ("approve", ("book", "allowed")),
    ("needs_clarification", ("ask", "booking_needs_clarification")),
    ("deny", ("hold", "booking_denied")),
]


@pytest.mark.parametrize("decision, expected", GATE)
def test_decide__booking_gate__has_the_last_word(workspace, with_gate, provider, decision, expected):
    provider.say(said(decision, 0.87))
    assert decided(workspace) == expected
    stage = MeetingOverseerDecision.objects.get()
    assert (stage.stage, stage.message_ref, stage.decision) == ("booking_gate", "message-1", decision)
    assert (stage.confidence, stage.prompt_key) == (Decimal("0.8700"), "followup.booking.gate.v1")
    assert FollowUpBooking.objects.get().auto_booked is (decision == "approve")
    assert AIInteraction.objects.get().metadata["followupParse"]["matchedAvailability"] is True


@pytest.mark.parametrize("behaviour", [failure(500), completion("{}"), completion('{"decision": "maybe"}')])
def test_decide__booking_gate_without_usable_answer__hold(workspace, with_gate, provider, behaviour):
    provider.plan(behaviour)
    assert decided(workspace) == ("hold", "prompt_failed")
    assert not MeetingOverseerDecision.objects.exists()
    assert DecisionRecord.objects.get().gate_verdict == "block"


def test_decide__auto_booking_switched_off_while_the_gate_thinks__hold(workspace, with_gate, provider):
    def switch_off(handler):
        Workspace.objects.filter(pk=workspace.pk).update(auto_book_meetings=False)
        connections.close_all()  # of the server's thread
        completion('{"decision": "approve", "confidence": 0.9, "issues_count": 0}')(handler)

    provider.plan(switch_off)
    assert decided(workspace) == ("hold", "auto_booking_disabled")


def test_decide__same_message_again__first_verdict_without_asking(workspace, with_gate, provider):
    provider.say(said("deny"), said("approve"))
    first = decide_booking(workspace=workspace, booking=a_booking())
    again = decide_booking(workspace=workspace, booking=a_booking())
    assert (again.action, again.decision, again.booking, again.created) == (
        "hold", first.decision, first.booking, False
    )  # fmt: skip
    assert len(provider.requests) == MeetingOverseerDecision.objects.count() == 1


def test_decide__another_time_for_the_same_message__conflict(workspace):
    decided(workspace)
    with pytest.raises(Conflict):
        decided(workspace, proposed_time=datetime(2026, 12, 2, 10, tzinfo=UTC))
    assert FollowUpBooking.objects.count() == 1


def test_decide__gate_stage_on_record_already__counts_and_is_not_asked_again(workspace, with_gate, provider):
    item = OverseerDecisionEnvelope(external_id="own", message_ref="message-1", stage="booking_gate", decision="deny")
    record_overseer_decisions(workspace=workspace, submissions=[Submission("own", "0" * 64, item)])
    provider.say(said("approve"))
    assert decided(workspace) == ("hold", "booking_denied")
    assert provider.requests == []


def test_decide__eight_at_once__one_booking_and_one_stage(workspace, with_gate, provider):
    provider.say(said("approve"))

    def decide(_):
        try:
            return decide_booking(workspace=workspace, booking=a_booking())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(decide, range(8)))
    assert [verdict.created for verdict in verdicts].count(True) == 1
    assert {verdict.decision.pk for verdict in verdicts} == {DecisionRecord.objects.get().pk}
    assert FollowUpBooking.objects.count() == MeetingOverseerDecision.objects.count() == 1


def became(workspace, outcome, at=None, message_ref="message-1"):
    fact = BookingOutcomeEnvelope(external_id=message_ref, outcome=outcome, outcome_at=at or timezone.now())
    return record_booking_outcome(workspace=workspace, outcome=fact)


MEANINGS = [("kept", True), ("rescheduled", False), ("cancelled", False), ("corrected", False), ("no_show", None)]


@pytest.mark.parametrize("outcome, success", MEANINGS)
def test_outcome__by_the_setting__labels_the_decision(workspace, outcome, success):
    decided(workspace)
    label = became(workspace, outcome)
    assert FollowUpBooking.objects.get().outcome == outcome
    if success is None:
        assert label is None
    else:
        assert (label.success, label.source, label.automation_executed) == (success, "booking", True)


def test_outcome__setting_of_the_hosts_own__counts(workspace, settings):
    settings.CONFIDENCE_BOOKING_OUTCOMES = {"success": ["kept", "rescheduled"], "failure": ["no_show"]}
    decided(workspace)
    assert became(workspace, "rescheduled").success is True


def test_outcome__again_and_another__first_one_stays(workspace):
    decided(workspace)
    at = timezone.now()
    assert became(workspace, "kept", at) == became(workspace, "kept", at) == DecisionOutcome.objects.get()
    with pytest.raises(Conflict):
        became(workspace, "cancelled")


def test_outcome__of_a_meeting_that_a_person_booked__says_so(workspace):
    decided(workspace, parse_confidence=0.5)
    assert became(workspace, "kept").automation_executed is False


def test_outcome__in_another_workspace__not_found(workspace):
    decided(workspace)
    with pytest.raises(NotFound):
        became(WorkspaceFactory(), "kept")


def test_decide__private_texts__are_neither_stored_nor_logged(workspace, with_gate, provider, stored, caplog):
    caplog.set_level(logging.DEBUG)
    provider.say(said("approve"))
    decided(workspace)
    assert SECRET in str(provider.requests)
    assert SECRET not in stored() + caplog.text
