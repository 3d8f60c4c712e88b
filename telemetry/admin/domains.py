"""Records of the domains that consume thresholds: drafts, replies to them, the meeting overseer, bookings."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from confidence_project.foundation.formatting import DASH, threshold
from governance.admin_kit.list_filters import OneWorkspaceFilter
from telemetry.admin.base import HappenedFilter, RecordAdmin, badge
from telemetry.models import AIDraft, FollowUpBooking, InboundMessage, MeetingOverseerDecision

ORIGIN: tuple[str, Any] = ("Where it comes from", {"fields": ["workspace", "external_id", "created_at", "received_at"]})


@admin.register(AIDraft)
class AIDraftAdmin(RecordAdmin):
    """Drafted replies: judged, then sent or held."""

    nothing_yet = "No draft has come yet"
    list_display = [
        "external_id",
        "workspace",
        "created_at",
        "judged",
        "confidence_given",
        "threshold_applied",
        "became",
        "verdict",
    ]
    list_filter = [OneWorkspaceFilter, HappenedFilter, "action", "disposition"]
    fieldsets = [
        ("Judgement", {"fields": ["action", "confidence", "threshold", "provider", "model", "evaluated_at"]}),
        ("What became of it", {"fields": ["disposition"]}),
        ("What it belongs to", {"fields": ["channel", "case_key"]}),
        ORIGIN,
    ]

    @admin.display(description="action")
    def judged(self, draft: AIDraft) -> SafeString:
        return badge(draft.get_action_display(), "allow" if draft.action == AIDraft.Action.SEND else "")

    @admin.display(description="outcome")
    def became(self, draft: AIDraft) -> str:
        return draft.get_disposition_display() or DASH


@admin.register(InboundMessage)
class InboundMessageAdmin(RecordAdmin):
    """The sentiment of what answered a draft."""

    nothing_yet = "No reply to a draft has come yet"
    list_display = ["external_id", "workspace", "created_at", "mood", "answers", "verdict"]
    list_filter = [OneWorkspaceFilter, HappenedFilter, "sentiment"]
    list_select_related = ["workspace", "draft"]
    fieldsets = [("The answer", {"fields": ["sentiment", "draft"]}), ORIGIN]

    @admin.display(description="sentiment")
    def mood(self, message: InboundMessage) -> SafeString:
        kinds = {InboundMessage.Sentiment.POSITIVE: "complete", InboundMessage.Sentiment.NEGATIVE: "failed"}
        return badge(message.get_sentiment_display(), kinds.get(InboundMessage.Sentiment(message.sentiment), ""))

    @admin.display(description="answers the draft")
    def answers(self, message: InboundMessage) -> SafeString:
        address = reverse("admin:telemetry_aidraft_change", args=[message.draft_id])
        return format_html('<a href="{}">{}</a>', address, message.draft.external_id or message.draft_id)


class PersonFilter(admin.SimpleListFilter):
    """Filter by whether a person looked at it."""

    title = "a person's decision"
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "A person decided"), ("no", "Nobody looked yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return (
            queryset.filter(overridden_at__isnull=self.value() == "no") if self.value() in ("yes", "no") else queryset
        )


@admin.register(MeetingOverseerDecision)
class MeetingOverseerDecisionAdmin(RecordAdmin):
    """The stages in which the overseer judged a message."""

    nothing_yet = "No decision about a meeting has come yet"
    list_display = [
        "external_id",
        "workspace",
        "created_at",
        "stage",
        "decided",
        "confidence_given",
        "person_decided",
        "verdict",
    ]
    list_filter = [OneWorkspaceFilter, HappenedFilter, "stage", PersonFilter]
    fieldsets = [
        ("Judgement", {"fields": ["message_ref", "stage", "decision", "confidence"]}),
        ("Who judged", {"fields": ["provider", "model", "prompt_key"]}),
        ("What a person decided", {"fields": ["human_override", "overridden_at"]}),
        ORIGIN,
    ]

    @admin.display(description="decision")
    def decided(self, overseen: MeetingOverseerDecision) -> SafeString:
        return badge(overseen.decision)

    @admin.display(description="a person decided")
    def person_decided(self, overseen: MeetingOverseerDecision) -> SafeString:
        if not overseen.human_override:
            return SafeString(DASH)
        if overseen.human_override == overseen.decision:
            return badge("the same", "complete")
        return badge(f"otherwise: {overseen.human_override}", "warn")


@admin.register(FollowUpBooking)
class FollowUpBookingAdmin(RecordAdmin):
    """Proposed meetings: booked without a person, or not, and what became of them."""

    nothing_yet = "No booking has come yet"
    list_display = [
        "external_id",
        "workspace",
        "created_at",
        "booked",
        "confidence_given",
        "threshold_applied",
        "became",
        "verdict",
    ]
    list_filter = [OneWorkspaceFilter, HappenedFilter, "auto_booked", "outcome"]
    fieldsets = [
        ("Judgement", {"fields": ["auto_booked", "parse_confidence", "threshold", "provider", "model"]}),
        ("What became of it", {"fields": ["outcome", "outcome_at"]}),
        ("What it belongs to", {"fields": ["case_key"]}),
        ORIGIN,
    ]

    @admin.display(description="booked")
    def booked(self, booking: FollowUpBooking) -> SafeString:
        return badge("Without a person", "allow") if booking.auto_booked else badge("Not by itself")

    @admin.display(description="confidence")
    def confidence_given(self, booking: FollowUpBooking) -> str:
        return threshold(booking.parse_confidence)

    @admin.display(description="outcome")
    def became(self, booking: FollowUpBooking) -> SafeString:
        if not booking.outcome:
            return SafeString(DASH)
        kept = booking.outcome == FollowUpBooking.Outcome.KEPT
        return badge(booking.get_outcome_display(), "complete" if kept else "warn")
