"""What every admin of rows that a workspace owns has in common: own rows only, and no way to edit round the services.

Not a leaf: the `admin.py` of every app builds on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from governance.access.permissions import Verb, is_superuser, workspaces_where
from governance.admin_kit.csv_export import CsvExport
from governance.admin_kit.keyset import KeysetChangeList, narrowed_to
from governance.admin_kit.list_filters import OneWorkspaceFilter
from governance.admin_kit.saved_filters import SavedFilters
from governance.admin_kit.scope import (
    PARAMETER,
    chosen_workspace,
    workspace_in_scope,
    workspace_in_view,
    workspaces_in_reach,
)
from governance.definitions import title_of
from governance.models import Workspace


class WorkspaceFilter(admin.SimpleListFilter):
    """Filter by workspace; offers those that the person belongs to, and no others. At first the one that they chose."""

    title = "workspace"
    parameter_name = PARAMETER

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.chosen, self.in_scope = chosen_workspace(request), workspace_in_scope(request)
        return [(workspace.slug, workspace.name) for workspace in workspaces_in_reach(request)]

    def value(self) -> str | None:
        """Return what the address says, blank for all; where it says nothing, what the person chose."""
        asked: str | None = super().value()
        return self.chosen.slug if asked is None and self.chosen else asked

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        everything, *each = super().choices(changelist)
        if self.chosen is not None:
            everything["query_string"] = changelist.get_query_string({self.parameter_name: ""})
        yield {**everything, "selected": not self.value()}
        yield from each

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        return queryset.none() if self.in_scope is None else queryset.filter(workspace_id=self.in_scope.pk)


class PolicyFilter(admin.AllValuesFieldListFilter):
    """Filter by the policy key; offers the policies by their titles."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.title = "policy"

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        everything, *each = super().choices(changelist)
        yield everything
        yield from ({**choice, "display": title_of(str(choice["display"]))} for choice in each)


class ShownLookups:
    """Mixin for admins: no list is filtered by a field that no page shows, so that nobody finds it out by guessing."""

    def lookup_allowed(self: Any, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse hidden fields of the model itself; of related ones, what Django refuses."""
        hidden = {field.name for field in self.model._meta.fields} - self._shown(request)
        allowed: bool = super().lookup_allowed(lookup, value, request)  # type: ignore[misc]
        return allowed and lookup.split("__")[0] not in hidden

    def _shown(self: Any, request: HttpRequest) -> set[str]:
        names = [self.model._meta.pk.name, *self.list_display, *self.get_search_fields(request)]
        for each in self.list_filter:
            names.append(getattr(each, "parameter_name", each) if isinstance(each, str | type) else each[0])
        if self.fields or self.fieldsets:
            names += flatten_fieldsets(self.get_fieldsets(request))
        else:
            names += {field.name for field in self.model._meta.fields} - set(self.exclude or ())
        return {name.split("__")[0] for name in names if isinstance(name, str)}


class ScopedAdmin(SavedFilters, ShownLookups, CsvExport, admin.ModelAdmin):  # type: ignore[type-arg]  # which it takes in the stubs alone
    """Read-only pages for any signed-in staff member, over the rows that `visible_to` gives them.

    Lists, direct URLs, autocompletes and actions all go through `get_queryset`, so a row of another workspace is
    not found wherever it is asked for. Writing happens through `service_views`.
    """

    nothing_yet = ""
    """What an empty list says, without the full stop."""

    list_per_page = 50
    show_full_result_count = False
    # A count for each choice of each filter: minutes on a large table.
    show_facets = admin.ShowFacets.NEVER

    @admin.display(description="policy", ordering="policy_key")
    def policy(self, row: Any) -> str:
        return title_of(row.policy_key)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Name policies by their titles: a key is for machines."""
        return ["policy" if name == "policy_key" else name for name in super().get_list_display(request)]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [(each, PolicyFilter) if each == "policy_key" else each for each in super().get_list_filter(request)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        ordering = self.get_ordering(request)
        rows: QuerySet[Any] = self.model._default_manager.visible_to(request.user)
        return rows.order_by(*ordering) if ordering else rows

    def workspace_of_list(self, request: HttpRequest) -> Workspace | None:
        if OneWorkspaceFilter in self.list_filter:
            return workspace_in_view(request)
        return workspace_in_scope(request) if WorkspaceFilter in self.list_filter else None

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and getattr(request.user, "is_staff", False)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class OperatedRows:
    """Mixin for admins of rows that only those see who operate the workspace."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return rows.filter(workspace__in=workspaces_where(Verb.OPERATE, request.user))


class KeysetAdmin(ScopedAdmin):
    """Lists in one order, the newest first, with pages by place and no count; see `governance.admin_kit.keyset`."""

    ordering = ["-pk"]
    # A list may be sorted by what an index holds in order, and that is `ordering` alone.
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList


class GrowingTableAdmin(KeysetAdmin):
    """Pages over a table of workspaces that grows without bound."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Look the workspaces up first: an index holds the rows of one in order, and a join would sort them all."""
        rows: QuerySet[Any] = self.model._default_manager.order_by(*self.get_ordering(request))
        if is_superuser(request.user):
            return rows
        mine = list(workspaces_where(Verb.SEE, request.user).values_list("pk", flat=True))
        return narrowed_to(rows, "workspace_id", mine[0]) if len(mine) == 1 else rows.filter(workspace_id__in=mine)


class SuperuserOnly:
    """Mixin for admins of rows that belong to no workspace: accounts and groups."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and getattr(request.user, "is_superuser", False)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)
