"""How people come in: invitations, groups of the company's provider, and what is on record of each sign-in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from governance.access.permissions import Verb, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import KeysetAdmin, SuperuserOnly, WorkspaceFilter
from governance.admin_kit.service_views import RowVerb, ServiceAdmin
from governance.models import GroupGrant, Invitation, Membership, SignIn
from governance.models.identities import LONGEST_GROUP
from governance.people import groups, invitations, letters


class GroupForm(InWorkspaceForm):
    """A group that is let in."""

    group = forms.CharField(max_length=LONGEST_GROUP, help_text="As the provider sends it, letter by letter.")
    role = forms.ChoiceField(choices=Membership.Role.choices)


@admin.register(GroupGrant)
class GroupGrantAdmin(ServiceAdmin):
    """Which groups of the company open which workspace."""

    nothing_yet = "No group of the company opens a workspace"
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


class InvitationForm(InWorkspaceForm):
    """Whom to invite."""

    name = forms.CharField(max_length=150, help_text="Whom it is for.")
    email = forms.EmailField(required=False, label="E-mail", help_text="Blank: you pass the link on yourself.")
    role = forms.ChoiceField(choices=Membership.Role.choices)


@admin.register(Invitation)
class InvitationAdmin(ServiceAdmin):
    """Who was invited, by whom, and what became of it; the link is shown once, when it is made."""

    nothing_yet = "Nobody was invited yet"
    list_display = ["name", "email", "workspace", "role", "created_by_name", "expires_at", "what_became_of_it"]
    list_filter = [WorkspaceFilter, "role"]
    list_select_related = ["workspace"]
    search_fields = ["name", "email"]
    exclude = ["token_sha256", "created_by", "accepted_by", "revoked_by"]
    add_verb = Verb.MANAGE_MEMBERS
    add_title = "Invite somebody"
    verbs = (
        RowVerb(
            name="revoke",
            label="Revoke",
            done="revoked",
            verb=Verb.MANAGE_MEMBERS,
            may=lambda person, invitation: may(Verb.MANAGE_MEMBERS, person, invitation.workspace),
            is_open=lambda invitation: invitation.is_open_at(timezone.now()),
            act=lambda person, invitation, data: invitations.revoke_invitation(
                actor=person, workspace=invitation.workspace, invitation_id=invitation.pk
            ),
        ),
    )

    @admin.display(description="status")
    def what_became_of_it(self, invitation: Invitation) -> str:
        return invitation.status_at(timezone.now())

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return InvitationForm(data, workspaces_where(Verb.MANAGE_MEMBERS, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> Any:
        invitation, token = invitations.invite(actor=request.user, **form.cleaned_data)
        self.log_addition(request, invitation, [{"added": {}}])
        link = request.build_absolute_uri(reverse("admin:invitation", args=[token]))
        # No redirect: this reply is the only one that ever holds the link.
        context = {"invitation": invitation, "link": link, "is_sent": letters.send_invitation(invitation, link)}
        return self._page(
            request, "admin/governance/invited.html", "The invitation, shown once", {**context, "back": self._list()}
        )


@admin.register(SignIn)
class SignInAdmin(SuperuserOnly, KeysetAdmin):
    """Every sign-in to the desk; read-only."""

    nothing_yet = "Nobody has signed in yet"
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
