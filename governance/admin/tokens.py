"""Tokens of people: each sees, issues and revokes their own; superusers revoke anybody's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from knox.models import AuthToken

from governance.access import tokens
from governance.access.permissions import Verb, is_superuser
from governance.admin_kit.service_views import RowVerb, ServiceAdmin

admin.site.unregister(AuthToken)


@admin.register(AuthToken)
class TokenAdmin(ServiceAdmin):
    """Keys with which people call the governance API."""

    nothing_yet = "You have no token"
    add_title = "Issue a token"
    list_display = ["token_key", "user", "created", "expiry"]
    list_select_related = ["user"]
    exclude = ["digest"]
    verbs = (
        RowVerb(
            name="revoke",
            label="Revoke",
            done="revoked",
            verb=Verb.SEE,
            may=lambda person, token: token.user_id == person.pk or is_superuser(person),
            is_open=lambda token: True,
            act=lambda person, token, data: tokens.revoke_token(actor=person, digest=token.digest),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuthToken]:
        everybodys: QuerySet[AuthToken] = AuthToken.objects.order_by("-created")
        return everybodys if is_superuser(request.user) else everybodys.filter(user_id=request.user.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return forms.Form(data)

    def add_row(self, request: HttpRequest, form: forms.Form) -> Any:
        token, plain = tokens.issue_token(actor=request.user)
        # No redirect: this reply is the only one that ever holds the plain token.
        context = {"token": token, "plain": plain, "back": self._list()}
        return self._page(request, "admin/governance/token_issued.html", "Your token, shown once", context)
