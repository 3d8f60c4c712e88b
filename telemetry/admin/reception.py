"""What came by OpenTelemetry, what was stored, and what was dropped and why: exporters say nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import cached_property

from governance.admin_kit.list_filters import OneWorkspaceFilter
from governance.admin_kit.scope import workspace_in_view
from governance.admin_kit.scoped_admin import ScopedAdmin
from telemetry.models import Reception
from telemetry.selectors import ReceivedKind, received_by_kind

DAYS = {"1": "Today", "7": "7 days", "30": "30 days"}


class DaysFilter(admin.SimpleListFilter):
    """The last days, today among them."""

    title = "day (UTC)"
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(DAYS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in DAYS:
            return queryset
        first = timezone.now().date() - timedelta(days=int(self.value() or 1) - 1)
        return queryset.filter(day__gte=first)


class ReceptionList(ChangeList):
    """Everything that the filter leaves, in one table."""

    @cached_property
    def kinds(self) -> list[ReceivedKind]:
        return received_by_kind(self.queryset)


@admin.register(Reception)
class ReceptionAdmin(ScopedAdmin):
    """One workspace at a time."""

    nothing_yet = "Nothing has come by OpenTelemetry yet"
    list_display = ["day", "kind", "fate", "number", "last_at"]
    list_filter = [OneWorkspaceFilter, DaysFilter]
    list_select_related = ["workspace"]
    ordering = ["-day", "kind", "fate"]
    change_list_template = "admin/telemetry/reception.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ReceptionList

    def changelist_view(self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None) -> HttpResponse:
        context = {"workspace_in_view": workspace_in_view(request), **(extra_context or {})}
        return super().changelist_view(request, context)
