"""Fields of the form of a mapping, and what of a mapping has none."""

from __future__ import annotations

from typing import Any

from django import forms

from governance.definitions import all_definitions
from ledger.imports.mapping import COMPARISONS, Condition, ImportMapping
from ledger.models import ConfidenceKind

_WHAT_THEY_ARE = {
    "confidence": "How sure the AI was.",
    "success": "Whether it was right; blank is “nobody knows”.",
    "decided_at": "When, with the offset: 2026-01-31T09:30:00Z.",
    "policy_key": "Which threshold the decisions are evidence for.",
    "task": "Which question was decided.",
    "external_id": "Your own id; none: the line of the file.",
    "case_key": "Conversation, ticket or lead.",
    "label_propensity": "Chance with which a decision was drawn for review.",
}

_SHOWN = (
    *("columns", "constants", "scale", "words", "success_when", "failure_when", "missing", "labels"),
    *("probabilities", "predicted", "actual", "separator", "decimal_comma", "ignore_unknown", "times"),
)


def rest_of(mapping: ImportMapping) -> dict[str, Any]:
    """Return what a mapping says that the form has no field for; it stays as it was."""
    return {name: value for name, value in mapping.as_json().items() if name not in _SHOWN}


def spelled(condition: Condition) -> str:
    """Return a condition as a person writes it."""
    column, value = condition
    return f"{column}{value}" if value.startswith(COMPARISONS) else f"{column}={value}"


class LinesField(forms.CharField):
    """Several values, one a line."""

    def __init__(self, help_text: str, label: str | None = None) -> None:
        super().__init__(required=False, label=label, help_text=help_text, widget=forms.Textarea(attrs={"rows": 2}))

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


def column_field(name: str, offered: list[tuple[str, str]]) -> forms.Field:
    """Return the field for the column of the file that holds what we call `name`."""
    text = _WHAT_THEY_ARE.get(name, "")
    return forms.ChoiceField(required=False, label=_label(name), choices=offered, help_text=text)


def constant_field(name: str) -> forms.Field:
    """Return the field for what holds for every row."""
    options: dict[str, Any] = {"required": False, "label": f"{_label(name)} of every row"}
    if name == "policy_key":
        gating = [(each.key, each.title) for each in all_definitions() if each.gates_decisions]
        return forms.ChoiceField(choices=[("", "–"), *gating], **options)
    if name == "confidence_kind":
        return forms.ChoiceField(choices=[("", "–"), *ConfidenceKind.choices], **options)
    return forms.CharField(max_length=200, **options)


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
