"""Records of telemetry in the admin: to be looked at, by the members of their workspace, and never changed."""

from __future__ import annotations

from django.contrib import admin

from governance.scoped_admin import GrowingTableAdmin, WorkspaceFilter
from telemetry.models import AIDraft, AIInteraction, FollowUpBooking, InboundMessage, MeetingOverseerDecision


class RecordAdmin(GrowingTableAdmin):
    """What all kinds of records have."""

    list_filter = [WorkspaceFilter]
    list_select_related = ["workspace"]
    # An exact look-up by the host's id is an index; a search in text is none.
    search_fields = ["external_id__exact"]


@admin.register(AIInteraction)
class AIInteractionAdmin(RecordAdmin):
    list_display = ["external_id", "workspace", "created_at", "feature_id", "provider", "model", "status"]


@admin.register(AIDraft)
class AIDraftAdmin(RecordAdmin):
    list_display = ["external_id", "workspace", "created_at", "action", "confidence", "threshold", "disposition"]


@admin.register(InboundMessage)
class InboundMessageAdmin(RecordAdmin):
    list_display = ["external_id", "workspace", "created_at", "sentiment"]


@admin.register(MeetingOverseerDecision)
class MeetingOverseerDecisionAdmin(RecordAdmin):
    list_display = ["external_id", "workspace", "created_at", "stage", "decision", "confidence", "human_override"]


@admin.register(FollowUpBooking)
class FollowUpBookingAdmin(RecordAdmin):
    list_display = ["external_id", "workspace", "created_at", "parse_confidence", "auto_booked", "outcome"]
