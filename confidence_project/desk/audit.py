"""The audit page: everything that anybody did in a workspace, filtered, a page at a time, or all of it as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from confidence_project.foundation.spreadsheets import harmless
from governance.admin_kit.list_filters import RangeForm
from governance.admin_kit.saved_filters import answer, saved_on
from governance.admin_kit.scope import workspace_in_view, workspaces_in_reach
from governance.audit.reading import Line, Wanted, every_line, page_of_lines, place_of, titles
from governance.models import Workspace

PAGE = "audit"
PAGE_SIZE = 50
COLUMNS = ["at (UTC)", "who", "what", "about", "kind", "page"]


class AuditForm(RangeForm):
    """Which lines."""

    kind = forms.ChoiceField(required=False)
    who = forms.CharField(required=False, max_length=150, help_text="Name of the account, whole.")

    field_order = ["workspace", "kind", "who", "since", "until"]

    def __init__(self, data: Any, workspaces: list[Workspace]) -> None:
        super().__init__(data)
        self.fields["workspace"] = forms.ChoiceField(
            required=False, choices=[(each.slug, each.name) for each in workspaces]
        )
        self.fields["kind"].choices = [("", "All"), *((title, title) for title in titles())]  # type: ignore[attr-defined]
        self.fields["since"].label = f"From ({timezone.get_current_timezone_name()})"
        self.fields["until"].label = "To, left out"
        self.order_fields(self.field_order)


def audit_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """Show a page of lines of one workspace, or send them all as CSV. `context` is the admin site's."""
    workspace, form = _asked(request)
    saved = saved_on(request, PAGE, workspace, reverse("admin:audit_filters"))
    own: dict[str, Any] = {"title": "Audit", "form": form, "workspace_in_view": workspace, "saved_filters": saved}
    if workspace is not None and form.is_valid():
        chosen = form.cleaned_data
        after = place_of(request.GET.get("after", ""))
        wanted = Wanted(
            title=chosen["kind"], who=chosen["who"], since=chosen["since"], until=chosen["until"], after=after
        )
        if request.GET.get("format") == "csv":
            return _as_csv(request, workspace, wanted)
        lines, older = page_of_lines(actor=request.user, workspace=workspace, wanted=wanted, size=PAGE_SIZE)
        newest, on = request.GET.copy(), request.GET.copy()
        newest.pop("after", None)
        on["after"] = str(older)
        own |= {
            "lines": [(line, page_of(line, request)) for line in lines],
            "is_first": after is None,
            "newest": newest.urlencode(),
            "older": on.urlencode() if older else "",
        }
    return TemplateResponse(request, "desk/audit.html", {**context, **own})


def audit_filters_view(request: HttpRequest) -> HttpResponse:
    """Keep the filters of the address under a name, or delete kept ones."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    workspace, form = _asked(request)
    if workspace is None or not form.is_valid():
        return redirect("admin:audit")
    return answer(request, PAGE, workspace, reverse("admin:audit"))


def _asked(request: HttpRequest) -> tuple[Workspace | None, AuditForm]:
    workspace = workspace_in_view(request)
    data = request.GET.dict() | ({"workspace": workspace.slug} if workspace else {})
    return workspace, AuditForm(data, workspaces_in_reach(request))


def page_of(line: Line, request: HttpRequest) -> str:
    """Return the address of the page that says more; "" where there is none for this person."""
    shown = site._registry.get(type(line.row))
    if shown is None or not shown.has_view_permission(request):
        return ""
    meta = line.row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[line.row.pk])


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _as_csv(request: HttpRequest, workspace: Workspace, wanted: Wanted) -> StreamingHttpResponse:
    writer = csv.writer(_Echo())

    def rows() -> Iterator[str]:
        yield writer.writerow(COLUMNS)
        for line in every_line(actor=request.user, workspace=workspace, wanted=wanted):
            page = page_of(line, request)
            link = request.build_absolute_uri(page) if page else ""
            at = line.at.astimezone(timezone.get_default_timezone()).isoformat()
            cells = [at, line.who, line.what, line.about, line.title, link]
            yield writer.writerow([harmless(cell) for cell in cells])

    name = f"audit-{workspace.slug}-{timezone.now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(rows(), content_type="text/csv; charset=utf-8", headers=headers)
