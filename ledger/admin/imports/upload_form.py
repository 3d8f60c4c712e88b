"""The form with which a file is uploaded."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from confidence_project.foundation.uploads import was_too_large
from governance.models import Workspace
from ledger.imports.records import format_of

FORMATS = {
    "csv": "CSV, or another text with separators",
    "jsonl": "JSON Lines: an object a line",
    "json": "JSON: an array, or an object of columns",
    "parquet": "Parquet",
}


class UploadForm(forms.Form):
    """A file, and whose history it is."""

    button = "Upload and look at it"

    workspace = forms.ModelChoiceField(Workspace.objects.none())
    file = forms.FileField(
        help_text="CSV with a header, JSON Lines, JSON or Parquet, plain or gzip. Nothing is stored before you have "
        "seen what is understood of it.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.jsonl,.ndjson,.json,.parquet,.gz,.txt"}),
    )
    format = forms.ChoiceField(
        required=False, choices=[("", "As the file's name says"), *FORMATS.items()], help_text="Of what is in it."
    )

    def __init__(self, request: HttpRequest, workspaces: QuerySet[Workspace], largest: int) -> None:
        is_post = request.method == "POST"
        super().__init__(request.POST if is_post else None, request.FILES if is_post else None)
        field: Any = self.fields["workspace"]
        field.queryset = workspaces
        if workspaces.count() == 1:
            field.initial = workspaces.get()
        size = filesizeformat(largest)
        self.fields["file"].help_text += f" At most {size}."
        if was_too_large(request):
            self.fields["file"].error_messages["required"] = (
                f"The file is larger than {size}, which is the most that is taken here. Pack it with gzip, or import "
                "it with “manage.py import_decisions”."
            )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        if cleaned.get("file") and not cleaned.get("format"):
            cleaned["format"] = format_of(cleaned["file"].name)
            if cleaned["format"] is None:
                self.add_error("format", "The file's name does not tell it: choose what is in the file.")
        return cleaned
