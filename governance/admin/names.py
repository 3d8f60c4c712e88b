"""Names of providers and models with blanks: declared and withdrawn through services."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from governance.access.permissions import Verb, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import WorkspaceFilter
from governance.admin_kit.service_views import RowVerb, ServiceAdmin
from governance.models import DeclaredName
from governance.vocabulary import LONGEST_NAME
from governance.workspaces.names import declare_name, withdraw_name


class NameForm(InWorkspaceForm):
    """A name, and what it is of."""

    kind = forms.ChoiceField(choices=DeclaredName.Kind.choices)
    name = forms.CharField(
        max_length=LONGEST_NAME,
        help_text="Letter by letter as hosts send it: GPT 4o. A name without white space needs no declaring.",
    )


@admin.register(DeclaredName)
class DeclaredNameAdmin(ServiceAdmin):
    """What hosts may call a provider or a model beside names without white space."""

    nothing_yet = "No name with blanks is declared"
    list_display = ["name", "kind", "workspace", "declared_at", "declared_by_name"]
    list_filter = [WorkspaceFilter, "kind"]
    list_select_related = ["workspace"]
    search_fields = ["name"]
    exclude = ["declared_by"]
    add_verb = Verb.OPERATE
    add_title = "Declare a name"
    verbs = (
        RowVerb(
            name="withdraw",
            label="Withdraw",
            done="withdrawn",
            bulk="Withdraw the selected names",
            verb=Verb.OPERATE,
            may=lambda person, declared: may(Verb.OPERATE, person, declared.workspace),
            is_open=lambda declared: True,
            act=lambda person, declared, data: withdraw_name(
                actor=person, workspace=declared.workspace, kind=declared.kind, name=declared.name
            ),
        ),
    )

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return NameForm(data, workspaces_where(Verb.OPERATE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> DeclaredName:
        return declare_name(actor=request.user, **form.cleaned_data)
