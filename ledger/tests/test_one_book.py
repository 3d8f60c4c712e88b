"""Row and record stay together: at the same instant, and for what pipelines recorded before there were links."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from confidence_project.foundation.submissions import Submission
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory
from governance.tests.simultaneous import at_once
from ledger.domains.takeover import take_over_records
from ledger.models import DecisionExternalId, DecisionOutcome, DecisionRecord, DomainDecision
from ledger.selectors import ruling_success
from ledger.tests.factories import DecisionRecordFactory
from telemetry.contracts import DispositionEnvelope, DraftEnvelope, SentimentEnvelope
from telemetry.facts import record_dispositions
from telemetry.models import AIDraft, FollowUpBooking, MeetingOverseerDecision
from telemetry.services import record_drafts, record_sentiments

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


def a_draft(workspace: Workspace) -> None:
    draft = DraftEnvelope(external_id="d-1", created_at=AT, confidence=0.95, threshold=0.9, action="send")
    record_drafts(workspace=workspace, submissions=[Submission.of(draft)])


def rules() -> bool | None:
    return DecisionRecord.objects.annotate(rules=ruling_success(timezone.now())).get().rules


def answer(workspace: Workspace, number: int, sentiment: str) -> None:
    message = SentimentEnvelope(
        external_id=f"m-{number}", draft="d-1", sentiment=sentiment, created_at=AT + timedelta(hours=number)
    )
    record_sentiments(workspace=workspace, submissions=[Submission.of(message)])


def test_messages__many_at_once__the_earliest_labels_and_one_label_stands() -> None:
    workspace = WorkspaceFactory()
    a_draft(workspace)
    moods = ["negative", "positive", "negative", "positive", "positive", "negative"]
    acts = [lambda n=n, mood=mood: answer(workspace, n, mood) for n, mood in enumerate(moods, start=1)]
    assert at_once(acts)["won"] == len(moods)
    assert rules() is False
    assert DecisionOutcome.objects.filter(void__isnull=True).count() == 1
    assert DecisionRecord.objects.count() == DomainDecision.objects.count() == 1


def test_disposition__at_the_instant_of_the_answer__leaves_no_label() -> None:
    workspace = WorkspaceFactory()
    for _ in range(3):
        a_draft(workspace)
    edited = DispositionEnvelope(external_id="d-1", disposition="edited")
    acts = [
        lambda: answer(workspace, 1, "negative"),
        lambda: record_dispositions(workspace=workspace, submissions=[Submission.of(edited)]),
    ]
    assert at_once(acts)["won"] == 2
    assert rules() is None


def test_same_draft__sent_many_times_at_once__one_record() -> None:
    workspace = WorkspaceFactory()
    assert at_once([lambda: a_draft(workspace)] * 5)["won"] == 5
    assert AIDraft.objects.count() == DecisionRecord.objects.count() == DomainDecision.objects.count() == 1


def test_migration__what_pipelines_recorded__is_linked_and_not_taken_over_again() -> None:
    workspace, other = WorkspaceFactory(), WorkspaceFactory()
    stage = {"workspace": workspace, "message_ref": "m-1", "decision": "approve", "confidence": "0.9000"}
    rows = {
        "auto_send.evaluate:d-1": AIDraft.objects.create(workspace=workspace, external_id="d-1", action="send"),
        "followup.auto_book:m-1": FollowUpBooking.objects.create(workspace=workspace, external_id="m-1"),
        "meeting.overseer.gate:m-1": MeetingOverseerDecision.objects.create(**stage, stage="gate"),
    }
    records = {name: DecisionRecordFactory(workspace=workspace, external_id=name) for name in rows}
    for name, record in records.items():
        DecisionExternalId.objects.create(
            workspace=workspace, external_id=name, decision_id=record.pk, body_sha256="a" * 64
        )
    consulted = MeetingOverseerDecision.objects.create(**stage, stage="booking_gate")
    AIDraft.objects.create(workspace=other, external_id="d-1", action="send")
    with connection.schema_editor() as editor:
        import_module("ledger.migrations.0006_one_book").link(apps, editor)
    linked = {
        (each.draft_id, each.booking_id, each.overseen_id): each.decision_id for each in DomainDecision.objects.all()
    }
    draft, booking, overseen = (row.pk for row in rows.values())
    assert linked == {
        (draft, None, None): records["auto_send.evaluate:d-1"].pk,
        (None, booking, None): records["followup.auto_book:m-1"].pk,
        (None, None, overseen): records["meeting.overseer.gate:m-1"].pk,
        (None, None, consulted.pk): records["followup.auto_book:m-1"].pk,
    }
    assert take_over_records(workspace=workspace) == 0
    assert take_over_records(workspace=other) == 1
