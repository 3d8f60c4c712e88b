"""Accounts and groups are for superusers: whoever edits accounts could make themselves one."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from rest_framework_api_key.models import APIKey

from governance.scoped_admin import SuperuserOnly

# The library's own keys belong to no workspace and open nothing here.
# Second factors hold secrets: people set their own up, and `remove_second_factor` helps who lost theirs.
admin.site.unregister([User, Group, APIKey, TOTPDevice, StaticDevice])


@admin.register(User)
class AccountAdmin(SuperuserOnly, UserAdmin):
    """Accounts."""


@admin.register(Group)
class AccountGroupAdmin(SuperuserOnly, GroupAdmin):
    """Groups."""
