"""`manage.py label_decisions`: facts that came in over HTTP label what the pipelines decided."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from governance.models import ApiKey
from governance.tests.callers import Caller
from governance.tests.factories import WorkspaceFactory
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.pipelines.auto_send import DraftToEvaluate, evaluate_draft
from ledger.pipelines.followup_booking import BookingToDecide, decide_booking
from ledger.pipelines.meeting_overseer import ReplyToOversee, oversee_reply

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def decided(provider):
    """A draft, an overseen reply and a booking, each decided for `message-1`."""
    workspace = WorkspaceFactory(slug="acme", auto_book_meetings=True)
    provider.say(
        {"safe_to_send": True, "confidence": 0.97, "requires_human_review": False},
        {"decision": "approve", "confidence": 0.9},
    )
    draft = DraftToEvaluate(external_id="message-1", conversation="Hello.", draft="Hello.", channel="email")
    evaluate_draft(workspace=workspace, draft=draft)
    reply = ReplyToOversee(message_ref="message-1", conversation="Ten?", draft="Yes.", availability="10:00")
    oversee_reply(workspace=workspace, reply=reply)
    booking = BookingToDecide(
        message_ref="message-1", message="Ten.", proposed_time=datetime(2026, 12, 1, 10, tzinfo=UTC),
        availability="10:00", parse_confidence=0.95, needs_timezone_clarification=False, matched_availability=True,
        provider="acme", model="acme-1",
    )  # fmt: skip
    decide_booking(workspace=workspace, booking=booking)
    return workspace


def run(*arguments):
    output = StringIO()
    call_command("label_decisions", *arguments, stdout=output)
    return output.getvalue()


def test_command__facts_over_http__label_each_decision_once(decided):
    caller = Caller(decided, [ApiKey.Scope.INGEST])
    at = timezone.now().isoformat()
    facts = [
        ("sentiments", {"external_id": "in-1", "draft": "message-1", "sentiment": "negative"}),
        ("overseer-decisions/overrides", _override("message-1:gate", "deny", at)),
        ("bookings/outcomes", {"external_id": "message-1", "outcome": "kept", "outcome_at": at}),
    ]
    assert run() == "acme: 0 new labels.\n"
    for path, body in facts:
        reply = caller.post(path, body)
        assert reply.status_code in (200, 201), reply.content
    assert run("--workspace", "acme") == "acme: 3 new labels.\n"
    assert run() == "acme: 0 new labels.\n"
    labels = {outcome.decision.policy_key: outcome.success for outcome in DecisionOutcome.objects.all()}
    assert labels == {"auto_send.evaluate": False, "meeting.overseer.gate": False, "followup.auto_book": True}


def _override(external_id, decision, at):
    return {"external_id": external_id, "human_override": decision, "overridden_at": at}


def test_command__older_than_the_days__not_looked_at(decided):
    Caller(decided).post("sentiments", {"external_id": "in-1", "draft": "message-1", "sentiment": "positive"})
    assert run("--days", "0") == "acme: 0 new labels.\n"


def test_command__records_without_the_gate__are_no_decisions():
    caller = Caller(WorkspaceFactory(slug="other"))
    caller.post("drafts", {"external_id": "d", "action": "send", "confidence": 0.9})
    caller.post("sentiments", {"external_id": "in-1", "draft": "d", "sentiment": "positive"})
    assert run() == "other: 0 new labels.\n"
    assert not DecisionRecord.objects.exists()


def test_command__unknown_workspace__says_so():
    with pytest.raises(CommandError, match="workspace"):
        run("--workspace", "nobody")
