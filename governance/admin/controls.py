"""Kill switches, blocked sources and break-glass reviews: put in force and ended through services."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from governance.access.permissions import Verb, may, may_close_review, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm, OfferingInput
from governance.admin_kit.scoped_admin import WorkspaceFilter
from governance.admin_kit.service_views import ReasonForm, RowVerb, ServiceAdmin
from governance.controls import services as control_services
from governance.controls.consequences import of_block, of_kill_switch
from governance.controls.seen import seen_names
from governance.definitions import all_definitions, title_of
from governance.models import BlockedSource, BreakGlassReview, KillSwitch, Workspace
from governance.models.controls import REASON_LENGTH, Control


def _policy_keys() -> list[tuple[str, str]]:
    return [("", "The whole workspace"), *((definition.key, definition.title) for definition in all_definitions())]


class ControlForm(InWorkspaceForm):
    """Where and why."""

    policy_key = forms.ChoiceField(required=False, choices=_policy_keys)
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=REASON_LENGTH)


class BlockForm(ControlForm):
    """What is blocked; the names that decisions carry are offered."""

    kind = forms.ChoiceField(choices=BlockedSource.Kind.choices)
    value = forms.CharField(
        max_length=200,
        label="Name",
        help_text="Of the provider or the model, letter by letter as records carry it. What was seen is offered.",
        widget=OfferingInput,
    )

    def __init__(self, data: Any, workspaces: QuerySet[Workspace]) -> None:
        super().__init__(data, workspaces)
        self.fields["value"].widget.offered = [
            (name, f"{label}, {workspace.name}")
            for workspace in workspaces[:MOST_WORKSPACES]
            for kind, label in BlockedSource.Kind.choices
            for name in seen_names(workspace, kind)
        ]


MOST_WORKSPACES = 20
"""Names of so many workspaces are offered."""


def ending(name: str, label: str, done: str, bulk: str, act: Any) -> RowVerb:
    """Return the verb that ends a control, with a reason."""
    return RowVerb(
        name=name,
        label=label,
        done=done,
        bulk=bulk,
        verb=Verb.OPERATE,
        form=ReasonForm,
        may=lambda person, control: may(Verb.OPERATE, person, control.workspace),
        is_open=lambda control: control.ended_at is None,
        act=lambda person, control, data: act(person, control, data["reason"]),
    )


class ControlAdmin(ServiceAdmin):
    """What the controls have in common."""

    list_filter: ClassVar = [WorkspaceFilter, ("ended_at", admin.EmptyFieldListFilter), "policy_key"]
    list_select_related = ["workspace"]
    exclude = ["started_by", "ended_by"]
    add_verb: Verb | None = Verb.OPERATE
    adding: type[InWorkspaceForm] = ControlForm
    started = ["reason", "started_at", "started_by_name", "ended_at", "ended_by_name"]

    @admin.display(description="covers", ordering="policy_key")
    def covers(self, control: Control) -> str:
        return title_of(control.policy_key) if control.policy_key else "the whole workspace"

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return self.adding(data, workspaces_where(Verb.OPERATE, request.user))


@admin.register(KillSwitch)
class KillSwitchAdmin(ControlAdmin):
    """Blocks everything from the next call on."""

    nothing_yet = "No kill switch was ever engaged"
    add_title = "Engage a kill switch"
    list_display = ["covers", "workspace", *ControlAdmin.started]
    verbs = (
        ending(
            "release",
            "Release",
            "released",
            "Release the selected kill switches",
            lambda person, switch, reason: control_services.release_kill_switch(
                actor=person, workspace=switch.workspace, policy_key=switch.policy_key, reason=reason
            ),
        ),
    )

    def consequences(self, form: forms.Form) -> list[str]:
        return of_kill_switch(form.cleaned_data["workspace"], form.cleaned_data["policy_key"])

    def add_row(self, request: HttpRequest, form: forms.Form) -> KillSwitch:
        return control_services.engage_kill_switch(actor=request.user, **form.cleaned_data)


@admin.register(BlockedSource)
class BlockedSourceAdmin(ControlAdmin):
    """Blocks a provider or a model."""

    nothing_yet = "No provider and no model was ever blocked"
    add_title = "Block a provider or a model"
    list_display = ["kind", "value", "covers", "workspace", *ControlAdmin.started]
    search_fields = ["value"]
    adding = BlockForm
    verbs = (
        ending(
            "unblock",
            "Unblock",
            "unblocked",
            "Unblock the selected sources",
            lambda person, block, reason: control_services.unblock_source(
                actor=person,
                workspace=block.workspace,
                kind=block.kind,
                value=block.value,
                policy_key=block.policy_key,
                reason=reason,
            ),
        ),
    )

    def consequences(self, form: forms.Form) -> list[str]:
        data = form.cleaned_data
        return of_block(data["workspace"], data["kind"], data["value"])

    def add_row(self, request: HttpRequest, form: forms.Form) -> BlockedSource:
        return control_services.block_source(actor=request.user, **form.cleaned_data)


@admin.register(BreakGlassReview)
class BreakGlassReviewAdmin(ControlAdmin):
    """Emergency changes that somebody else has to look at."""

    nothing_yet = "Nothing was ever changed in an emergency"
    list_display = ["policy_key", "workspace", "revision", *ControlAdmin.started]
    list_select_related = ["workspace", "revision"]
    add_verb = None
    verbs = (
        RowVerb(
            name="close",
            label="Close the review",
            done="closed",
            bulk="Close the selected reviews",
            verb=Verb.CLOSE_REVIEW,
            form=ReasonForm,
            may=may_close_review,
            is_open=lambda review: review.ended_at is None,
            act=lambda person, review, data: control_services.close_break_glass_review(
                actor=person, review_id=review.pk, note=data["reason"]
            ),
        ),
    )
