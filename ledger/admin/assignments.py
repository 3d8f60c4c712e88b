"""Decisions that were given to one person to label, or taken by a team elsewhere; and giving them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from governance.access.permissions import Verb, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import OperatedRows, WorkspaceFilter
from governance.admin_kit.service_views import RowVerb, ServiceAdmin
from governance.definitions import all_definitions
from governance.models import Workspace
from ledger.labelling.assigning import LONGEST_DAYS, assign_labels, take_back
from ledger.models import DecisionRecord, LabelAssignment


class AssignmentForm(InWorkspaceForm):
    """To whom, what, and for how long."""

    person = forms.ModelChoiceField(User.objects.none(), help_text="A reviewer or an admin of the workspace.")
    policy_key = forms.ChoiceField(
        label="Policy",
        required=False,
        choices=lambda: [
            ("", "Every policy"),
            *((each.key, each.title) for each in all_definitions() if each.gates_decisions),
        ],
    )
    share = forms.DecimalField(
        min_value=0, max_value=1, decimal_places=4, initial=1, help_text="Of what waits and is nobody's, at random."
    )
    decision = forms.UUIDField(required=False, help_text="The id of one decision, in place of a share.")
    days = forms.IntegerField(
        label="For (days)", min_value=1, max_value=LONGEST_DAYS, initial=7, help_text="Then it is anybody's again."
    )

    def __init__(self, data: Any, workspaces: QuerySet[Workspace]) -> None:
        super().__init__(data, workspaces)
        people = User.objects.filter(memberships__workspace__in=workspaces, is_active=True, is_staff=True)
        self.fields["person"].queryset = people.distinct().order_by("username")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if decision_id := cleaned.get("decision"):
            decisions = DecisionRecord.objects.filter(workspace=cleaned.get("workspace"))
            cleaned["decision"] = decisions.filter(pk=decision_id).select_related("workspace").first()
            if cleaned["decision"] is None:
                self.add_error("decision", "There is no decision of this id in the workspace.")
        return cleaned


@admin.register(LabelAssignment)
class LabelAssignmentAdmin(OperatedRows, ServiceAdmin):
    """What is whose; without a person it is a team's that works elsewhere."""

    nothing_yet = "Nothing was given to anybody: what waits is shown to whoever opens the workbench"
    list_display = ["decision_id", "whose", "workspace", "until", "given_by_name", "given_at"]
    list_filter = [WorkspaceFilter]
    list_select_related = ["workspace", "person"]
    exclude = ["decision"]
    add_verb = Verb.OPERATE
    add_title = "Give decisions to a person to label"
    verbs = (
        RowVerb(
            name="take_back",
            label="Take back",
            done="taken back",
            verb=Verb.OPERATE,
            may=lambda person, row: may(Verb.OPERATE, person, row.workspace),
            is_open=lambda row: True,
            act=lambda person, row, data: take_back(actor=person, assignment=row),
            bulk="Take back what is selected",
        ),
    )

    @admin.display(description="whose", ordering="person")
    def whose(self, row: LabelAssignment) -> str:
        return row.person.get_username() if row.person else "a team elsewhere"

    def landing(self, verb: RowVerb, row: LabelAssignment) -> str:
        return reverse("admin:ledger_labelassignment_changelist")

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return AssignmentForm(data, workspaces_where(Verb.OPERATE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> Any:
        given = assign_labels(actor=request.user, **form.cleaned_data)
        self.message_user(request, f"{len(given)} decisions given to {form.cleaned_data['person']}.")
        return HttpResponseRedirect(reverse("admin:ledger_labelassignment_changelist"))
