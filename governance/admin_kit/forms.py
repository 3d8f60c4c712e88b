"""What forms of the admin have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from governance.models import Workspace


class OfferingInput(forms.TextInput):
    """A text field that offers values, each with what it is; any other may be typed."""

    offered: Sequence[tuple[str, str]] = ()

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        if not self.offered:
            return super().render(name, value, attrs, renderer)
        place = f"offered-{name}"
        field = super().render(name, value, {**(attrs or {}), "list": place}, renderer)
        options = format_html_join("", '<option value="{}">{}</option>', self.offered)
        return format_html('{}<datalist id="{}">{}</datalist>', field, place, options)


class InWorkspaceForm(forms.Form):
    """A form that begins with the workspace, one of those that the person may act in."""

    workspace = forms.ModelChoiceField(Workspace.objects.none())

    def __init__(self, data: Any, workspaces: QuerySet[Workspace]) -> None:
        super().__init__(data)
        self.fields["workspace"].queryset = workspaces  # type: ignore[attr-defined]
