"""Rollouts: the buttons on the page of a proposal, and what was done."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin

from governance.access.permissions import Verb, may
from governance.admin.acknowledging import BOX, acknowledgement
from governance.admin_kit.scoped_admin import ScopedAdmin, WorkspaceFilter
from governance.admin_kit.service_views import OptionalReasonForm, ReasonForm, RowVerb
from governance.models import ConfidencePolicyProposal, Rollout, RolloutEvent
from governance.selectors import latest_rollout
from governance.workflow import set_canary_share, start_rollout, withdraw_rollout


class CanaryForm(OptionalReasonForm):
    """How many cases the proposal is to decide; the box is there where nothing bears a loosening out."""

    share = forms.DecimalField(
        max_digits=5,
        decimal_places=4,
        help_text="Share of the cases that the proposal decides from now on, for example 0.05. It can only be raised.",
    )
    acknowledge_uncertified = acknowledgement()
    field_order = ["share", "reason", BOX]


def _is_on_trial(proposal: ConfidencePolicyProposal) -> bool:
    rollout = latest_rollout(proposal)
    return rollout is not None and rollout.is_active


def _can_start(proposal: ConfidencePolicyProposal) -> bool:
    return proposal.effective_status == ConfidencePolicyProposal.Status.APPROVED and not _is_on_trial(proposal)


def _on_proposal(act: Any) -> Any:
    return lambda person, proposal, data: act(
        actor=person, workspace=proposal.workspace, proposal_id=proposal.pk, **data
    )


ROLLOUT_VERBS = (
    RowVerb(
        name="shadow",
        label="Set to shadow",
        done="set to shadow",
        verb=Verb.ROLL_OUT,
        form=OptionalReasonForm,
        may=lambda person, proposal: may(Verb.ROLL_OUT, person, proposal.workspace),
        is_open=_can_start,
        act=_on_proposal(start_rollout),
    ),
    RowVerb(
        name="canary",
        label="Set the canary's share",
        done="set to a share of the cases",
        verb=Verb.ROLL_OUT,
        form=CanaryForm,
        may=lambda person, proposal: may(Verb.ROLL_OUT, person, proposal.workspace, proposal),
        is_open=_is_on_trial,
        act=_on_proposal(set_canary_share),
    ),
    RowVerb(
        name="withdraw",
        label="Withdraw the rollout",
        done="withdrawn from rollout",
        verb=Verb.ROLL_OUT,
        form=ReasonForm,
        may=lambda person, proposal: may(Verb.ROLL_OUT, person, proposal.workspace),
        is_open=_is_on_trial,
        act=_on_proposal(withdraw_rollout),
    ),
)


@admin.register(Rollout)
class RolloutAdmin(ScopedAdmin):
    """Proposals in rollout, now and before."""

    nothing_yet = "No proposal was ever tried out"
    list_display = ["policy_key", "workspace", "proposal", "status", "share", "started_at", "ended_at"]
    list_filter = [WorkspaceFilter, "status", "policy_key"]
    list_select_related = ["workspace", "proposal"]


@admin.register(RolloutEvent)
class RolloutEventAdmin(ScopedAdmin):
    """What happened to rollouts."""

    nothing_yet = "No proposal was ever tried out"
    ordering: ClassVar = ["-id"]
    list_display = ["at", "rollout", "step", "share", "workspace", "actor_name"]
    list_filter = [WorkspaceFilter, "to_status"]
    list_select_related = ["workspace", "rollout"]
    fields = ("rollout", "step", "share", "workspace", "at", "actor_name", "reason", "break_glass")
    readonly_fields = fields

    @admin.display(description="step", ordering="to_status")
    def step(self, event: RolloutEvent) -> str:
        return str(Rollout.Status(event.to_status).label)
