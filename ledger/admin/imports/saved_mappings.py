"""Mappings that are kept by name: what each maps, and for admins another name, or none."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from governance.access.permissions import Verb, may
from governance.admin_kit.scoped_admin import WorkspaceFilter
from governance.admin_kit.service_views import RowVerb, ServiceAdmin
from ledger.imports.saved import delete_mapping, rename_mapping
from ledger.models import SavedMapping
from ledger.models.imports import NAME_LENGTH


class NameForm(forms.Form):
    """Another name."""

    name = forms.CharField(max_length=NAME_LENGTH, help_text="Letters, digits, hyphens and underscores.")


def _may(person: Any, kept: SavedMapping) -> bool:
    return may(Verb.OPERATE, person, kept.workspace)


def _is_there(kept: SavedMapping) -> bool:
    return True


@admin.register(SavedMapping)
class SavedMappingAdmin(ServiceAdmin):
    """A mapping is made where a file is mapped; here it is looked at, renamed and deleted."""

    nothing_yet = "No mapping was saved yet"
    list_display = ["name", "workspace", "reads", "saved_at"]
    list_filter = [WorkspaceFilter]
    list_select_related = ["workspace"]
    change_list_template = "admin/ledger/saved_mappings.html"
    fields = ("workspace", "name", "saved_at", "what_it_says")
    readonly_fields = fields
    verbs = (
        RowVerb(
            name="rename",
            label="Rename",
            done="renamed",
            verb=Verb.OPERATE,
            form=NameForm,
            may=_may,
            is_open=_is_there,
            act=lambda person, kept, data: rename_mapping(actor=person, kept=kept, name=data["name"]),
        ),
        RowVerb(
            name="remove",
            label="Delete",
            done="deleted",
            verb=Verb.OPERATE,
            may=_may,
            is_open=_is_there,
            act=lambda person, kept, data: delete_mapping(actor=person, kept=kept),
        ),
    )

    @admin.display(description="maps")
    def reads(self, kept: SavedMapping) -> str:
        declared = {**kept.mapping.get("columns", {}), **kept.mapping.get("constants", {})}
        return ", ".join(sorted(declared)) or "the columns under our own names"

    @admin.display(description="what it says")
    def what_it_says(self, kept: SavedMapping) -> SafeString:
        said = [(f"{ours} is the column", theirs) for ours, theirs in kept.mapping.get("columns", {}).items()]
        said += [(f"{ours} of every row is", value) for ours, value in kept.mapping.get("constants", {}).items()]
        said += [
            (name.replace("_", " "), json.dumps(value, ensure_ascii=False))
            for name, value in kept.mapping.items()
            if name not in ("columns", "constants")
        ]
        return format_html_join("", "<div>{} <code>{}</code></div>", said)

    def form_for(self, verb: RowVerb, rows: list[Any], data: Any) -> forms.Form:
        return verb.form(data, initial={"name": rows[0].name})

    def _back(self, row: Any) -> str:
        return super()._back(row) if SavedMapping.objects.filter(pk=row.pk).exists() else self._list()

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("workspace")
