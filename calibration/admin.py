"""Calibration runs and what they recommend, to be read; runs are made by `run_calibration`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from calibration.models import ConfidenceCalibrationRun, Recommendation
from calibration.report import run_as_text
from calibration.selectors import proposals_of
from governance.models import ConfidencePolicyProposal
from governance.scoped_admin import ScopedAdmin, WorkspaceFilter


def _link(proposal: ConfidencePolicyProposal) -> SafeString:
    url = reverse("admin:governance_confidencepolicyproposal_change", args=[proposal.pk])
    return format_html('<a href="{}">{}</a>', url, proposal.title)


@admin.register(ConfidenceCalibrationRun)
class RunAdmin(ScopedAdmin):
    """Every run, with its findings as text and its proposals."""

    list_display = ["__str__", "workspace", "status", "samples", "proposals_created", "created_at", "computed_by_name"]
    list_filter = [WorkspaceFilter, "status"]
    list_select_related = ["workspace"]
    date_hierarchy = "created_at"
    fields = (
        "workspace",
        "status",
        "error",
        "findings",
        "proposals",
        "scope",
        "segment_by",
        "window_from",
        "window_to",
        "target_failure_rate",
        "risk_confidence",
        "maturity_days",
        "labels_as_of",
        "samples",
        "inputs_sha256",
        "model",
        "statistics_version",
        "computed_by_name",
        "progress",
        "created_at",
        "started_at",
        "heartbeat_at",
        "finished_at",
    )
    readonly_fields = fields

    @admin.display(empty_value="–")
    def findings(self, run: ConfidenceCalibrationRun) -> SafeString | None:
        return format_html("<pre>{}</pre>", run_as_text(run)) if run.output else None

    @admin.display(empty_value="–")
    def proposals(self, run: ConfidenceCalibrationRun) -> SafeString | None:
        return format_html_join(SafeString("<br>"), "{}", ((_link(each),) for each in proposals_of(run))) or None


@admin.register(Recommendation)
class RecommendationAdmin(ScopedAdmin):
    """What runs said of single fields and segments."""

    list_display = ["policy_key", "field", "segment", "workspace", "current", "recommended", "reason", "run"]
    list_filter = [WorkspaceFilter, "reason", "policy_key"]
    list_select_related = ["workspace", "run__workspace"]
    fields = (
        "run",
        "workspace",
        "policy_key",
        "field",
        "segment",
        "current",
        "recommended",
        "reason",
        "explanation",
        "proposal_link",
        "evidence",
    )
    readonly_fields = fields

    @admin.display(description="proposal", empty_value="–")
    def proposal_link(self, recommendation: Recommendation) -> SafeString | None:
        return _link(recommendation.proposal) if recommendation.proposal else None
