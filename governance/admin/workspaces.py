"""Workspaces, the people in them, and the keys of their machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from governance.access.permissions import Verb, is_superuser, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import ScopedAdmin, WorkspaceFilter
from governance.admin_kit.service_views import RowVerb, ServiceAdmin
from governance.models import ApiKey, Membership, Workspace, WorkspaceEvent
from governance.workspaces import services
from governance.workspaces.cases import CASE_URL_LENGTH, set_case_url


class WorkspaceForm(forms.Form):
    """A new workspace."""

    slug = forms.SlugField(max_length=63)
    name = forms.CharField(max_length=200)


class SettingsForm(forms.Form):
    """The name and the toggles."""

    name = forms.CharField(max_length=200)
    automation_enabled = forms.BooleanField(required=False, help_text="Off: every decision is blocked.")
    auto_book_meetings = forms.BooleanField(required=False, help_text="Off: no meeting is booked without a person.")
    booking_gate_enabled = forms.BooleanField(required=False, help_text="On: a second model checks each booking.")
    case_url = forms.CharField(
        required=False,
        max_length=CASE_URL_LENGTH,
        label="Link to cases",
        help_text="Where your application shows a case, so that a reviewer sees what to judge: "
        "https://desk.example.org/cases/{external_id}. The id that it sent with a decision is filled in.",
    )


LAST_CHANGES = 20


def _change_settings(person: Any, workspace: Workspace, data: Mapping[str, Any]) -> None:
    toggles = {name: data[name] for name in Workspace.TOGGLES}
    with transaction.atomic():
        services.rename_workspace(actor=person, workspace=workspace, name=data["name"])
        services.set_toggles(actor=person, workspace=workspace, **toggles)
        set_case_url(actor=person, workspace=workspace, case_url=data["case_url"])


@admin.register(Workspace)
class WorkspaceAdmin(ServiceAdmin):
    """Tenants."""

    nothing_yet = "You belong to no workspace"
    add_title = "Add a workspace"
    list_display = ["slug", "name", "automation_enabled", "auto_book_meetings", "booking_gate_enabled"]
    search_fields = ["slug", "name"]
    change_form_template = "admin/governance/workspace.html"
    verbs = (
        RowVerb(
            name="settings",
            label="Change settings",
            done="settings changed",
            verb=Verb.OPERATE,
            form=SettingsForm,
            may=lambda person, workspace: may(Verb.OPERATE, person, workspace),
            is_open=lambda workspace: True,
            act=_change_settings,
        ),
    )

    def facts(self, row: Workspace) -> dict[str, Any]:
        return {"changes": row.history.all()[:LAST_CHANGES]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request.user)

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return WorkspaceForm(data)

    def add_row(self, request: HttpRequest, form: forms.Form) -> Workspace:
        return services.create_workspace(actor=request.user, **form.cleaned_data)

    def form_for(self, verb: RowVerb, rows: list[Any], data: Any) -> forms.Form:
        form = super().form_for(verb, rows, data)
        form.initial = {name: getattr(rows[0], name) for name in form.fields}
        return form


@admin.register(WorkspaceEvent)
class WorkspaceEventAdmin(ScopedAdmin):
    """What was changed about workspaces, their people, their keys and their webhooks."""

    nothing_yet = "Nothing was changed yet"
    list_display = ["at", "workspace", "kind", "subject", "actor_name", "request_id"]
    list_filter = [WorkspaceFilter, "kind"]
    list_select_related = ["workspace"]
    search_fields = ["subject", "actor_name", "request_id"]
    date_hierarchy = "at"
    exclude = ["actor"]
    change_form_template = "admin/governance/workspace_event.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "changes": [row]})


class MemberForm(InWorkspaceForm):
    """A new member."""

    user = forms.ModelChoiceField(get_user_model().objects.none())
    role = forms.ChoiceField(choices=Membership.Role.choices)

    def __init__(self, data: Any, workspaces: QuerySet[Workspace]) -> None:
        super().__init__(data, workspaces)
        self.fields["user"].queryset = get_user_model().objects.filter(is_active=True)  # type: ignore[attr-defined]


class RoleForm(forms.Form):
    """Another role."""

    role = forms.ChoiceField(choices=Membership.Role.choices)


def _may_manage(person: Any, membership: Membership) -> bool:
    return may(Verb.MANAGE_MEMBERS, person, membership.workspace)


@admin.register(Membership)
class MembershipAdmin(ServiceAdmin):
    """Who may do what, where."""

    nothing_yet = "Nobody is a member yet"
    add_title = "Add a member"
    list_display = ["user", "workspace", "role", "from_group", "created_at"]
    list_filter = [WorkspaceFilter, "role"]
    list_select_related = ["user", "workspace"]
    search_fields = ["user__username"]
    add_verb = Verb.MANAGE_MEMBERS
    verbs = (
        RowVerb(
            name="role",
            label="Change role",
            done="role changed",
            bulk="Change the role of the selected members",
            verb=Verb.MANAGE_MEMBERS,
            form=RoleForm,
            may=_may_manage,
            is_open=lambda membership: True,
            act=lambda person, membership, data: services.set_role(
                actor=person, workspace=membership.workspace, user=membership.user, role=data["role"]
            ),
        ),
        RowVerb(
            name="remove",
            label="Remove",
            done="removed",
            bulk="Remove the selected members",
            verb=Verb.MANAGE_MEMBERS,
            may=_may_manage,
            is_open=lambda membership: True,
            act=lambda person, membership, data: services.remove_member(
                actor=person, workspace=membership.workspace, user=membership.user
            ),
        ),
    )

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return MemberForm(data, workspaces_where(Verb.MANAGE_MEMBERS, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> Membership:
        return services.add_member(actor=request.user, **form.cleaned_data)


class KeyForm(InWorkspaceForm):
    """A new API key."""

    name = forms.CharField(max_length=50, help_text="Which machine will use it.")
    scopes = forms.MultipleChoiceField(choices=ApiKey.Scope.choices, widget=forms.CheckboxSelectMultiple)
    expires_at = forms.DateTimeField(
        required=False,
        help_text="In your time zone, like 2027-01-31 12:00. Blank: until it is revoked.",
        label="Expires",
    )


@admin.register(ApiKey)
class ApiKeyAdmin(ServiceAdmin):
    """Keys of machines; the plain key is shown once, when it is issued."""

    nothing_yet = "No key was issued yet"
    add_title = "Issue an API key"
    list_display = ["prefix", "name", "workspace", "may", "created", "expiry_date", "revoked", "issued_by_name"]
    list_filter = [WorkspaceFilter, "revoked"]
    list_select_related = ["workspace"]
    search_fields = ["prefix", "name"]
    exclude = ["id", "hashed_key", "issued_by", "revoked_by"]
    add_verb = Verb.OPERATE
    verbs = (
        RowVerb(
            name="revoke",
            label="Revoke",
            done="revoked",
            bulk="Revoke the selected keys",
            verb=Verb.OPERATE,
            may=lambda person, key: may(Verb.OPERATE, person, key.workspace),
            is_open=lambda key: not key.revoked,
            act=lambda person, key, data: services.revoke_api_key(
                actor=person, workspace=key.workspace, prefix=key.prefix
            ),
        ),
    )

    @admin.display(description="may")
    def may(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return KeyForm(data, workspaces_where(Verb.OPERATE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> Any:
        key, plain = services.issue_api_key(actor=request.user, **form.cleaned_data)
        self.log_addition(request, key, [{"added": {}}])
        # No redirect: this reply is the only one that ever holds the plain key.
        context = {"key": key, "plain": plain, "back": self._list()}
        return self._page(request, "admin/governance/key_issued.html", "The key, shown once", context)
