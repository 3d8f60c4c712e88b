"""Accounts and groups are for superusers: whoever edits accounts could make themselves one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from rest_framework_api_key.models import APIKey

from governance.admin_kit.scoped_admin import ShownLookups, SuperuserOnly
from governance.workspaces import accounts

# The library's own keys belong to no workspace and open nothing here.
# Second factors hold secrets: people set their own up, and `remove_second_factor` helps who lost theirs.
admin.site.unregister([User, Group, APIKey, TOTPDevice, StaticDevice])


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """A new password, or none at all, which no validator hears of."""

    def save(self, commit: bool = True) -> User:
        account: User = super().save(commit)
        accounts.revoke_tokens(person=account)
        return account


@admin.register(User)
class AccountAdmin(ShownLookups, SuperuserOnly, UserAdmin):  # type: ignore[type-arg]
    """Accounts."""

    change_password_form = PasswordForm
    # Django's two-box widget fails accessibility checks; a plain list of choices does not.
    filter_horizontal = ()
    # Facts, not settings; and Django's pair of boxes for a time has no labels.
    readonly_fields = ("last_login", "date_joined")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        accounts.save_account(actor=request.user, account=obj)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        accounts.delete_account(actor=request.user, account=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for account in queryset:
            accounts.delete_account(actor=request.user, account=account)


@admin.register(Group)
class AccountGroupAdmin(SuperuserOnly, GroupAdmin):
    """Groups."""

    filter_horizontal = ()
