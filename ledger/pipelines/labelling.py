"""Labels for gated decisions whose outcome was reported past the pipelines: over HTTP, say."""

from __future__ import annotations

from datetime import datetime
from itertools import chain

from django.db.models import Exists, OuterRef
from django.utils import timezone

from governance.models import Workspace
from ledger.pipelines.auto_send import label_draft
from ledger.pipelines.followup_booking import label_booking
from ledger.pipelines.meeting_overseer import label_overseen
from telemetry.models import AIDraft, FollowUpBooking, InboundMessage, MeetingOverseerDecision

PAGE = 500


def label_decisions(*, workspace: Workspace, since: datetime) -> int:
    """Label gated drafts, overseer decisions and bookings made since a time; return how many labels are new.

    A label that is there stays, so this may run as often as one likes.
    """
    started = timezone.now()
    answered = Exists(InboundMessage.objects.filter(draft_id=OuterRef("pk")))
    drafts = AIDraft.objects.in_workspace(workspace).filter(answered, created_at__gte=since)
    overseen = MeetingOverseerDecision.objects.in_workspace(workspace).filter(
        created_at__gte=since, stage=MeetingOverseerDecision.Stage.GATE, overridden_at__isnull=False
    )
    bookings = FollowUpBooking.objects.in_workspace(workspace).filter(created_at__gte=since).exclude(outcome="")
    labels = chain(
        (label_draft(workspace=workspace, draft=draft) for draft in drafts.iterator(PAGE)),
        (label_overseen(workspace=workspace, overseen=row) for row in overseen.iterator(PAGE)),
        (label_booking(workspace=workspace, booking=booking) for booking in bookings.iterator(PAGE)),
    )
    return sum(label is not None and label.recorded_at >= started for label in labels)
