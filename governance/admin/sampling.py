"""Audit sampling: which share of what is allowed and of what is blocked people look at, as a table of rules."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms import BaseFormSet, formset_factory
from django.http import HttpRequest

from confidence_project.foundation.errors import InvalidInput
from governance.access.permissions import Verb, workspaces_where
from governance.admin.controls import ControlAdmin, ControlForm, ending
from governance.controls import services as control_services
from governance.definitions import SEGMENT_KEYS, all_definitions
from governance.models import AuditSampling, Workspace
from governance.sampling_rates import read_rates

ROWS = 4
"""Rules of one form; the label planner may set more."""

_NOT_NAMED = [("", "any")]


def _share(**more: Any) -> forms.DecimalField:
    return forms.DecimalField(min_value=0, max_value=1, max_digits=5, decimal_places=4, **more)


class SamplingRuleForm(forms.Form):
    """One rule. A row without a rate is none."""

    side = forms.ChoiceField(
        label="Of what is",
        required=False,
        initial="allowed",
        choices=[("allowed", "allowed"), ("blocked", "not allowed"), ("", "decided, either way")],
    )
    confidence_from = _share(label="with a confidence from", required=False)
    confidence_below = _share(label="and below", required=False)
    key = forms.ChoiceField(
        label="and where",
        required=False,
        choices=[*_NOT_NAMED, *((key, key.replace("_", " ")) for key in sorted(SEGMENT_KEYS))],
    )
    value = forms.CharField(label="is", required=False, max_length=200)
    rate = _share(label="draw the share", required=False)

    def clean(self) -> dict[str, Any]:
        given = {name for name in self.fields if self.cleaned_data.get(name)} - {"side", "rate"}
        if self.cleaned_data.get("rate") is None and given and "rate" not in self.errors:
            raise forms.ValidationError("Give the share to draw, 0 to 1; or leave the row blank.")
        if ("key" in given) is not ("value" in given):
            raise forms.ValidationError("Name both what the decisions carry and its value, or neither.")
        return self.cleaned_data

    def as_json(self) -> dict[str, Any] | None:
        """Return the rule, None for a blank row."""
        cleaned = self.cleaned_data
        if cleaned.get("rate") is None:
            return None
        numbers = {"from": cleaned["confidence_from"], "below": cleaned["confidence_below"], "rate": cleaned["rate"]}
        said = {name: float(number) for name, number in numbers.items() if number is not None}
        match = {cleaned["key"]: cleaned["value"]} if cleaned["key"] else {}
        return {**said, "side": cleaned["side"], "match": match}


class SamplingForm(ControlForm):
    """How much is sampled."""

    policy_key = forms.ChoiceField(
        choices=lambda: [(definition.key, definition.title) for definition in all_definitions()]
    )
    rate = _share(
        label="Share of what is blocked",
        initial=Decimal(0),
        help_text="0 to 1. It holds for what is not allowed and no rule below speaks of.",
    )
    field_order = ("workspace", "policy_key", "rate", "reason")
    rows_title = "Rules"
    rows_help = (
        "Other shares, on either side of the thresholds. The first rule that covers a decision gives its share: 0.05 "
        "of what is allowed with a confidence from 0.9 is one in twenty. A row without a share is none."
    )

    def __init__(self, data: Any, workspaces: QuerySet[Workspace]) -> None:
        super().__init__(data, workspaces)
        made: type[BaseFormSet[SamplingRuleForm]] = formset_factory(SamplingRuleForm, extra=ROWS)
        self.rows = made(data if data is None or "rules-TOTAL_FORMS" in data else NO_ROWS, prefix="rules")

    def is_valid(self) -> bool:
        # Both, so that everything that is wrong is said at once.
        return all([super().is_valid(), self.rows.is_valid()])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.rows.is_valid() and "rate" in cleaned:
            rules = [rule for row in self.rows.forms if (rule := row.as_json()) is not None]
            try:
                cleaned["rates"] = read_rates(cleaned.pop("rate"), rules)
            except InvalidInput as error:
                raise forms.ValidationError(_in_words(error)) from error
        return cleaned


NO_ROWS = {"rules-TOTAL_FORMS": "0", "rules-INITIAL_FORMS": "0"}
"""Of a form that was sent without the table: the one rate alone."""


def _in_words(error: InvalidInput) -> list[str]:
    """Name the rules by their place in the table."""
    said = []
    for problem in error.problems:
        _, kind, *place = problem.pointer.split("/")
        said.append(f"Rule {int(place[0]) + 1}: {problem.detail}." if kind == "rules" and place else problem.detail)
    return said


@admin.register(AuditSampling)
class AuditSamplingAdmin(ControlAdmin):
    """Sends a share of what is decided to people."""

    nothing_yet = "Nothing is drawn for review"
    add_title = "Draw decisions for review"
    list_display = ["policy_key", "drawn", "workspace", *ControlAdmin.started]
    adding = SamplingForm
    verbs = (
        ending(
            "stop",
            "Stop",
            "stopped",
            "Stop the selected audit sampling",
            lambda person, sampling, reason: control_services.stop_audit_sampling(
                actor=person, workspace=sampling.workspace, policy_key=sampling.policy_key, reason=reason
            ),
        ),
    )

    @admin.display(description="drawn")
    def drawn(self, sampling: AuditSampling) -> str:
        return "; ".join(sampling.rates.words)

    def in_force(self, request: HttpRequest) -> Sequence[tuple[AuditSampling, Sequence[str]]]:
        operated = workspaces_where(Verb.OPERATE, request.user)
        rows = AuditSampling.objects.in_force().filter(workspace__in=operated).select_related("workspace")
        return [(each, each.rates.words) for each in rows.order_by("workspace__name", "policy_key")]

    def add_row(self, request: HttpRequest, form: forms.Form) -> AuditSampling:
        return control_services.set_audit_sampling(actor=request.user, **form.cleaned_data)
