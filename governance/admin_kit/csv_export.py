"""Every list as CSV, with the filters that are set: what the person sees, whole, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import html
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import PermissionDenied
from django.db.models import Field
from django.http import HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from confidence_project.foundation.spreadsheets import harmless

MOST_ROWS = 100_000
"""A file of more rows no spreadsheet opens with ease, and none is cut short in silence."""

TOO_MANY = f"More than {MOST_ROWS:,} rows: narrow the list by its filters first. Nothing was exported."

CHUNK = 2_000


class Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


class CsvExport:
    """Mixin for admins: the list under `export/`."""

    exports = True

    def get_urls(self: Any) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        own = path("export/", self.admin_site.admin_view(self.export_view), name=name)
        return [own, *super().get_urls()]  # type: ignore[misc]

    def prepared(self, rows: list[Any]) -> list[Any]:
        """Return rows with what their columns need beside the row itself."""
        return rows

    def export_view(self: Any, request: HttpRequest) -> HttpResponseBase:
        """Give the rows that the filters of the address leave, in the order and the columns of the list."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        listed = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{listed}?e=1")
        if rows[MOST_ROWS : MOST_ROWS + 1].exists():
            self.message_user(request, TOO_MANY, messages.ERROR)
            return HttpResponseRedirect(f"{listed}?{request.GET.urlencode()}")
        names = list(self.get_list_display(request))
        lines = csv.writer(Echo())
        headings = ["id", *(str(label_for_field(name, self.model, self)) for name in names)]
        body = (lines.writerow([cell(each) for each in line]) for line in _lines(self, rows, names))
        return StreamingHttpResponse(
            _joined(lines.writerow(headings), body),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="{self.opts.model_name}.csv"',
                "Cache-Control": "private, no-store",
            },
        )


def cell(value: Any) -> object:
    """Return a value as a cell that no spreadsheet takes for a formula; a number stays one."""
    return harmless(_text(value))


def _joined(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _lines(model_admin: Any, rows: Any, names: list[str]) -> Iterator[list[Any]]:
    iterator = rows.iterator(chunk_size=CHUNK)
    while chunk := model_admin.prepared(list(islice(iterator, CHUNK))):
        for row in chunk:
            yield [row.pk, *(_value(model_admin, row, name) for name in names)]


def _value(model_admin: Any, row: Any, name: str) -> Any:
    field, _, value = lookup_field(name, row, model_admin)
    if isinstance(field, Field) and field.flatchoices:
        return dict(field.flatchoices).get(value, value)
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return html.unescape(strip_tags(value)) if isinstance(value, SafeString) else str(value)
