"""What the lists of the ledger have in common: one workspace at a time, the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.views.main import SEARCH_VAR
from django.http import HttpRequest, HttpResponse

from governance.admin_kit.list_filters import OneWorkspaceFilter
from governance.admin_kit.scope import workspace_in_view
from governance.admin_kit.scoped_admin import GrowingTableAdmin


def attachment(content: bytes | str, name: str, content_type: str) -> HttpResponse:
    """Return a file to be kept."""
    return HttpResponse(
        content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )


class LedgerAdmin(GrowingTableAdmin):
    """Tables of workspaces. A list shows one of them; a search by id, all that the person may see."""

    list_filter = [OneWorkspaceFilter]
    list_select_related = ["workspace"]

    def get_list_display(self, request: HttpRequest) -> Any:
        """Say of which workspace a row is where they may differ."""
        columns = super().get_list_display(request)
        return [*columns, "workspace"] if request.GET.get(SEARCH_VAR, "").strip() else columns

    def changelist_view(self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(
            request, {"workspace_in_view": workspace_in_view(request), **(extra_context or {})}
        )
