"""When policies may be loosened: calendars of reviews, reviews that were held, and candidates."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from calibration.admin.engines import EngineField, engines_of
from calibration.candidates.looking import conclude_candidate, explain, look_at_candidate
from calibration.candidates.registering import register_candidate, withdraw_candidate
from calibration.findings import wording
from calibration.models import Candidate, HeldReview, ReviewCalendar
from calibration.parameters import known_segment_keys
from calibration.reviews.calendar import outlook
from calibration.reviews.judging import review_of
from calibration.reviews.setting import set_review_calendar
from confidence_project.foundation.formatting import segment
from governance.access.permissions import Verb, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import ScopedAdmin, WorkspaceFilter
from governance.admin_kit.service_views import ReasonForm, RowVerb, ServiceAdmin
from governance.definitions import SEGMENT_KEYS, all_definitions
from governance.models import Workspace
from governance.models.controls import REASON_LENGTH


def _reason() -> forms.CharField:
    return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=REASON_LENGTH)


class CalendarForm(InWorkspaceForm):
    """When the reviews are, and what they ask."""

    policy_key = forms.ChoiceField(choices=lambda: [(each.key, each.title) for each in all_definitions()])
    reviews_a_year = forms.IntegerField(initial=4, min_value=1)
    opening_on = forms.DateField(required=False, help_text="Of the first review, UTC, like 2026-04-01.")
    opening_decisions = forms.IntegerField(
        required=False,
        min_value=1,
        help_text="Or: the first review is over so many decisions, or over the first imported file. Neither: the dates "
        "go on from the opening before.",
    )
    window_days = forms.IntegerField(required=False, min_value=1, help_text="Blank: as for a run.")
    maturity_days = forms.FloatField(required=False, min_value=0, help_text="Blank: as for a run.")
    target_failure_rate = forms.FloatField(initial=0.05, min_value=0, max_value=1)
    risk_confidence = forms.FloatField(
        initial=0.95, min_value=0, max_value=1, help_text="That nothing is loosened wrongly in any 365 days."
    )
    candidate_share = forms.FloatField(
        initial=0.2, min_value=0, max_value=1, help_text="Of the rest to 1, what is kept for candidates."
    )
    segment_by = forms.MultipleChoiceField(
        required=False,
        initial=("provider", "model"),
        choices=lambda: [(key, key) for key in known_segment_keys()],
        widget=forms.CheckboxSelectMultiple,
    )
    looks_for_band = forms.BooleanField(
        required=False,
        help_text="Look for a confidence ceiling, too: for models that are most wrong where they claim certainty. It "
        "costs coverage where no ceiling is needed.",
    )
    engine = EngineField(
        help_text="Where decisions are counted; its mapping says when they and their outcomes were recorded. Blank: in "
        "the ledger."
    )
    reason = _reason()

    def __init__(self, data: Any, workspaces: QuerySet[Workspace]) -> None:
        super().__init__(data, workspaces)
        self.fields["engine"].queryset = engines_of(workspaces)  # type: ignore[attr-defined]


class CandidateForm(InWorkspaceForm):
    """A threshold to be watched."""

    policy_key = forms.ChoiceField(
        choices=lambda: [(each.key, each.title) for each in all_definitions() if each.gates_decisions]
    )
    threshold = forms.FloatField(min_value=0, max_value=1, help_text="Below the one in force.")
    reason = _reason()

    def __init__(self, data: Any, workspaces: QuerySet[Workspace]) -> None:
        super().__init__(data, workspaces)
        for key in SEGMENT_KEYS:
            self.fields[key] = forms.CharField(required=False, max_length=200, help_text="Blank: any.")

    def match(self) -> dict[str, str]:
        """Return the segment."""
        return {key: self.cleaned_data[key] for key in SEGMENT_KEYS if self.cleaned_data[key]}


@admin.register(ReviewCalendar)
class ReviewCalendarAdmin(ServiceAdmin):
    """What was set, and when; the newest of a policy holds."""

    nothing_yet = "No calendar was set: each policy has four reviews a year"
    list_display = ["policy_key", "workspace", "reviews_a_year", "outlook_now", "set_at", "set_by_name"]
    list_filter = [WorkspaceFilter, "policy_key"]
    list_select_related = ["workspace"]
    exclude = ["set_by"]
    readonly_fields = ["outlook_now"]
    add_verb = Verb.OPERATE
    add_title = "Set a calendar of reviews"

    @admin.display(description="next")
    def outlook_now(self, calendar: ReviewCalendar) -> str:
        return wording.calendar(review_of(outlook(calendar.workspace, calendar.policy_key, timezone.now())).as_json())

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return CalendarForm(data, workspaces_where(Verb.OPERATE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> ReviewCalendar:
        return set_review_calendar(actor=request.user, **form.cleaned_data)


@admin.register(HeldReview)
class HeldReviewAdmin(ScopedAdmin):
    """The ledger of levels."""

    nothing_yet = "No review was held yet"
    list_display = ["policy_key", "workspace", "on", "level", "run", "at"]
    list_filter = [WorkspaceFilter, "policy_key"]
    list_select_related = ["workspace", "run__workspace"]


def _verb(name: str, label: str, done: str, act: Any, **options: Any) -> RowVerb:
    return RowVerb(
        name=name,
        label=label,
        done=done,
        verb=Verb.PROPOSE,
        may=lambda person, candidate: may(Verb.PROPOSE, person, candidate.workspace),
        is_open=lambda candidate: not hasattr(candidate, "end"),
        act=act,
        **options,
    )


@admin.register(Candidate)
class CandidateAdmin(ServiceAdmin):
    """Thresholds that are watched, and how far their evidence is."""

    nothing_yet = "No candidate was registered yet"
    list_display = ["__str__", "where", "workspace", "level", "state", "registered_at", "registered_by_name"]
    list_filter = [WorkspaceFilter, "policy_key"]
    list_select_related = ["workspace", "end"]
    exclude = ["registered_by"]
    change_form_template = "admin/calibration/candidate/change_form.html"
    add_verb = Verb.PROPOSE
    add_title = "Register a candidate"
    verbs = (
        _verb(
            "look",
            "Look",
            "looked at",
            lambda person, candidate, data: conclude_candidate(candidate),
            bulk="Look at the selected candidates",
        ),
        _verb(
            "withdraw",
            "Withdraw",
            "withdrawn",
            lambda person, row, data: withdraw_candidate(actor=person, candidate=row, reason=data["reason"]),
            form=ReasonForm,
            bulk="Withdraw the selected candidates",
        ),
    )

    @admin.display(description="segment")
    def where(self, candidate: Candidate) -> str:
        return segment(candidate.segment)

    @admin.display
    def state(self, candidate: Candidate) -> str:
        return str(candidate.end) if hasattr(candidate, "end") else "open"

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return CandidateForm(data, workspaces_where(Verb.PROPOSE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> Candidate:
        assert isinstance(form, CandidateForm)  # noqa: S101 - narrows the type: `add_form` made it
        data = form.cleaned_data
        return register_candidate(
            actor=request.user,
            workspace=data["workspace"],
            policy_key=data["policy_key"],
            threshold=data["threshold"],
            reason=data["reason"],
            match=form.match(),
        )

    def facts(self, row: Candidate) -> dict[str, Any]:
        look = look_at_candidate(row)
        way = list(zip(look.days, look.evidence.log_e_values.tolist(), strict=True))
        return {"look": look, "words": explain(look), "way": way[-30:]}
