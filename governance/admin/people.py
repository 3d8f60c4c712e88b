"""How people come in: groups of the company's provider, and what is on record of each sign-in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from governance.access.permissions import Verb, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import KeysetAdmin, SuperuserOnly, WorkspaceFilter
from governance.admin_kit.service_views import RowVerb, ServiceAdmin
from governance.models import GroupGrant, Membership, SignIn
from governance.models.identities import LONGEST_GROUP
from governance.people import groups


class GroupForm(InWorkspaceForm):
    """A group that is let in."""

    group = forms.CharField(max_length=LONGEST_GROUP, help_text="As the provider sends it, letter by letter.")
    role = forms.ChoiceField(choices=Membership.Role.choices)


@admin.register(GroupGrant)
class GroupGrantAdmin(ServiceAdmin):
    """Which groups of the company open which workspace."""

    list_display = ["group", "workspace", "role", "created_at", "created_by_name"]
    list_filter = [WorkspaceFilter, "role"]
    list_select_related = ["workspace"]
    search_fields = ["group"]
    exclude = ["created_by"]
    add_verb = Verb.MANAGE_MEMBERS
    add_title = "Let a group in"
    verbs = (
        RowVerb(
            name="withdraw",
            label="Withdraw",
            done="withdrawn",
            verb=Verb.MANAGE_MEMBERS,
            may=lambda person, grant: may(Verb.MANAGE_MEMBERS, person, grant.workspace),
            is_open=lambda grant: True,
            act=lambda person, grant, data: groups.withdraw_group(
                actor=person, workspace=grant.workspace, group=grant.group
            ),
        ),
    )

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return GroupForm(data, workspaces_where(Verb.MANAGE_MEMBERS, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> GroupGrant:
        return groups.let_group_in(actor=request.user, **form.cleaned_data)


@admin.register(SignIn)
class SignInAdmin(SuperuserOnly, KeysetAdmin):
    """Every sign-in to the desk; read-only."""

    list_display = ["at", "actor_name", "method", "second_factor", "as_superuser", "request_id"]
    exclude = ["actor"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return SignIn.objects.order_by("-pk")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
