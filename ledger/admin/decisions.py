"""The ledger explorer: decisions by workspace, policy, verdict, reason, model, prompt and time, and the page of one.

Each filter has an index that ends in the key by which the list is ordered; `ledger/tests/test_explorer_plans.py` holds
the database to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from governance.list_filters import (
    ExactFilter,
    InUseFilter,
    OneWorkspaceFilter,
    TimeFilter,
    TypedFilter,
    workspaces_in_reach,
)
from ledger import selectors
from ledger.admin.base import LedgerAdmin
from ledger.explorer import decision_page
from ledger.models import DecisionRecord


class RecordedFilter(TimeFilter):
    title = "time of recording"

    def between(
        self, rows: QuerySet[DecisionRecord], since: datetime | None, until: datetime | None
    ) -> QuerySet[DecisionRecord]:
        return selectors.recorded_between(rows, since, until)


class VerdictFilter(ExactFilter):
    title = parameter_name = "verdict"
    field_name = "gate_verdict"

    def offered(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return DecisionRecord.Verdict.choices


class ReasonFilter(InUseFilter):
    title = parameter_name = "reason"
    field_name = "gate_reason"


class PolicyKeyFilter(InUseFilter):
    title = "policy key"
    parameter_name = field_name = "policy_key"


class ProviderFilter(InUseFilter):
    title = parameter_name = field_name = "provider"


class ModelFilter(InUseFilter):
    title = parameter_name = field_name = "model"


class PromptHashFilter(TypedFilter):
    title = "prompt hash"
    parameter_name = field_name = "prompt_hash"


@admin.register(DecisionRecord)
class DecisionRecordAdmin(LedgerAdmin):
    """A verdict with what it rested on, what came of it, and what was corrected."""

    list_display = ["recorded", "verdict", "reason", "policy_key", "model_asked", "confidence"]
    list_filter = [
        OneWorkspaceFilter,
        RecordedFilter,
        VerdictFilter,
        ReasonFilter,
        PolicyKeyFilter,
        ProviderFilter,
        ModelFilter,
        PromptHashFilter,
    ]
    search_fields = ["decision_id"]
    search_help_text = "The id of a decision, or the host's own id, whole. Looks in all of your workspaces."
    fieldsets = [
        (
            "Verdict",
            {"fields": ["decision_id", "workspace", "gate_verdict", "gate_reason", "timestamp", "occurred_at"]},
        ),
        (
            "What was judged",
            {
                "fields": [
                    "provider",
                    "model",
                    "task",
                    "channel",
                    "llm_confidence",
                    "confidence_kind",
                    "ml_risk_score",
                    "action_type",
                    "action_params",
                    "prompt_hash",
                    "schema_valid",
                    "schema_version",
                ]
            },
        ),
        ("What was applied", {"fields": ["policy_key", "policy_version", "thresholds"]}),
        ("On trial", {"fields": ["rollout_id", "rollout_arm", "candidate_verdict", "candidate_reason"]}),
        (
            "Where it comes from",
            {"fields": ["origin", "external_id", "case_key", "interaction_id", "audit_selected", "label_propensity"]},
        ),
    ]
    readonly_fields = ["decision_id", "interaction_id"]

    @admin.display(description="recorded (UTC)")
    def recorded(self, record: DecisionRecord) -> SafeString:
        # The end of an id tells decisions apart: it begins with the time.
        return format_html(
            "{} <small>…{}</small>", f"{record.timestamp:%Y-%m-%d %H:%M:%S}", record.decision_id.hex[-12:]
        )

    @admin.display(description="verdict")
    def verdict(self, record: DecisionRecord) -> SafeString:
        return format_html('<span class="badge {}">{}</span>', record.gate_verdict, record.get_gate_verdict_display())

    @admin.display(description="reason")
    def reason(self, record: DecisionRecord) -> str:
        return record.gate_reason

    @admin.display(description="model")
    def model_asked(self, record: DecisionRecord) -> SafeString:
        return format_html("{} <small>{}</small>", record.model or "–", record.provider)

    @admin.display(description="confidence")
    def confidence(self, record: DecisionRecord) -> SafeString:
        return format_html(
            '<span class="number">{}</span>', "–" if record.llm_confidence is None else record.llm_confidence
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look up one id by an index instead of searching text."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(pk=UUID(term)), False
        except ValueError:
            return queryset.filter(pk__in=selectors.decision_ids_named_in(workspaces_in_reach(request), term)), False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        return super().render_change_form(
            request, {**context, "page": decision_page(context["original"])}, *args, **kwargs
        )
