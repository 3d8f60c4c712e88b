"""Accounts are for superusers: whoever edits accounts could make themselves one.

What an account may do is its memberships and nothing else, so Django's groups and permissions have no page.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from rest_framework_api_key.models import APIKey

from governance.admin_kit.saved_filters import SavedFilters
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
class AccountAdmin(SavedFilters, ShownLookups, SuperuserOnly, UserAdmin):  # type: ignore[type-arg]
    """Accounts. All of them may sign in to the desk while they are active; what they see there, memberships say."""

    change_password_form = PasswordForm
    list_display = ("username", "first_name", "last_name", "email", "is_active", "is_superuser", "last_login")
    list_filter = ("is_superuser", "is_active")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password", "first_name", "last_name", "email")}),
        ("What they may do", {"fields": ("is_active", "is_superuser", "belongs_to", "signs_in_by")}),
        ("Since when", {"fields": ("last_login", "date_joined")}),
    )
    # Facts, not settings; and Django's pair of boxes for a time has no labels.
    readonly_fields = ("belongs_to", "signs_in_by", "last_login", "date_joined")

    @admin.display(description="Memberships")
    def belongs_to(self, account: User) -> str:
        lines = [
            (reverse("admin:governance_membership_change", args=[each.pk]), each.workspace.name, each.role)
            for each in account.memberships.select_related("workspace")
        ]
        return format_html_join(", ", '<a href="{}">{} ({})</a>', lines) or "None: invite them, or add a membership."

    @admin.display(description="Signs in by")
    def signs_in_by(self, account: User) -> str:
        ways = ["a password of this site"] if account.has_usable_password() else []
        return ", ".join([*ways, *(each.issuer for each in account.identities.all())]) or "nothing yet"

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        obj.is_staff = True
        accounts.save_account(actor=request.user, account=obj)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        accounts.delete_account(actor=request.user, account=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for account in queryset:
            accounts.delete_account(actor=request.user, account=account)
