"""Standing costs: set and ended through services; every row stays."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from calibration.models import StandingCosts
from calibration.standing_costs import end_standing_costs, set_standing_costs
from governance.access.permissions import Verb, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import WorkspaceFilter
from governance.admin_kit.service_views import ReasonForm, RowVerb, ServiceAdmin
from governance.definitions import all_definitions
from governance.models.controls import REASON_LENGTH


class CostsForm(InWorkspaceForm):
    """What is kept, where and why."""

    policy_key = forms.ChoiceField(
        choices=lambda: [(each.key, each.title) for each in all_definitions() if each.gates_decisions],
        help_text="Costs that are kept for it already are replaced; the history keeps them.",
    )
    false_allow = forms.FloatField(
        min_value=0,
        label="Cost of a false allow",
        help_text="A failure that was allowed. All three in any one unit, euros or minutes: only their ratios count. "
        "At least 0 each, and not all 0.",
    )
    false_block = forms.FloatField(
        min_value=0,
        label="Cost of a false block",
        help_text="A success that was blocked, on top of its review. Same unit.",
    )
    review = forms.FloatField(
        min_value=0, label="Cost of a review", help_text="Any decision that was blocked. Same unit."
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=REASON_LENGTH,
        help_text="Where the figures come from, and their unit.",
    )


@admin.register(StandingCosts)
class StandingCostsAdmin(ServiceAdmin):
    """What recurring runs weigh, by policy key, with who set it and when."""

    nothing_yet = "No standing costs were set"
    list_display = ["policy_key", "false_allow", "false_block", "review", "workspace", "started_at", "ended_at"]
    list_filter = [WorkspaceFilter, ("ended_at", admin.EmptyFieldListFilter), "policy_key"]
    list_select_related = ["workspace"]
    fields = (
        "workspace",
        "policy_key",
        "false_allow",
        "false_block",
        "review",
        "reason",
        "started_at",
        "started_by_name",
        "ended_at",
        "ended_by_name",
        "end_reason",
    )
    add_verb = Verb.OPERATE
    add_title = "Set standing costs"
    verbs = (
        RowVerb(
            name="end",
            label="End",
            done="ended",
            bulk="End the selected costs",
            verb=Verb.OPERATE,
            form=ReasonForm,
            may=lambda person, costs: may(Verb.OPERATE, person, costs.workspace),
            is_open=lambda costs: costs.ended_at is None,
            act=lambda person, costs, data: end_standing_costs(actor=person, costs=costs, reason=data["reason"]),
        ),
    )

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return CostsForm(data, workspaces_where(Verb.OPERATE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> StandingCosts:
        return set_standing_costs(actor=request.user, **form.cleaned_data)
