"""Evaluators: declared and withdrawn through services; every row stays."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from governance.access.permissions import Verb, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import WorkspaceFilter
from governance.admin_kit.service_views import ReasonForm, RowVerb, ServiceAdmin
from governance.models.controls import REASON_LENGTH
from telemetry.evaluators import LONGEST, declare_evaluator, withdraw_evaluator
from telemetry.models import Evaluator


class _Labels(forms.CharField):
    """Labels with commas between them."""

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        return [label.strip() for label in (super().to_python(value) or "").split(",") if label.strip()]


class EvaluatorForm(InWorkspaceForm):
    """Whose word counts, and when it passes: by its labels, or by its score."""

    name = forms.CharField(
        max_length=LONGEST,
        help_text="What stands in gen_ai.evaluation.name, letter by letter. One that is declared already is replaced.",
    )
    passing_labels = _Labels(
        required=False, label="Passes on the labels", help_text="With commas between them. Or say a score below."
    )
    failing_labels = _Labels(
        required=False,
        label="Fails on the labels",
        help_text="Left blank: on every label that does not pass. Filled in: any other label is no outcome.",
    )
    at_least = forms.FloatField(required=False, label="Or passes from the score", help_text="Included.")
    at_most = forms.FloatField(required=False, label="Or passes up to the score", help_text="Included.")
    lowest = forms.FloatField(required=False, label="Lowest score there is", help_text="Of scores only; 0 when blank.")
    highest = forms.FloatField(
        required=False, label="Highest score there is", help_text="Of scores only; 1 when blank."
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), max_length=REASON_LENGTH, help_text="What makes you trust it."
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        ends = cleaned.pop("lowest", None), cleaned.pop("highest", None)
        if [end is None for end in ends].count(True) == 1:
            raise forms.ValidationError("A scale has two ends: state both, or none for 0 to 1.")
        return {**cleaned, "scale": None if None in ends else ends}


@admin.register(Evaluator)
class EvaluatorAdmin(ServiceAdmin):
    """When evaluations that come by OpenTelemetry pass, with who said so and when."""

    nothing_yet = "No evaluator is declared"
    list_display = ["name", "rule_in_words", "workspace", "started_at", "started_by_name", "ended_at"]
    list_filter = [WorkspaceFilter, ("ended_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace"]
    change_list_template = "admin/telemetry/evaluators.html"
    fields = (
        "workspace",
        "name",
        "rule_in_words",
        "reason",
        "started_at",
        "started_by_name",
        "ended_at",
        "ended_by_name",
        "end_reason",
    )
    readonly_fields = ("rule_in_words",)
    add_verb = Verb.OPERATE
    add_title = "Declare an evaluator"
    verbs = (
        RowVerb(
            name="withdraw",
            label="Withdraw",
            done="withdrawn",
            bulk="Withdraw the selected evaluators",
            verb=Verb.OPERATE,
            form=ReasonForm,
            may=lambda person, evaluator: may(Verb.OPERATE, person, evaluator.workspace),
            is_open=lambda evaluator: evaluator.ended_at is None,
            act=lambda person, evaluator, data: withdraw_evaluator(
                actor=person, evaluator=evaluator, reason=data["reason"]
            ),
        ),
    )

    @admin.display(description="rule")
    def rule_in_words(self, evaluator: Evaluator) -> str:
        return evaluator.passes_when

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return EvaluatorForm(data, workspaces_where(Verb.OPERATE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> Evaluator:
        return declare_evaluator(actor=request.user, **form.cleaned_data)
