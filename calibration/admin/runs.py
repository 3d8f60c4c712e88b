"""Calibration runs and what they recommend, to be read; a new run is asked for, and a worker carries it out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from calibration.admin.engines import EngineField, engines_of
from calibration.answering import explain_answers
from calibration.findings import wording
from calibration.findings.reading import read_evidence
from calibration.models import AnswersAlarm, ConfidenceCalibrationRun, PolicyAlarm, PolicyLook
from calibration.parameters import known_segment_keys, stated_costs
from calibration.runs.queue import request_calibration
from calibration.runs.report import run_as_json, run_as_text
from calibration.selectors import proposals_of
from confidence_project.foundation.errors import InvalidInput
from governance.access.permissions import Verb, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import ScopedAdmin, WorkspaceFilter
from governance.admin_kit.service_views import ServiceAdmin
from governance.definitions import all_definitions
from governance.models import ConfidencePolicyProposal, Workspace
from governance.workflow.wording import headline


def link_to(proposal: ConfidencePolicyProposal) -> SafeString:
    """Return the headline of a proposal as a link to its page."""
    url = reverse("admin:governance_confidencepolicyproposal_change", args=[proposal.pk])
    return format_html('<a href="{}">{}</a>', url, headline(proposal))


class RunForm(InWorkspaceForm):
    """What to calibrate; what is left blank is as for the `run_calibration` command. A review asks its own question."""

    policy_keys = forms.MultipleChoiceField(
        required=False,
        choices=lambda: [(definition.key, definition.title) for definition in all_definitions()],
        widget=forms.CheckboxSelectMultiple,
        help_text="None: all of them.",
    )
    window_from = forms.DateTimeField(
        required=False,
        label="Decisions from",
        help_text="In your time zone, like 2026-01-31 09:30. "
        f"Blank: {settings.CONFIDENCE_CALIBRATION_WINDOW_DAYS} days before the end.",
    )
    window_to = forms.DateTimeField(required=False, label="Decisions until", help_text="Blank: the last midnight, UTC.")
    target_failure_rate = forms.FloatField(
        initial=0.05,
        min_value=0,
        max_value=1,
        step_size=0.001,
        help_text="The share of what is allowed that may fail, between 0 and 1.",
    )
    risk_confidence = forms.FloatField(
        initial=0.95,
        min_value=0,
        max_value=1,
        step_size=0.001,
        help_text="How sure to be that no more than that share fails, from 0.75 to 0.999999.",
    )
    segment_by = forms.MultipleChoiceField(
        required=False,
        initial=("provider", "model"),
        choices=lambda: [(key, key) for key in known_segment_keys()],
        widget=forms.CheckboxSelectMultiple,
        help_text="One finding for each combination. None: split only by what is never pooled.",
    )
    maturity_days = forms.FloatField(
        initial=settings.CONFIDENCE_MATURITY_DAYS,
        min_value=0,
        help_text="Decisions younger than this at the end have had no fair chance of an outcome and are left out.",
    )

    engine = EngineField(
        help_text="Where decisions are counted. Blank: in the ledger. A review reads what its calendar names."
    )
    tighten_only = forms.BooleanField(required=False, help_text="Hold no review, even if the date of one has come.")
    dry_run = forms.BooleanField(required=False, help_text="Show figures, propose nothing, hold no review.")
    cost_false_allow = forms.FloatField(
        required=False,
        min_value=0,
        label="Cost of a false allow",
        help_text="A failure that was allowed. With the other two, in one unit: the run shows the cheapest threshold "
        "beside the certified one. Costs decide nothing. Blank: the standing costs "
        "of the workspace, if it keeps any.",
    )
    cost_false_block = forms.FloatField(
        required=False,
        min_value=0,
        label="Cost of a false block",
        help_text="A success that was blocked, on top of its review.",
    )
    cost_review = forms.FloatField(
        required=False, min_value=0, label="Cost of a review", help_text="Any decision that was blocked."
    )

    def __init__(self, data: Any, workspaces: QuerySet[Workspace]) -> None:
        super().__init__(data, workspaces)
        self.fields["engine"].queryset = engines_of(workspaces)  # type: ignore[attr-defined]


REPORTS: Mapping[str, tuple[str, Callable[[ConfidenceCalibrationRun], str]]] = {
    "html": (
        "text/html; charset=utf-8",
        lambda run: render_to_string("calibration/report.html", {"run": run, "report": run_as_json(run)}),
    ),
    "json": ("application/json", lambda run: json.dumps(run_as_json(run), indent=2)),
    "txt": ("text/plain; charset=utf-8", run_as_text),
}
"""How a report can be had: by the end of its name, its type and who writes it."""


@admin.register(ConfidenceCalibrationRun)
class RunAdmin(ServiceAdmin):
    """Every run, with its findings as text and its proposals."""

    nothing_yet = "No calibration has run yet"
    list_display = ["__str__", "workspace", "state", "samples", "proposals_created", "created_at", "computed_by_name"]
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
        "tighten_only",
        "dry_run",
        "engine",
        "costs_in_use",
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
    change_form_template = "admin/calibration/confidencecalibrationrun/change_form.html"
    add_verb = Verb.PROPOSE
    add_title = "Run a calibration"

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return RunForm(data, workspaces_where(Verb.PROPOSE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        asked = dict(form.cleaned_data)
        costs = stated_costs(*(asked.pop(f"cost_{name}") for name in ("false_allow", "false_block", "review")))
        run = request_calibration(actor=request.user, costs=costs, **asked)
        self.log_addition(request, run, [{"added": {}}])
        return HttpResponseRedirect(self._back(run))

    def facts(self, row: ConfidenceCalibrationRun) -> dict[str, Any]:
        read = (read_evidence(policy) for policy in row.output.get("policies", []))
        return {"found": [evidence for evidence in read if evidence], "opened": proposals_of(row)}

    def get_urls(self) -> list[URLPattern]:
        forms_of_report = [
            path(
                f"<int:pk>/report.{suffix}",
                self.admin_site.admin_view(partial(self.report_view, suffix=suffix)),
                name=f"calibration_confidencecalibrationrun_report_{suffix}",
            )
            for suffix in REPORTS
        ]
        return [*forms_of_report, *super().get_urls()]

    def report_view(self, request: HttpRequest, pk: int, suffix: str) -> HttpResponse:
        """Give the report of a run as a file, as `calibration_report` prints it."""
        run = self.get_object(request, str(pk))
        if run is None or run.status != ConfidenceCalibrationRun.Status.COMPLETE:
            raise Http404
        content_type, write = REPORTS[suffix]
        headers = {"Content-Disposition": f'attachment; filename="run-{run.pk}.{suffix}"'}
        return HttpResponse(write(run), content_type=content_type, headers=headers)

    @admin.display(description="status", ordering="status")
    def state(self, run: ConfidenceCalibrationRun) -> SafeString:
        return format_html('<span class="badge {}">{}</span>', run.status.lower(), run.get_status_display())

    @admin.display(description="costs", empty_value="–")
    def costs_in_use(self, run: ConfidenceCalibrationRun) -> str | SafeString | None:
        if run.costs is not None:
            return wording.costs_in_use({"source": "run", **run.costs})
        kept = [(policy["policy_key"], policy.get("costs")) for policy in run.output.get("policies", [])]
        lines = ((key, wording.costs_in_use(costs)) for key, costs in kept if costs)
        return format_html_join(SafeString("<br>"), "{}: {}", lines) or None

    @admin.display(empty_value="–")
    def findings(self, run: ConfidenceCalibrationRun) -> SafeString | None:
        try:
            return format_html("<pre>{}</pre>", run_as_text(run)) if run.output else None
        except InvalidInput as error:
            return format_html("{}", error.detail)

    @admin.display(empty_value="–")
    def proposals(self, run: ConfidenceCalibrationRun) -> SafeString | None:
        return format_html_join(SafeString("<br>"), "{}", ((link_to(each),) for each in proposals_of(run))) or None


@admin.register(PolicyAlarm)
class AlarmAdmin(ScopedAdmin):
    """Versions of policies whose failures broke the promise of their evidence."""

    nothing_yet = "No version of a policy has broken its promise"
    list_display = ["revision", "workspace", "raised_at", "look", "proposal"]
    list_filter = [WorkspaceFilter]
    list_select_related = ["workspace", "revision", "look__revision", "proposal"]


@admin.register(AnswersAlarm)
class AnswersAlarmAdmin(ScopedAdmin):
    """Models that answer otherwise than when a version was certified."""

    nothing_yet = "No model answers otherwise than in the window of its certificate"
    list_display = ["in_words", "workspace", "revision", "raised_at"]
    list_filter = [WorkspaceFilter]
    list_select_related = ["workspace", "revision"]

    @admin.display(description="what has changed")
    def in_words(self, alarm: AnswersAlarm) -> str:
        return explain_answers(alarm)


@admin.register(PolicyLook)
class LookAdmin(ScopedAdmin):
    """What was seen each day of the failures of what a version allowed."""

    nothing_yet = "No version that promises something has been watched yet"
    list_display = ["revision", "workspace", "day", "labelled", "failures", "alpha", "log_e_value"]
    list_filter = [WorkspaceFilter]
    list_select_related = ["workspace", "revision"]
