"""Labels of people: the rules by which decisions are given to them, known cases, and what each of them answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from confidence_project.foundation.formatting import percent
from governance.access.permissions import Verb, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.list_filters import OneWorkspaceFilter
from governance.admin_kit.scoped_admin import OperatedRows, WorkspaceFilter
from governance.admin_kit.service_views import ReasonForm, RowVerb, ServiceAdmin
from governance.definitions import all_definitions
from governance.models.controls import REASON_LENGTH
from ledger.admin.base import LedgerAdmin
from ledger.admin.label_files import LabelFiles
from ledger.admin.workbench import Workbench
from ledger.labelling.rules import set_labelling_rules, withdraw_known
from ledger.models import Judgement, KnownCase, LabellingRules, LabelSource


class RulesForm(InWorkspaceForm):
    """How decisions of a policy are given to reviewers."""

    policy_key = forms.ChoiceField(
        label="Policy", choices=lambda: [(each.key, each.title) for each in all_definitions() if each.gates_decisions]
    )
    is_blind = forms.BooleanField(
        label="Blind", required=False, initial=True, help_text="What model and gate said is shown after the answer."
    )
    due_days = forms.IntegerField(
        label="Due after (days)", min_value=1, max_value=3650, initial=7, help_text="From the decision on."
    )
    twice_share = forms.DecimalField(
        label="Answered twice",
        min_value=0,
        max_value=1,
        decimal_places=4,
        initial=0,
        help_text="Share that a second person answers, too, without seeing the first: tells how well they agree.",
    )
    known_share = forms.DecimalField(
        label="Known cases",
        min_value=0,
        max_value=1,
        decimal_places=4,
        initial=0,
        help_text="Share of what is shown whose truth is known: tells how often a reviewer errs.",
    )
    confirms_wrong = forms.BooleanField(
        label="Confirm what is wrong",
        required=False,
        help_text="A failure takes two people who say wrong, neither seeing the other; where they differ, a third.",
    )
    leaves_out_untold = forms.BooleanField(
        label="Leave out what nobody could tell",
        required=False,
        help_text="The certificate then speaks of decisions of which people can tell. Else they count as failures.",
    )
    judged_share = forms.DecimalField(
        label="A judge reads first",
        required=False,
        min_value=Decimal("0.05"),
        max_value=1,
        decimal_places=4,
        help_text="Of what a judge by machine calls right, the share that people label all the same, 0.05 to 1. All "
        "that it calls wrong they label anyway. Blank: no judge.",
    )
    label_source = forms.ChoiceField(
        label="Labels that count",
        choices=LabelSource.choices,
        help_text="In calibration. Of people: only what was drawn, and what was drawn and has no label fails. A review "
        "goes by what was set before its window began.",
    )
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=REASON_LENGTH)


@admin.register(LabellingRules)
class LabellingRulesAdmin(ServiceAdmin):
    """Set for a policy in place of the ones before."""

    nothing_yet = "No rules were set: everything is shown blind, due after 7 days, and answered once"
    list_display = [
        "policy_key", "workspace", "is_blind", "due_days", "twice_share", "known_share", "confirmed", "counted",
        "judged_share", "started_at",
    ]  # fmt: skip
    list_filter = [WorkspaceFilter, ("ended_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace"]
    exclude = ["started_by", "ended_by"]
    add_verb = Verb.OPERATE
    add_title = "Set how decisions are labelled"

    @admin.display(description="confirmed", boolean=True)
    def confirmed(self, row: LabellingRules) -> bool:
        return bool(row.confirms_wrong)

    @admin.display(description="labels that count")
    def counted(self, rules: LabellingRules) -> str:
        return str(LabelSource(rules.label_source or LabelSource.EVENTS).label)

    def in_force(self, request: HttpRequest) -> Sequence[tuple[LabellingRules, Sequence[str]]]:
        operated = workspaces_where(Verb.OPERATE, request.user)
        rows = LabellingRules.objects.in_force().filter(workspace__in=operated).select_related("workspace")
        return [(each, _in_words(each)) for each in rows.order_by("workspace__name", "policy_key")]

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return RulesForm(data, workspaces_where(Verb.OPERATE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> LabellingRules:
        return set_labelling_rules(actor=request.user, **form.cleaned_data)


def _in_words(rules: LabellingRules) -> list[str]:
    """What the rules say, in the order of the form."""
    judged = rules.judged_share
    return [
        "blind" if rules.is_blind else "what model and gate said is shown",
        f"due after {rules.due_days} days",
        f"answered twice: {percent(float(rules.twice_share))}",
        f"known cases: {percent(float(rules.known_share))}",
        "what is wrong is confirmed" if rules.confirms_wrong else "what is wrong is not confirmed",
        f"what nobody can tell {'is left out' if rules.leaves_out_untold else 'counts as a failure'}",
        "no judge" if judged is None else f"a judge reads first: {percent(float(judged))} of what it calls right",
        f"labels that count: {LabelSource(rules.label_source or LabelSource.EVENTS).label}",
    ]


@admin.register(KnownCase)
class KnownCaseAdmin(OperatedRows, ServiceAdmin):
    """Decisions whose truth is known; marked on the page of a decision. Who is measured by them does not see them."""

    nothing_yet = "No known case is yours to see. An admin marks one on the page of a decision"
    list_display = ["decision_id", "success", "policy_key", "workspace", "reason", "started_by_name", "ended_at"]
    list_filter = [WorkspaceFilter, ("ended_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace"]
    exclude = ["started_by", "ended_by", "decision"]
    verbs = (
        RowVerb(
            name="withdraw",
            label="Withdraw",
            done="withdrawn",
            verb=Verb.OPERATE,
            form=ReasonForm,
            may=lambda person, case: may(Verb.OPERATE, person, case.workspace),
            is_open=lambda case: case.ended_at is None,
            act=lambda person, case, data: withdraw_known(actor=person, case=case, reason=data["reason"]),
        ),
    )


@admin.register(Judgement)
class JudgementAdmin(OperatedRows, Workbench, LabelFiles, LedgerAdmin):
    """What each person answered about each decision."""

    nothing_yet = "No answer of a reviewer is yours to see"
    list_display = ["answered", "given", "purpose", "policy_key", "person_name", "seconds", "is_blind"]
    list_filter = [OneWorkspaceFilter]
    exclude = ["person", "outcome"]

    @admin.display(description="answered")
    def answered(self, row: Judgement) -> datetime:
        return row.at

    @admin.display(description="answer")
    def given(self, row: Judgement) -> SafeString:
        return format_html('<span class="badge">{}</span>', row.get_answer_display())
