"""What forms of the admin have in common."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from governance.models import Workspace


class InWorkspaceForm(forms.Form):
    """A form that begins with the workspace, one of those that the person may act in."""

    workspace = forms.ModelChoiceField(Workspace.objects.none())

    def __init__(self, data: Any, workspaces: QuerySet[Workspace]) -> None:
        super().__init__(data)
        self.fields["workspace"].queryset = workspaces  # type: ignore[attr-defined]
