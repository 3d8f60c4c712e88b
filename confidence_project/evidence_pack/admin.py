"""Evidence packs: asked for with a form, made by a worker, downloaded from their page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.views.decorators.cache import never_cache

from confidence_project.evidence_pack.frame import MOST_DECISIONS, SEED_RULE, Asked
from confidence_project.evidence_pack.models import EvidencePack
from confidence_project.evidence_pack.services import path_of, request_pack
from governance.access.permissions import Verb, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import OperatedRows, WorkspaceFilter
from governance.admin_kit.service_views import ServiceAdmin
from governance.definitions import all_definitions, get_definition
from governance.models import Workspace

DIED = "Its worker gave no sign of life any more. Ask for it again."


class PackForm(InWorkspaceForm):
    """What to make a pack of."""

    button = "Make the pack"

    policy_key = forms.ChoiceField(
        label="Policy", choices=lambda: [(definition.key, definition.title) for definition in all_definitions()]
    )
    since = forms.DateTimeField(label="From", help_text="In your time zone, like 2026-07-01.")
    until = forms.DateTimeField(label="Until", help_text="Excluded.")
    seed = forms.CharField(
        max_length=100,
        label="Seed of the auditor",
        help_text=f"The auditor names it, so that nobody here chooses the decisions: {SEED_RULE}.",
    )
    decisions = forms.IntegerField(
        initial=50, min_value=0, max_value=MOST_DECISIONS, help_text="So many are drawn, each with its proofs."
    )

    def __init__(self, data: Any, workspaces: QuerySet[Workspace]) -> None:
        super().__init__(data, workspaces)
        if workspaces.count() == 1:
            self.fields["workspace"].initial = workspaces.get()


@admin.register(EvidencePack)
class EvidencePackAdmin(OperatedRows, ServiceAdmin):
    """Every pack that was asked for, for those who operate its workspace."""

    nothing_yet = "No evidence pack was made yet"
    list_display = ["__str__", "state", "workspace", "asked_at", "asked_by_name", "as_of", "is_signed"]
    list_filter = [WorkspaceFilter, "status"]
    list_select_related = ["workspace"]
    fields = (
        "workspace",
        "policy_key",
        "since",
        "until",
        "seed",
        "decisions",
        "status",
        "error",
        "as_of",
        "is_signed",
        "unproved",
        "file_bytes",
        "file_sha256",
        "asked_at",
        "asked_by_name",
        "finished_at",
    )
    readonly_fields = fields
    change_form_template = "admin/evidence_pack/evidencepack/change_form.html"
    add_verb = Verb.OPERATE
    add_title = "Make an evidence pack"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("workspace")

    def get_urls(self) -> list[URLPattern]:
        pages: dict[str, Any] = {"progress": never_cache(self.progress_view), "download": self.download_view}
        own = [
            path(
                f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"evidence_pack_evidencepack_{name}"
            )
            for name, view in pages.items()
        ]
        return own + super().get_urls()

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return PackForm(data, workspaces_where(Verb.OPERATE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        pack = request_pack(actor=request.user, **form.cleaned_data)
        self.log_addition(request, pack, [{"added": {}}])
        return HttpResponseRedirect(self._back(pack))

    def facts(self, row: EvidencePack) -> dict[str, Any]:
        is_there = row.status == EvidencePack.Status.COMPLETE and path_of(row).exists()
        address = reverse("admin:evidence_pack_evidencepack_download", args=[row.pk]) if is_there else ""
        error = row.error or (DIED if row.state == EvidencePack.Status.FAILED else "")
        return {"state": row.state, "download": address, "error": error}

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return how far a pack is, for the script of its page."""
        pack = self._found(request, object_id)
        alive = f"{timesince(pack.heartbeat_at)} ago" if pack.heartbeat_at else None
        return JsonResponse(
            {
                "status": pack.state,
                "label": pack.state.label,
                "progress": pack.progress,
                "sign_of_life": alive,
                "is_over": not pack.is_under_way,
            }
        )

    def download_view(self, request: HttpRequest, object_id: str) -> HttpResponse | FileResponse:
        """Give the archive."""
        pack = self._found(request, object_id)
        if pack.status != EvidencePack.Status.COMPLETE or not path_of(pack).exists():
            raise Http404
        question = Asked(
            workspace=pack.workspace,
            definition=get_definition(pack.policy_key),
            since=pack.since,
            until=pack.until,
            seed=pack.seed,
            decisions=pack.decisions,
        )
        reply = FileResponse(path_of(pack).open("rb"), as_attachment=True, filename=question.file_name)
        reply["Cache-Control"] = "private, no-store"
        return reply

    def _found(self, request: HttpRequest, object_id: str) -> EvidencePack:
        pack: EvidencePack | None = self.get_object(request, unquote(object_id))
        if pack is None or not may(Verb.OPERATE, request.user, pack.workspace):
            raise Http404
        return pack

    @admin.display(description="state", ordering="status")
    def state(self, pack: EvidencePack) -> SafeString:
        return format_html('<span class="badge {}">{}</span>', pack.state.lower(), pack.state.label)
