"""Records of telemetry as the API shows them, and the filters of their lists."""

from __future__ import annotations

from django_filters import rest_framework as filters
from rest_framework import serializers

from confidence_project.foundation.filters import NameFilter, TimeFilter
from confidence_project.foundation.serializers import RowSerializer
from telemetry.models import AIDraft, AIInteraction, FollowUpBooking, InboundMessage, MeetingOverseerDecision

SHARED = ["id", "external_id", "created_at", "received_at"]


class RecordFilter(filters.FilterSet):
    """Filters on the indexed columns."""

    external_id = NameFilter(help_text="The host's own id.")
    created_from = TimeFilter(field_name="created_at", lookup_expr="gte", help_text="Inclusive.")
    created_before = TimeFilter(field_name="created_at", lookup_expr="lt", help_text="Exclusive.")


class InteractionSerializer(RowSerializer[AIInteraction]):
    class Meta:
        model = AIInteraction
        fields = [
            *SHARED, "feature_id", "prompt_key", "provider", "model", "operation", "status", "error_type",
            "input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens", "duration_ms", "trace_id", "span_id",
            "response_id",
            "metadata", "metadata_removed",
        ]  # fmt: skip
        read_only_fields = fields


class DraftSerializer(RowSerializer[AIDraft]):
    class Meta:
        model = AIDraft
        fields = [
            *SHARED, "provider", "model", "confidence", "threshold", "action", "channel", "disposition", "case_key",
            "evaluated_at",
        ]  # fmt: skip
        read_only_fields = fields


class SentimentSerializer(RowSerializer[InboundMessage]):
    draft = serializers.CharField(source="draft.external_id", read_only=True)

    class Meta:
        model = InboundMessage
        fields = [*SHARED, "draft", "sentiment"]
        read_only_fields = fields


class OverseerDecisionSerializer(RowSerializer[MeetingOverseerDecision]):
    class Meta:
        model = MeetingOverseerDecision
        fields = [
            *SHARED, "message_ref", "stage", "decision", "confidence", "provider", "model", "prompt_key",
            "human_override", "overridden_at",
        ]  # fmt: skip
        read_only_fields = fields


class BookingSerializer(RowSerializer[FollowUpBooking]):
    class Meta:
        model = FollowUpBooking
        fields = [
            *SHARED, "provider", "model", "parse_confidence", "threshold", "auto_booked", "case_key", "outcome",
            "outcome_at",
        ]  # fmt: skip
        read_only_fields = fields
