"""`auto_book_meetings` off: no meeting is booked without a person, by whichever door the gate is asked."""

from __future__ import annotations

import pytest

from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, WorkspaceFactory
from governance.workspaces.services import set_toggles
from ledger.models import DecisionRecord
from ledger.tests.bodies import envelope

pytestmark = pytest.mark.django_db(transaction=True)


def reason_of(workspace, policy_key):
    response = Caller(workspace).post("decisions", envelope(policy_key=policy_key))
    return DecisionRecord.objects.get(pk=response.json()["decision_id"]).gate_reason


def test_gate__auto_booking_off__blocks_bookings_and_nothing_else():
    workspace = WorkspaceFactory()
    assert reason_of(workspace, "followup.auto_book") == "auto_booking_disabled"
    assert reason_of(workspace, "confidence_gate") == "allowed"
    set_toggles(actor=SuperuserFactory(), workspace=workspace, auto_book_meetings=True)
    assert reason_of(workspace, "followup.auto_book") == "allowed"


def test_gate__automation_off_too__that_is_the_reason():
    workspace = WorkspaceFactory(automation_enabled=False)
    assert reason_of(workspace, "followup.auto_book") == "automation_disabled"
