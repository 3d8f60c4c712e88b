"""What the lists and pages of all kinds of records have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from confidence_project.foundation.formatting import DASH, threshold
from governance.admin_kit.keyset import KeysetChangeList
from governance.admin_kit.list_filters import OneWorkspaceFilter, TimeFilter
from governance.admin_kit.scope import workspace_in_view, workspaces_in_reach
from governance.admin_kit.scoped_admin import GrowingTableAdmin
from telemetry.verdicts import Verdict, verdicts_on


def badge(label: str, kind: str = "") -> SafeString:
    """Return a word in a box; `kind` is a class of the stylesheet."""
    return format_html('<span class="badge {}">{}</span>', kind, label) if label else SafeString(DASH)


class RecordList(KeysetChangeList):
    """A list that knows the verdicts on the rows it shows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        model_admin: Any = self.model_admin
        model_admin.prepared(list(self.result_list))


class HappenedFilter(TimeFilter):
    """By when it happened, which is how the lists are ordered."""

    def between(self, rows: QuerySet[Any], since: datetime | None, until: datetime | None) -> QuerySet[Any]:
        rows = rows.filter(created_at__gte=since) if since is not None else rows
        return rows.filter(created_at__lt=until) if until is not None else rows


class RecordAdmin(GrowingTableAdmin):
    """Records of one workspace at a time, by when they happened."""

    ordering = ["-created_at", "-pk"]
    list_filter = [OneWorkspaceFilter, HappenedFilter]
    list_select_related = ["workspace"]
    # An exact look-up by the host's id is an index; a search in text is none.
    search_fields = ["external_id__exact"]
    search_help_text = "The host's own id, whole; in every workspace of yours."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Name the workspaces of a superuser, too: without them no index holds what is asked for."""
        mine = [workspace.pk for workspace in workspaces_in_reach(request)]
        rows: QuerySet[Any] = self.model._default_manager.filter(workspace_id__in=mine)
        return rows.order_by(*self.get_ordering(request))

    def get_list_display(self, request: HttpRequest) -> Any:
        """Name the workspace where a person has several."""
        columns = super().get_list_display(request)
        return columns if len(workspaces_in_reach(request)) > 1 else [name for name in columns if name != "workspace"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RecordList

    def changelist_view(self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None) -> HttpResponse:
        context = {"workspace_in_view": workspace_in_view(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def prepared(self, rows: list[Any]) -> list[Any]:
        """Give records the verdicts on them."""
        verdicts = verdicts_on(rows)
        for record in rows:
            record.verdicts = verdicts.get(record.pk, ())
        return rows

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        record = self.get_object(request, object_id)
        found = verdicts_on([record]).get(record.pk, ()) if record is not None else ()
        return super().change_view(request, object_id, form_url, {"verdicts": found, **(extra_context or {})})

    @admin.display(description="confidence")
    def confidence_given(self, record: Any) -> str:
        return threshold(record.confidence)

    @admin.display(description="threshold")
    def threshold_applied(self, record: Any) -> str:
        return threshold(record.threshold)

    @admin.display(description="verdict")
    def verdict(self, record: Any) -> SafeString:
        """Link the ledger's verdicts on a row of the list."""
        return linked_verdicts(record.verdicts)


def linked_verdicts(verdicts: Iterable[Verdict]) -> SafeString:
    """Return verdicts as badges that lead to their records in the ledger."""
    links = (
        (reverse("admin:ledger_decisionrecord_change", args=[each.decision_id]), each.verdict, each.verdict)
        for each in verdicts
    )
    return format_html_join(" ", '<a href="{}" class="badge {}">{}</a>', links) or SafeString(DASH)
