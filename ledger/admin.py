"""The ledger in the admin: to be looked at by the members of a workspace, and never changed.

Lists go by primary key, the newest first, and search by exact ids.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from governance.scoped_admin import BoundedPaginator, GrowingTableAdmin, ScopedAdmin, WorkspaceFilter
from ledger.models import (
    Checkpoint,
    DecisionExternalId,
    DecisionOutcome,
    DecisionRecord,
    LedgerAmendment,
    LogLeaf,
    LogNode,
)


class LedgerAdmin(GrowingTableAdmin):
    """What the tables of a workspace have in common."""

    list_filter = [WorkspaceFilter]
    list_select_related = ["workspace"]


class _RecordInline(admin.TabularInline):
    """Rows that hang on a decision; who sees the decision sees them."""

    extra = 0
    can_delete = False
    show_change_link = False
    template = "desk/inline_table.html"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class OutcomeInline(_RecordInline):
    model = DecisionOutcome
    fields = [
        "sequence",
        "success",
        "source",
        "automation_executed",
        "downstream_failure",
        "observed_at",
        "recorded_at",
        "reporter",
    ]
    ordering = ["sequence"]


class AmendmentInline(_RecordInline):
    model = LedgerAmendment
    fields = ["field", "value_before", "value_after", "reason", "actor_name", "at"]


@admin.register(DecisionRecord)
class DecisionRecordAdmin(LedgerAdmin):
    """A verdict with what it rested on, what came of it, and what was corrected."""

    list_display = [
        "decision_id",
        "workspace",
        "occurred_at",
        "policy_key",
        "provider",
        "model",
        "llm_confidence",
        "verdict",
        "gate_reason",
    ]
    list_filter = [WorkspaceFilter, "gate_verdict", "origin", "confidence_kind"]
    search_fields = ["decision_id"]
    search_help_text = "The id of a decision, or the host's own id, whole."
    inlines = [OutcomeInline, AmendmentInline]
    fieldsets = [
        (
            "Verdict",
            {"fields": ["decision_id", "workspace", "gate_verdict", "gate_reason", "occurred_at", "timestamp"]},
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
            {
                "fields": [
                    "origin",
                    "external_id",
                    "case_key",
                    "interaction_id",
                    "audit_selected",
                    "label_propensity",
                ]
            },
        ),
    ]
    readonly_fields = ["decision_id", "interaction_id"]

    @admin.display(description="verdict")
    def verdict(self, record: DecisionRecord) -> SafeString:
        return format_html('<span class="badge {}">{}</span>', record.gate_verdict, record.get_gate_verdict_display())

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
            named = DecisionExternalId.objects.filter(external_id=term).values("decision_id")
            return queryset.filter(pk__in=named), False


@admin.register(DecisionOutcome)
class DecisionOutcomeAdmin(LedgerAdmin):
    list_display = ["id", "workspace", "decision_id", "success", "source", "observed_at", "recorded_at", "reporter"]
    list_filter = [WorkspaceFilter, "success", "source"]


@admin.register(LedgerAmendment)
class LedgerAmendmentAdmin(LedgerAdmin):
    list_display = ["id", "workspace", "decision_id", "field", "value_after", "actor_name", "at"]


@admin.register(DecisionExternalId)
class DecisionExternalIdAdmin(LedgerAdmin):
    list_display = ["external_id", "workspace", "decision_id"]
    search_fields = ["external_id__exact"]


class LogAdmin(ScopedAdmin):
    """Tables of the log, which belongs to no workspace: a superuser's."""

    paginator = BoundedPaginator
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.model._default_manager.order_by(*self.ordering)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and getattr(request.user, "is_superuser", False)


@admin.register(LogLeaf)
class LogLeafAdmin(LogAdmin):
    list_display = ["position", "entry", "entry_id", "hash"]
    list_filter = ["entry"]
    search_fields = ["entry_id__exact"]
    fields = ["position", "entry", "entry_id", "hash"]
    readonly_fields = ["position", "entry", "entry_id", "hash"]

    @admin.display(description="leaf hash")
    def hash(self, leaf: LogLeaf) -> str:
        return bytes(leaf.leaf_hash).hex()


@admin.register(LogNode)
class LogNodeAdmin(LogAdmin):
    list_display = ["level", "index", "hash"]
    fields = ["level", "index", "hash"]
    readonly_fields = ["level", "index", "hash"]

    @admin.display(description="node hash")
    def hash(self, node: LogNode) -> str:
        return bytes(node.node_hash).hex()


@admin.register(Checkpoint)
class CheckpointAdmin(LogAdmin):
    """Checkpoints are made to be published, so every staff member sees them."""

    list_display = ["tree_size", "created_at", "hash"]
    fields = ["tree_size", "created_at", "hash", "signed_note"]
    readonly_fields = ["tree_size", "created_at", "hash", "signed_note"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return ScopedAdmin.has_module_permission(self, request)

    @admin.display(description="root hash")
    def hash(self, checkpoint: Checkpoint) -> str:
        return bytes(checkpoint.root_hash).hex()

    @admin.display(description="signed note")
    def signed_note(self, checkpoint: Checkpoint) -> SafeString:
        return format_html("<pre>{}</pre>", checkpoint.note)
