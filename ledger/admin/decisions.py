"""The ledger explorer: decisions by workspace, policy, verdict, reason, model, prompt, time and review, and the page of
one, on which a person may say what should have happened.

Each filter has an index that ends in the key by which the list is ordered; `ledger/tests/test_explorer_plans.py` holds
the database to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timezone import localtime

from confidence_project.foundation.errors import Gone
from governance.access.permissions import Verb, may
from governance.admin_kit.list_filters import (
    ExactFilter,
    InUseFilter,
    OneWorkspaceFilter,
    TimeFilter,
    TypedFilter,
)
from governance.admin_kit.scope import workspace_in_view, workspaces_in_reach
from governance.admin_kit.service_views import RowVerb, ServiceAdmin
from governance.definitions import title_of
from governance.workspaces.cases import case_link
from ledger import selectors
from ledger.admin.base import LedgerAdmin
from ledger.admin.judging import KnownCaseForm, ReviewForm
from ledger.admin.proofs import ProofsOfDecision
from ledger.explorer import decision_page, in_words
from ledger.labelling.rules import mark_known
from ledger.labelling.story import label_story
from ledger.models import DecisionImport, DecisionRecord
from ledger.reasons import Reason
from ledger.reviews import can_be_judged, record_review
from ledger.transparency.removed import refuse_removed


class RecordedFilter(TimeFilter):
    title = "time of recording"

    def between(
        self, rows: QuerySet[DecisionRecord], since: datetime | None, until: datetime | None
    ) -> QuerySet[DecisionRecord]:
        return selectors.recorded_between(rows, since, until)


class VerdictFilter(ExactFilter):
    title = parameter_name = "verdict"

    def narrowed(self, rows: QuerySet[DecisionRecord], value: str) -> QuerySet[DecisionRecord]:
        return selectors.with_verdict(rows, value)

    def offered(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return DecisionRecord.Verdict.choices


class ReasonFilter(InUseFilter):
    title = parameter_name = "reason"
    field_name = "gate_reason"
    left_out = Reason.ALLOWED.value

    def narrowed(self, rows: QuerySet[DecisionRecord], value: str) -> QuerySet[DecisionRecord]:
        return selectors.with_reason(rows, value)


class ReviewFilter(ExactFilter):
    title = "human review"
    parameter_name = "review"
    narrowing: ClassVar = {"waiting": selectors.waiting_for_review, "drawn": selectors.drawn_for_review}

    def offered(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [("waiting", "Waiting for review"), ("drawn", "Drawn for review")]

    def narrowed(self, rows: QuerySet[DecisionRecord], value: str) -> QuerySet[DecisionRecord]:
        return self.narrowing[value](rows) if value in self.narrowing else rows.none()


class PolicyKeyFilter(InUseFilter):
    title = "policy"
    parameter_name = field_name = "policy_key"

    def offered(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(key, title_of(key)) for key, _ in super().offered(request, model_admin)]


class ProviderFilter(InUseFilter):
    title = parameter_name = field_name = "provider"


class ModelFilter(InUseFilter):
    title = parameter_name = field_name = "model"


class PromptHashFilter(TypedFilter):
    title = "prompt hash"
    parameter_name = "prompt_hash"

    def narrowed(self, rows: QuerySet[DecisionRecord], value: str) -> QuerySet[DecisionRecord]:
        return selectors.with_prompt_hash(rows, value)


class ImportFilter(ExactFilter):
    """Narrows to what one import brought; offers the newest of the workspace in view."""

    title = parameter_name = "import"
    field_name = "import_id"
    offers: ClassVar = 10

    def offered(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        workspace = workspace_in_view(request)
        if workspace is None:
            return []
        newest = DecisionImport.objects.in_workspace(workspace).filter(imported__gt=0)[: self.offers]
        return [(str(kept.pk), f"{kept}, {localtime(kept.started_at):%Y-%m-%d}") for kept in newest]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DecisionRecord]) -> QuerySet[DecisionRecord]:
        value = self.value()
        if value and not (value.isdecimal() and value.isascii() and len(value) < 19):
            return queryset.none()
        return super().queryset(request, queryset)


@admin.register(DecisionRecord)
class DecisionRecordAdmin(ProofsOfDecision, ServiceAdmin, LedgerAdmin):
    """A verdict with what it rested on, what came of it, and what was corrected."""

    nothing_yet = "No decision is on record yet"
    change_form_template = "admin/ledger/decisionrecord/change_form.html"
    verbs = (
        RowVerb(
            name="review",
            label="Record the outcome",
            done="outcome recorded",
            verb=Verb.LABEL,
            form=ReviewForm,
            may=lambda person, decision: may(Verb.LABEL, person, decision.workspace),
            is_open=can_be_judged,
            act=lambda person, decision, data: record_review(actor=person, decision=decision, **data),
        ),
        RowVerb(
            name="known",
            label="Use as a known case",
            done="mixed in among what reviewers are shown",
            verb=Verb.OPERATE,
            form=KnownCaseForm,
            may=lambda person, decision: may(Verb.OPERATE, person, decision.workspace),
            is_open=can_be_judged,
            act=lambda person, decision, data: mark_known(actor=person, decision=decision, **data),
        ),
    )
    list_display = ["recorded", "verdict", "reason", "policy_key", "model_asked", "confidence"]
    list_filter = [
        OneWorkspaceFilter,
        RecordedFilter,
        VerdictFilter,
        ReviewFilter,
        ReasonFilter,
        PolicyKeyFilter,
        ProviderFilter,
        ModelFilter,
        PromptHashFilter,
        ImportFilter,
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
                    "options",
                    "channel",
                    "llm_confidence",
                    "confidence_kind",
                    "ml_risk_score",
                    "action_type",
                    "action_params",
                    "prompt_hash",
                    "schema_valid",
                    "schema_problems",
                    "schema_version",
                ]
            },
        ),
        ("What was applied", {"fields": ["policy_key", "policy_version", "thresholds"]}),
        ("Rollout", {"fields": ["rollout_id", "rollout_arm", "candidate_verdict", "candidate_reason"]}),
        (
            "Where it comes from",
            {
                "fields": [
                    "origin",
                    "import_id",
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

    @admin.display(description="recorded")
    def recorded(self, record: DecisionRecord) -> SafeString:
        # The end of an id tells decisions apart: it begins with the time.
        return format_html(
            "{} <small>…{}</small>", f"{localtime(record.timestamp):%Y-%m-%d %H:%M:%S %Z}", record.decision_id.hex[-12:]
        )

    @admin.display(description="verdict")
    def verdict(self, record: DecisionRecord) -> SafeString:
        return format_html('<span class="badge {}">{}</span>', record.gate_verdict, record.get_gate_verdict_display())

    @admin.display(description="reason")
    def reason(self, record: DecisionRecord) -> SafeString:
        return format_html("{} <small>{}</small>", capfirst(in_words(record.gate_reason)), record.gate_reason)

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

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Say of a decision that was removed where it went, instead of that it never was (a hook of Django's admin)."""
        try:
            refuse_removed(UUID(object_id), [workspace.pk for workspace in workspaces_in_reach(request)])
        except ValueError:
            pass
        except Gone as error:
            return self._refused(request, error.title, error.detail, HTTPStatus.GONE, self._list())
        return super()._get_obj_does_not_exist_redirect(request, opts, object_id)  # type: ignore[misc, no-any-return]

    def form_for(self, verb: RowVerb, rows: list[Any], data: Any) -> forms.Form:
        return ReviewForm(data, rows[0]) if verb.form is ReviewForm else verb.form(data)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        decision = context["original"]
        # Before the outcomes are read: one that arrives meanwhile is taken for not seen.
        form = ReviewForm(None, decision) if context["buttons"] else None
        return super().render_change_form(
            request,
            {
                **context,
                "review_form": form,
                "page": decision_page(decision),
                "labels": label_story(decision, request.user),
                "case": case_link(decision.workspace, decision.external_id),
            },
            *args,
            **kwargs,
        )
