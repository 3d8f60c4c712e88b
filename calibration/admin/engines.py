"""Evidence engines: declared and withdrawn through services; every row stays."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from calibration.engines.declaring import LONGEST_NAME, declare_engine, withdraw_engine
from calibration.models import EvidenceEngine
from governance.access.permissions import Verb, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import WorkspaceFilter
from governance.admin_kit.service_views import ReasonForm, RowVerb, ServiceAdmin
from governance.models import Workspace
from governance.models.controls import REASON_LENGTH


class EngineForm(InWorkspaceForm):
    """Where decisions lie, and what their columns mean."""

    name = forms.CharField(max_length=LONGEST_NAME, help_text="What runs and proposals call it.")
    kind = forms.ChoiceField(choices=EvidenceEngine.Kind.choices)
    address_variable = forms.CharField(
        max_length=100,
        help_text="CONFIDENCE_ENGINE_…: the environment variable in which the operator keeps the address. The address "
        "itself is not stored.",
    )
    decisions = forms.CharField(max_length=200, help_text="Files below the address (2026/*.parquet), or a table.")
    outcomes = forms.CharField(
        max_length=200, required=False, help_text="Blank: they stand in the rows of the decisions."
    )
    mapping = forms.JSONField(help_text="Which column holds what, as docs/scale.md describes it.")
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=REASON_LENGTH)


class EngineField(forms.ModelChoiceField):  # type: ignore[type-arg]  # is none at run time
    """One of the engines that workspaces have declared: give it the `engines_of` those that may be chosen."""

    def __init__(self, **options: Any) -> None:
        super().__init__(EvidenceEngine.objects.none(), required=False, **options)

    def label_from_instance(self, engine: EvidenceEngine) -> str:
        return f"{engine.workspace}: {engine}"


def engines_of(workspaces: QuerySet[Workspace]) -> QuerySet[EvidenceEngine]:
    """Return what these workspaces have declared."""
    engines: QuerySet[EvidenceEngine] = EvidenceEngine.objects.in_force().filter(workspace__in=workspaces)
    return engines.select_related("workspace").order_by("workspace__slug", "name")


@admin.register(EvidenceEngine)
class EvidenceEngineAdmin(ServiceAdmin):
    """Where runs may read, with who declared it and when."""

    nothing_yet = "No engine is declared: runs read the database"
    list_display = ["name", "kind", "workspace", "decisions", "started_at", "ended_at"]
    list_filter = [WorkspaceFilter, ("ended_at", admin.EmptyFieldListFilter), "kind"]
    list_select_related = ["workspace"]
    fields = (
        "workspace",
        "name",
        "kind",
        "address_variable",
        "decisions",
        "outcomes",
        "mapping",
        "reason",
        "started_at",
        "started_by_name",
        "ended_at",
        "ended_by_name",
        "end_reason",
    )
    add_verb = Verb.OPERATE
    add_title = "Declare an engine"
    verbs = (
        RowVerb(
            name="withdraw",
            label="Withdraw",
            done="withdrawn",
            verb=Verb.OPERATE,
            form=ReasonForm,
            may=lambda person, engine: may(Verb.OPERATE, person, engine.workspace),
            is_open=lambda engine: engine.ended_at is None,
            act=lambda person, engine, data: withdraw_engine(actor=person, engine=engine, reason=data["reason"]),
        ),
    )

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return EngineForm(data, workspaces_where(Verb.OPERATE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> EvidenceEngine:
        return declare_engine(actor=request.user, **form.cleaned_data)
