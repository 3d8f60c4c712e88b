"""The page of label files: what waits is taken as a file, and answers that were given elsewhere are brought in."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.cache import never_cache

from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.uploads import was_too_large
from governance.access.permissions import Verb, may, who_may
from governance.definitions import all_definitions
from governance.models import Workspace
from ledger.admin.workbench import workspace_to_label_in
from ledger.labelling.assigning import LONGEST_DAYS
from ledger.labelling.files import LARGEST_BYTES, MOST_RECORDS, Brought, bring_label_file, take_label_file
from ledger.selectors import MOST_COUNTED, count_waiting_for_review

FORMS = {
    "csv": ("CSV", "csv", "text/csv"),
    "label-studio": ("Label Studio: tasks", "json", "application/json"),
    "argilla": ("Argilla: records", "json", "application/json"),
}
"""By the name of the form: what it is called, how its files end, and their type."""


class TakeForm(forms.Form):
    """How much of what waits, for how long, and in which form."""

    form = forms.ChoiceField(choices=[(name, title) for name, (title, _, _) in FORMS.items()])
    policy_key = forms.ChoiceField(
        label="Policy",
        required=False,
        choices=lambda: [
            ("", "Every policy"),
            *((each.key, each.title) for each in all_definitions() if each.gates_decisions),
        ],
    )
    limit = forms.IntegerField(
        label="At most", min_value=1, max_value=MOST_RECORDS, initial=100, help_text="Decisions, the oldest first."
    )
    days = forms.IntegerField(
        label="For (days)",
        min_value=1,
        max_value=LONGEST_DAYS,
        initial=7,
        help_text="So long the workbench shows them to nobody; what has no answer by then is anybody's again.",
    )


class BringForm(forms.Form):
    """A file of answers."""

    file = forms.FileField(
        help_text="CSV, JSON Lines or JSON, the JSON export of Label Studio, or records of Argilla. At most "
        f"{MOST_RECORDS:,} records and {LARGEST_BYTES >> 20} MB.",
        widget=forms.FileInput(attrs={"accept": ".csv,.jsonl,.ndjson,.json,.gz"}),
    )


class LabelFiles:
    """Mixin for the admin of judgements: the page through which they go out and come in as files."""

    def get_urls(self: Any) -> list[URLPattern]:
        view = self.admin_site.admin_view(never_cache(self.files_view))
        return [path("files/", view, name="ledger_judgement_files"), *super().get_urls()]  # type: ignore[misc]

    def files_view(self: Any, request: HttpRequest) -> HttpResponse:
        """Show both forms; on POST send what was taken, or say what became of the answers."""
        workspace = workspace_to_label_in(request)
        if workspace is None:
            context = {**self.admin_site.each_context(request), "title": "Label files", "opts": self.opts}
            refusal = {"refusal": who_may(Verb.LABEL), "back": reverse("admin:index")}
            return TemplateResponse(request, "admin/governance/refused.html", {**context, **refusal}, status=403)
        is_taking, is_bringing = (request.method == "POST" and name in request.POST for name in ("take", "bring"))
        take = TakeForm(request.POST if is_taking else None)
        bring = BringForm(*((request.POST, request.FILES) if is_bringing else ()))
        if is_taking and take.is_valid() and (file := _taken(request, workspace, take)) is not None:
            return file
        brought = _brought(request, workspace, bring) if is_bringing else None
        waiting = count_waiting_for_review([workspace])[workspace.pk]
        context = {**self.admin_site.each_context(request), "title": "Label files", "opts": self.opts}
        own = {
            "workspace": workspace,
            "take": take,
            "bring": bring,
            "waiting": waiting,
            "is_more": waiting > MOST_COUNTED,
            "is_admin": may(Verb.OPERATE, request.user, workspace),
            "brought": brought,
            "rejects": _rejects(bring, brought),
        }
        return TemplateResponse(request, "admin/ledger/label_files.html", {**context, **own})


def _taken(request: HttpRequest, workspace: Workspace, form: TakeForm) -> HttpResponse | None:
    """The file, None where nothing could be taken, which the page then says."""
    _, suffix, kind = FORMS[form.cleaned_data["form"]]
    try:
        content, number = take_label_file(actor=request.user, workspace=workspace, **form.cleaned_data)
    except DomainError as error:
        form.add_error(None, error.detail)
        return None
    if not number:
        messages.warning(request, "Nothing waits that you could take: it has answers, or is somebody's for now.")
        return None
    name = f"labels-{workspace.slug}.{suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=kind, headers=headers)


def _brought(request: HttpRequest, workspace: Workspace, form: BringForm) -> Brought | None:
    """What became of the answers, None where the file was refused whole, which the form then says."""
    if was_too_large(request):
        form.fields["file"].error_messages["required"] = "The file is larger than what is taken here."
    if not form.is_valid():
        return None
    file = form.cleaned_data["file"]
    try:
        return bring_label_file(actor=request.user, workspace=workspace, name=file.name, size=file.size, pieces=file)
    except DomainError as error:
        form.add_error("file", error.detail)
        return None


def _rejects(form: BringForm, brought: Brought | None) -> dict[str, str] | None:
    """The file of what was not kept, within the page: the server keeps nothing of it."""
    if brought is None or not brought.rejects:
        return None
    stem = Path(form.cleaned_data["file"].name).stem
    content = base64.b64encode(brought.rejects).decode()
    return {"name": f"{stem}.rejects.{brought.suffix}", "url": f"data:application/octet-stream;base64,{content}"}
