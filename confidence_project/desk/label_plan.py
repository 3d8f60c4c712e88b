"""The page that plans labels: a form, the plan in words with its tables, and a button that sets its rates.

Asking changes nothing, so it is a GET that can be kept as a bookmark. The button sends the rule that was shown, and not
the question again: a person sets what they have read.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from calibration.planning.planning import Plan, plan_label_purchase
from calibration.planning.question import MOST_WEEKS, PlanQuestion, Target
from calibration.planning.rates import use_rates
from calibration.planning.report import plan_in_words, table_of_bands, table_of_options
from confidence_project.foundation.errors import DomainError, InvalidInput
from governance.access.permissions import Verb, may, who_may
from governance.admin_kit.scope import PARAMETER, workspace_in_view
from governance.definitions import FieldKind, all_definitions
from governance.models import Workspace
from governance.models.controls import REASON_LENGTH
from governance.sampling_rates import read_rule

_TARGETS = {
    Target.CERTIFY: "Certify the threshold that allows most",
    Target.CONFIRM: "Confirm the threshold in force",
    Target.LOOSEN: "Loosen to a lower threshold",
    Target.WATCH: "Watch what is allowed for a failure rate",
}


class PlanForm(forms.Form):
    """What is asked."""

    policy_key = forms.ChoiceField(
        label="Policy",
        choices=lambda: [
            (each.key, each.title) for each in all_definitions() if each.field_of_kind(FieldKind.CONFIDENCE_THRESHOLD)
        ],
    )
    target = forms.ChoiceField(choices=[(target.value, words) for target, words in _TARGETS.items()])
    to = forms.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        help_text="Only to loosen or to watch: the threshold, or the failure rate, from 0 to 1.",
    )
    cost = forms.FloatField(label="Cost of a label", min_value=0, help_text="In any unit, euros or minutes.")
    budget = forms.FloatField(label="Budget of a week", min_value=0, help_text="In the same unit.")
    weeks = forms.IntegerField(initial=8, min_value=1, max_value=MOST_WEEKS, help_text="For which the budget is there.")
    target_failure_rate = forms.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        help_text="What may fail of what is allowed. Blank: as the next review asks, or 0.05.",
    )
    provider = forms.CharField(required=False, max_length=200, help_text="Blank: the segment with most decisions.")
    model = forms.CharField(required=False, max_length=200)

    def question(self) -> PlanQuestion:
        """Return the question of a valid form."""
        asked = dict(self.cleaned_data)
        segment = {key: value for key in ("provider", "model") if (value := asked.pop(key))}
        return PlanQuestion(target=Target(asked.pop("target")), segment=segment, **asked)


class _RuleField(forms.JSONField):
    """JSON, of which Python refuses some with another error than Django looks for: a number of 5,000 digits, say."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except (ValueError, RecursionError):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            return super().bound_data(data, initial)
        except (ValueError, RecursionError):
            return forms.fields.InvalidJSONInput(data)


class UseForm(forms.Form):
    """The rule that was shown, and why it is set."""

    policy_key = forms.CharField(widget=forms.HiddenInput, max_length=100)
    rule = _RuleField(widget=forms.HiddenInput)
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), max_length=REASON_LENGTH)


def label_plan_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the form and the plan; on POST set its rates. `context` is the admin site's."""
    workspace = workspace_in_view(request)
    own: dict[str, Any] = {"title": "Plan labels", "workspace": workspace}
    if workspace is None or not may(Verb.PROPOSE, request.user, workspace):
        return TemplateResponse(request, "desk/label_plan.html", {**context, **own, "refusal": who_may(Verb.PROPOSE)})
    use = UseForm(request.POST) if request.method == "POST" else None
    if use is not None and use.is_valid() and _use(request, workspace, use):
        return redirect("admin:governance_auditsampling_changelist")
    asked = request.GET.keys() - {PARAMETER}
    form = PlanForm(request.GET if asked else None)
    plan = _plan(request, workspace, form) if asked and form.is_valid() else None
    if plan is not None:
        shown = {"policy_key": plan.question.policy_key, "rule": plan.rule.as_json()}
        own |= {
            "words": plan_in_words(plan),
            "tables": {"What is drawn": table_of_bands(plan), "Fewer labels, or more": table_of_options(plan)},
            "use": use or UseForm(initial=shown),
            "may_set": may(Verb.OPERATE, request.user, workspace),
            "who_may_set": who_may(Verb.OPERATE),
        }
    return TemplateResponse(request, "desk/label_plan.html", {**context, **own, "form": form})


def _plan(request: HttpRequest, workspace: Workspace, form: PlanForm) -> Plan | None:
    try:
        return plan_label_purchase(workspace=workspace, question=form.question(), actor=request.user)
    except DomainError as error:
        form.add_error(_field(form, error), error.detail)
        return None


def _field(form: PlanForm, error: DomainError) -> str | None:
    """Return the field of the form that an error names."""
    named = [problem.pointer.removeprefix("/") for problem in error.problems] if isinstance(error, InvalidInput) else []
    return next((name for name in named if name in form.fields), None)


def _use(request: HttpRequest, workspace: Workspace, form: UseForm) -> bool:
    asked = form.cleaned_data
    try:
        rule = read_rule(asked["rule"], "/rule")
        use_rates(
            actor=request.user,
            workspace=workspace,
            policy_key=asked["policy_key"],
            rule=rule,
            reason=asked["reason"],
        )
    except DomainError as error:
        form.add_error(None, error.detail)
        return False
    messages.success(request, "The rates of the plan are drawn by from now on.")
    return True
