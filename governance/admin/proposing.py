"""The forms with which a person proposes: first the policy, then its values as they are, to be changed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from governance.admin.overriding import override_rows
from governance.definitions import FieldKind, PolicyDefinition, all_definitions
from governance.models import Workspace
from governance.workflow import SUMMARY_LENGTH, TITLE_LENGTH


class PolicyForm(forms.Form):
    """Which policy is to change."""

    workspace = forms.ModelChoiceField(Workspace.objects.none(), to_field_name="slug")
    policy_key = forms.ChoiceField(
        choices=lambda: [(definition.key, f"{definition.title} ({definition.key})") for definition in all_definitions()]
    )

    def __init__(self, data: Any, workspaces: QuerySet[Workspace]) -> None:
        super().__init__(data)
        self.fields["workspace"].queryset = workspaces  # type: ignore[attr-defined]


class ProposalForm(forms.Form):
    """What a person proposes, and why. A field for each value of the policy, and a row for each override."""

    title = forms.CharField(max_length=TITLE_LENGTH)
    rationale = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), max_length=SUMMARY_LENGTH)

    rows_title = "Overrides"
    rows_help = (
        "Other values for the decisions that carry all that a row names; the row that names most wins. What is blank "
        "stays as it is for everything else; a row that is blank is none."
    )

    def __init__(self, data: Any, workspace: Workspace, definition: PolicyDefinition, config: dict[str, Any]) -> None:
        super().__init__(data)
        self.definition = definition
        self.rows = override_rows(data, workspace, definition, config.get("overrides", []))
        values = definition.defaults | config.get("values", {})
        for field in definition.fields:
            self.fields[f"value_{field.name}"] = forms.FloatField(
                label=field.title or field.name,
                initial=values[field.name],
                min_value=field.minimum,
                max_value=field.maximum,
                step_size=1 if field.kind is FieldKind.BUDGET else 0.0001,
                help_text=f"{field.minimum:g} to {field.maximum:g} {field.unit}; usual step {field.max_step:g}.",
            )
        self.fields["acknowledge_large_step"] = forms.BooleanField(
            required=False, label="A value moves further than the usual step, and I mean it."
        )

    def is_valid(self) -> bool:
        # Both, so that everything that is wrong is said at once.
        return all([super().is_valid(), self.rows.is_valid()])

    def config(self) -> dict[str, Any]:
        """The proposed config, as the service takes it."""
        cleaned = self.cleaned_data
        values = {field.name: cleaned[f"value_{field.name}"] for field in self.definition.fields}
        return {"values": values, "overrides": self.rows.as_json()}
