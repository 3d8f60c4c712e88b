"""The overrides of a policy as rows of a form: what the decisions name, and the values that hold for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory

from governance.admin_kit.forms import OfferingInput
from governance.controls.seen import seen_names
from governance.definitions import SEGMENT_KEYS, FieldKind, PolicyDefinition
from governance.models import BlockedSource, Workspace
from governance.vocabulary import LONGEST_NAME

NAMED_FIRST = ("provider", "model")
MATCHED = (*NAMED_FIRST, *(key for key in SEGMENT_KEYS if key not in NAMED_FIRST))

SPARE_ROWS = 2
"""Blank rows below those that are there; more come with the next proposal, or over the API."""


class OverrideForm(forms.Form):
    """One override. A row that is left blank is none."""

    def __init__(
        self, *args: Any, definition: PolicyDefinition, offered: dict[str, Sequence[tuple[str, str]]], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.definition = definition
        for key in MATCHED:
            field = forms.CharField(required=False, max_length=LONGEST_NAME, widget=OfferingInput)
            field.label = key.replace("_", " ").capitalize()
            field.widget.offered = offered.get(key, ())
            self.fields[f"match_{key}"] = field
        for each in definition.fields:
            self.fields[f"value_{each.name}"] = forms.FloatField(
                label=each.title or each.name,
                required=False,
                min_value=each.minimum,
                max_value=each.maximum,
                step_size=1 if each.kind is FieldKind.BUDGET else 0.0001,
            )

    def clean(self) -> dict[str, Any]:
        if bool(self.match) is not bool(self.values):
            raise forms.ValidationError(
                "Name at least one thing that the decisions carry, and give at least one value; or leave the row blank."
            )
        return self.cleaned_data

    @property
    def match(self) -> dict[str, str]:
        """What the decisions carry."""
        named = {key: self.cleaned_data.get(f"match_{key}") for key in MATCHED}
        return {key: value for key, value in named.items() if value}

    @property
    def values(self) -> dict[str, float]:
        """What holds for them."""
        given = {field.name: self.cleaned_data.get(f"value_{field.name}") for field in self.definition.fields}
        return {name: value for name, value in given.items() if value is not None}


class OverrideRows(BaseFormSet):  # type: ignore[type-arg]  # which it takes in the stubs alone
    """All of them."""

    def as_json(self) -> list[dict[str, Any]]:
        """Return the overrides as a config holds them."""
        return [{"match": row.match, "values": row.values} for row in self.forms if row.match]


def override_rows(
    data: Any, workspace: Workspace, definition: PolicyDefinition, overrides: Sequence[dict[str, Any]]
) -> OverrideRows:
    """Return the rows of the overrides in force and some blank ones; models that were seen are offered."""
    offered = {
        kind: [(name, f"seen in {workspace.name}") for name in seen_names(workspace, kind)]
        for kind in BlockedSource.Kind.values
    }
    initial = [
        {f"match_{key}": value for key, value in each["match"].items()}
        | {f"value_{name}": value for name, value in each["values"].items()}
        for each in overrides
    ]
    rows: Any = formset_factory(OverrideForm, formset=OverrideRows, extra=SPARE_ROWS)
    made: OverrideRows = rows(
        data, prefix="overrides", initial=initial, form_kwargs={"definition": definition, "offered": offered}
    )
    return made
