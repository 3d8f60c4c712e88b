"""One sound case for each pipeline, and what its evaluator says."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger.pipelines.auto_send import DraftToEvaluate
from ledger.pipelines.followup_booking import BookingToDecide
from ledger.pipelines.meeting_overseer import ReplyToOversee
from telemetry.tests.openai_server import SECRET


def evaluation(confidence=0.97, safe=True, review=False):
    return {"safe_to_send": safe, "confidence": confidence, "requires_human_review": review}


def a_draft(external_id="draft-1", **changes):
    texts = {"conversation": f"Hello. {SECRET}", "draft": f"Dear Ann. {SECRET}"}
    return DraftToEvaluate(**{"external_id": external_id, "channel": "email", "case_key": "lead-7", **texts, **changes})


def a_booking(message_ref="message-1", **changes):
    fields = {
        "message_ref": message_ref,
        "message": f"Tuesday at ten suits me. {SECRET}",
        "proposed_time": datetime(2026, 12, 1, 10, tzinfo=UTC),
        "availability": "Tuesday 10:00 to 12:00",
        "parse_confidence": 0.95,
        "needs_timezone_clarification": False,
        "matched_availability": True,
        "provider": "acme",
        "model": "acme-parser-1",
        "case_key": "lead-7",
    }
    return BookingToDecide(**{**fields, **changes})


def said(decision, confidence=0.9, issues=0):
    return {"decision": decision, "confidence": confidence, "issues_count": issues}


def a_reply(message_ref="message-1", **changes):
    texts = {"conversation": f"Tuesday? {SECRET}", "draft": f"Gladly. {SECRET}", "availability": "Tuesday 10:00"}
    return ReplyToOversee(**{"message_ref": message_ref, **texts, **changes})
