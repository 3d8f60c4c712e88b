"""Evidence from the domain records: drafts, overseer decisions, bookings, as the ledger has taken them over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from calibration.runner import run_calibration
from calibration.tests.factories import START, WINDOW
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory
from ledger.domains.takeover import take_over_records
from telemetry.models import AIDraft, FollowUpBooking, InboundMessage, MeetingOverseerDecision

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def finding_of(workspace: Workspace, policy_key: str, **options: Any) -> dict[str, Any]:
    take_over_records(workspace=workspace)
    run = run_calibration(workspace=workspace, policy_keys=[policy_key], **WINDOW, **options)
    (finding,) = run.output["policies"][0]["findings"]
    return finding


def labels(finding: dict[str, Any]) -> tuple[int, int, int]:
    return finding["decisions"], finding["labelled"], finding["successes"]


def draft(workspace: Workspace, *replies: tuple[float, str], **fields: Any) -> AIDraft:
    """A draft at minute 0 with its replies: minute and sentiment."""
    made = AIDraft.objects.create(
        **{
            "workspace": workspace,
            "created_at": at(0),
            "confidence": "0.9500",
            "threshold": "0.9000",
            "action": "send",
            "disposition": "auto_sent",
            "provider": "acme",
            "model": "m1",
            "channel": "email",
            **fields,
        }
    )
    for minute, sentiment in replies:
        InboundMessage.objects.create(workspace=workspace, draft=made, created_at=at(minute), sentiment=sentiment)
    return made


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([(5, "positive")], (1, 1, 1)),
        ([(5, "neutral")], (1, 1, 1)),
        ([(5, "negative")], (1, 1, 0)),
        ([(9, "positive"), (5, "negative")], (1, 1, 0)),
        ([], (1, 0, 0)),
        ([(-5, "negative")], (1, 0, 0)),
    ],
    ids=["positive", "neutral", "negative", "the-next-one-counts", "no-reply", "came-before-the-draft"],
)
def test_auto_send__sentiment_of_the_next_message__labels_the_draft(
    workspace: Workspace, replies: list[tuple[float, str]], expected: tuple[int, int, int]
) -> None:
    draft(workspace, *replies)
    assert labels(finding_of(workspace, "auto_send.evaluate")) == expected


@pytest.mark.parametrize(("minute", "labelled"), [(24 * 60, 1), (24 * 60 + 1, 0)], ids=["in-time", "too-late"])
def test_auto_send__reply_days__later_message_is_no_answer(
    workspace: Workspace, settings: Any, minute: int, labelled: int
) -> None:
    settings.CONFIDENCE_REPLY_DAYS = 1
    draft(workspace, (minute, "positive"))
    assert finding_of(workspace, "auto_send.evaluate")["labelled"] == labelled


@pytest.mark.parametrize(("disposition", "labelled"), [("sent_by_person", 1), ("edited", 0), ("discarded", 0)])
def test_auto_send__what_became_of_the_draft__decides_whether_the_reply_is_about_it(
    workspace: Workspace, disposition: str, labelled: int
) -> None:
    draft(workspace, (5, "positive"), disposition=disposition)
    assert finding_of(workspace, "auto_send.evaluate")["labelled"] == labelled


def test_auto_send__threshold_on_record__is_the_floor_and_cases_collapse(workspace: Workspace) -> None:
    draft(workspace, (5, "positive"), case_key="lead-1")
    draft(workspace, (5, "negative"), case_key="lead-1", created_at=at(1))
    draft(workspace, (5, "positive"), confidence="0.8000", action="hold", disposition="sent_by_person")
    finding = finding_of(workspace, "auto_send.evaluate", segment_by=["channel"])
    assert finding["segment"] == {"confidence_kind": "self_reported", "channel": "email"}
    assert labels(finding) == (2, 1, 1)
    assert finding["cohort"]["threshold_in_force"] == 0.9


def overseer(workspace: Workspace, number: int, **fields: Any) -> None:
    MeetingOverseerDecision.objects.create(
        **{
            "workspace": workspace,
            "created_at": at(number),
            "message_ref": f"message-{number}",
            "stage": "gate",
            "decision": "approve",
            "confidence": "0.9000",
            "provider": "acme",
            "model": "m1",
            **fields,
        }
    )


def test_overseer__human_override__labels_only_what_a_person_looked_at(workspace: Workspace) -> None:
    overseer(workspace, 1, human_override="approve", overridden_at=at(60))
    overseer(workspace, 2, human_override="deny", overridden_at=at(60))
    overseer(workspace, 3)
    overseer(workspace, 4, stage="extract", human_override="deny")
    assert labels(finding_of(workspace, "meeting.overseer.gate")) == (3, 2, 1)


def booking(workspace: Workspace, outcome: str, **fields: Any) -> None:
    FollowUpBooking.objects.create(
        **{
            "workspace": workspace,
            "created_at": at(0),
            "parse_confidence": "0.9500",
            "threshold": "0.9000",
            "auto_booked": True,
            "provider": "acme",
            "model": "m1",
            "outcome": outcome,
            "outcome_at": at(60) if outcome else None,
            **fields,
        }
    )


def test_booking__outcomes__are_mapped_by_the_setting(workspace: Workspace, settings: Any) -> None:
    for outcome in ("kept", "kept", "rescheduled", "cancelled", "corrected", "no_show", ""):
        booking(workspace, outcome)
    assert labels(finding_of(workspace, "followup.auto_book")) == (7, 5, 2)
    settings.CONFIDENCE_BOOKING_OUTCOMES = {"success": ["kept", "rescheduled"], "failure": ["corrected"]}
    assert labels(finding_of(workspace, "followup.auto_book")) == (7, 4, 3)


def test_domain_records__of_another_workspace__are_not_seen(workspace: Workspace) -> None:
    other = WorkspaceFactory()
    draft(other, (5, "positive"))
    overseer(other, 1)
    booking(other, "kept")
    take_over_records(workspace=other)
    run = run_calibration(workspace=workspace, **WINDOW)
    assert run.samples == 0
