"""Retention periods and legal holds: put in force and ended through services."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from governance.admin.controls import ControlAdmin, ending
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import WorkspaceFilter
from governance.controls import retention
from governance.models import LegalHold, RetentionPeriod
from governance.models.controls import REASON_LENGTH
from governance.models.retention import LONGEST_RETENTION


class OfWorkspaceForm(InWorkspaceForm):
    """Where and why."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=REASON_LENGTH)


class RetentionForm(OfWorkspaceForm):
    """How long."""

    days = forms.IntegerField(
        min_value=1,
        max_value=LONGEST_RETENTION,
        help_text="Decisions that were recorded longer ago, with all that is on record about them, may be pruned.",
    )


class OfWorkspaceAdmin(ControlAdmin):
    """A control of the whole workspace."""

    adding = OfWorkspaceForm
    list_filter = [WorkspaceFilter, ("ended_at", admin.EmptyFieldListFilter)]
    exclude = ["started_by", "ended_by", "policy_key"]


@admin.register(RetentionPeriod)
class RetentionPeriodAdmin(OfWorkspaceAdmin):
    """How long decisions are kept."""

    nothing_yet = "Every workspace keeps its decisions for good"
    add_title = "Set a retention period"
    adding = RetentionForm
    list_display = ["workspace", "days", *ControlAdmin.started]
    verbs = (
        ending(
            "end",
            "End",
            "ended",
            "End the selected retention periods",
            lambda person, period, reason: retention.end_retention(
                actor=person, workspace=period.workspace, reason=reason
            ),
        ),
    )

    def consequences(self, form: forms.Form) -> list[str]:
        data = form.cleaned_data
        return [
            f"From now on prune_ledger may move decisions of {data['workspace'].name} that were recorded more than "
            f"{data['days']} days ago into archives. Calibration does not read those, and loosens nothing by a window "
            "that reaches into them."
        ]

    def add_row(self, request: HttpRequest, form: forms.Form) -> RetentionPeriod:
        return retention.set_retention(actor=request.user, **form.cleaned_data)


@admin.register(LegalHold)
class LegalHoldAdmin(OfWorkspaceAdmin):
    """Stops every removal."""

    nothing_yet = "No legal hold was ever placed"
    add_title = "Place a legal hold"
    list_display = ["workspace", *ControlAdmin.started]
    verbs = (
        ending(
            "lift",
            "Lift",
            "lifted",
            "Lift the selected legal holds",
            lambda person, hold, reason: retention.lift_legal_hold(
                actor=person, workspace=hold.workspace, reason=reason
            ),
        ),
    )

    def consequences(self, form: forms.Form) -> list[str]:
        name = form.cleaned_data["workspace"].name
        return [f"Nothing of {name} is pruned or erased from now on, until somebody lifts the hold."]

    def add_row(self, request: HttpRequest, form: forms.Form) -> LegalHold:
        return retention.place_legal_hold(actor=request.user, **form.cleaned_data)
