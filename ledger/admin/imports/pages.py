"""Imports: a file is uploaded, looked at, mapped, and imported by a worker; its page says what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.views.decorators.cache import never_cache

from governance.access.permissions import Verb, workspaces_where
from governance.admin_kit.scoped_admin import WorkspaceFilter
from governance.admin_kit.service_views import RowVerb
from ledger.admin.imports.mapping_pages import MappingPages, may_import
from ledger.admin.imports.upload_form import UploadForm
from ledger.imports import course, spool
from ledger.imports.options import without_options
from ledger.imports.queue import request_again
from ledger.models import DecisionImport

DIED = "The import gave no sign of life any more: its process died. What was imported until then stays."
REJECTS = {spool.REJECTS: "rejects", spool.TABLE: "rejects-to-look-at"}


def _verb(name: str, label: str, done: str, is_open: Callable[[Any], bool], act: Callable[..., None]) -> RowVerb:
    return RowVerb(
        name=name,
        label=label,
        done=done,
        verb=Verb.OPERATE,
        may=may_import,
        is_open=is_open,
        act=lambda person, kept, data: act(actor=person, kept=kept),
    )


@admin.register(DecisionImport)
class ImportAdmin(MappingPages):
    """Every import of a file, by a command or in the browser."""

    list_display = ["__str__", "state", "workspace", "started", "by", "rows", "imported", "rejected"]
    list_filter = [WorkspaceFilter, "status"]
    list_select_related = ["workspace"]
    change_form_template = "admin/ledger/decisionimport/change_form.html"
    fields = (
        "workspace",
        "status",
        "error",
        "file_name",
        "file_format",
        "file_bytes",
        "file_sha256",
        "mapping",
        "started_at",
        "finished_at",
        "imported",
        "unlabelled",
        "unchanged",
        "rejected",
        "by",
    )
    readonly_fields = fields
    add_verb = Verb.OPERATE
    nothing_yet = "No file was imported yet"
    add_title = "Import a file"
    verbs = (
        _verb("stop", "Stop", "stopped", lambda kept: kept.is_under_way, course.stop),
        _verb("go-on", "Go on", "waiting for a worker", lambda kept: kept.can_go_on, request_again),
        _verb("remove-files", "Remove its files", "files removed", lambda kept: kept.can_be_discarded, course.discard),
    )

    def get_urls(self) -> list[URLPattern]:
        pages: dict[str, Any] = {"map": self.map_view, "progress": never_cache(self.progress_view)}
        pages |= {name: self._download_of(what) for what, name in REJECTS.items()}
        own = [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"ledger_decisionimport_{name}")
            for name, view in pages.items()
        ]
        return own + super().get_urls()

    @admin.display(description="state", ordering="status")
    def state(self, kept: DecisionImport) -> SafeString:
        return format_html('<span class="badge {}">{}</span>', kept.state.lower(), kept.state.label)

    @admin.display(description="by", ordering="actor_name")
    def by(self, kept: DecisionImport) -> str:
        return str(kept.actor_name)

    @admin.display(description="begun", ordering="started_at")
    def started(self, kept: DecisionImport) -> datetime:
        return kept.started_at

    @admin.display(description="rows", empty_value="–")
    def rows(self, kept: DecisionImport) -> int | None:
        return kept.rows or None

    # --- upload ------------------------------------------------------------------------------------------------------

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        largest: int = settings.CONFIDENCE_IMPORT_MAX_BYTES
        return UploadForm(request, workspaces_where(Verb.OPERATE, request.user), largest)

    def add_row(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        given = form.cleaned_data
        kept = course.upload(
            actor=request.user,
            workspace=given["workspace"],
            file_name=given["file"].name,
            file_format=given["format"],
            pieces=given["file"].chunks(),
        )
        self.log_addition(request, kept, [{"added": {}}])
        return HttpResponseRedirect(self._page_of("map", kept))

    # --- what became of it -------------------------------------------------------------------------------------------

    def facts(self, row: DecisionImport) -> dict[str, Any]:
        reasons = [{**each, "reason": without_options(each["reason"])} for each in row.reasons]
        error = row.error or (DIED if row.state == DecisionImport.Status.STOPPED else "")
        there = {name: self._page_of(name, row) for what, name in REJECTS.items() if _kept_file(row, what)}
        before = DecisionImport.objects.in_workspace(row.workspace).filter(
            file_sha256=row.file_sha256, status=DecisionImport.Status.COMPLETE, pk__lt=row.pk
        )
        return {
            "state": row.state,
            "reasons": reasons,
            "error": without_options(error),
            "rejects": there.get("rejects"),
            "rejects_to_look_at": there.get("rejects-to-look-at"),
            "before": before.first() if row.file_sha256 else None,
            "explorer": _explorer(row),
            "keep_days": settings.CONFIDENCE_IMPORT_KEEP_DAYS,
        }

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        operates = row is not None and may_import(request.user, row)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "operates": operates})

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return how far an import is, for the script of its page."""
        kept = self.get_object(request, unquote(object_id))
        if kept is None:
            raise Http404
        return JsonResponse(
            {
                "status": kept.state,
                "label": kept.state.label,
                "progress": kept.progress,
                "sign_of_life": f"{timesince(kept.heartbeat_at)} ago" if kept.heartbeat_at else None,
                "is_over": not kept.is_under_way,
            }
        )

    def _download_of(self, what: str) -> Callable[[HttpRequest, str], HttpResponse]:
        """The page that gives a file of rejects to whoever may import: it holds what the upload held."""

        def download(request: HttpRequest, object_id: str) -> Any:
            kept = self._operated(request, object_id)
            if isinstance(kept, HttpResponse):
                return kept
            file = _kept_file(kept, what)
            if file is None:
                raise Http404
            suffix = "csv" if what == spool.TABLE or kept.file_format == "csv" else "jsonl"
            name = f"{Path(kept.file_name).stem}.{REJECTS[what]}.{suffix}"
            kind = "text/csv" if suffix == "csv" else "application/x-ndjson"
            reply = FileResponse(file.open("rb"), as_attachment=True, filename=name, content_type=kind)
            reply["Cache-Control"] = "private, no-store"
            return reply

        return download

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("workspace")


def _kept_file(kept: DecisionImport, what: str) -> Path | None:
    file = spool.path_of(kept.kept_as, what) if kept.kept_as and not kept.is_under_way else None
    return file if file and file.exists() else None


def _explorer(kept: DecisionImport) -> str | None:
    """The list of what the import brought."""
    if not kept.imported:
        return None
    query = {"workspace": kept.workspace.slug, "import": kept.pk}
    return f"{reverse('admin:ledger_decisionrecord_changelist')}?{urlencode(query)}"
