"""Proposals: read, approved, rejected, applied."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from confidence_project.foundation.errors import DomainError, UnknownPolicyKey
from governance.access.permissions import Verb, may, workspaces_where
from governance.admin.acknowledging import BOX, acknowledgement
from governance.admin.proposing import PolicyForm, ProposalForm
from governance.admin.rollouts import ROLLOUT_VERBS
from governance.admin_kit.scoped_admin import ScopedAdmin, WorkspaceFilter
from governance.admin_kit.service_views import OptionalReasonForm, ReasonForm, RowVerb, ServiceAdmin
from governance.definitions import get_definition
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision, ProposalEvent, Workspace
from governance.models.comments import COMMENT_LENGTH
from governance.policies.stored import stored_policy
from governance.selectors import latest_rollout
from governance.workflow import (
    TRANSITIONS,
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    propose_confidence_policy,
    reject_confidence_policy_proposal,
)
from governance.workflow.commenting import comment_on_proposal
from governance.workflow.consequences import Backtest, backtest_of, flips_of
from governance.workflow.evidence import readable_evidence_of
from governance.workflow.review import is_uncertified, review_proposal
from governance.workflow.wording import headline, state_in_words


class ApplyForm(OptionalReasonForm):
    """Application; the box is there where nothing bears a loosening out."""

    acknowledge_uncertified = acknowledgement()


class ApproveForm(forms.Form):
    """Approval; a box is there when a step is large, and where nothing bears a loosening out."""

    acknowledge_large_step = forms.BooleanField(
        required=False, label="I have seen that a value moves further than the largest usual step."
    )
    acknowledge_uncertified = acknowledgement()


class CommentForm(forms.Form):
    """What to say."""

    text = forms.CharField(
        label="Comment",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=COMMENT_LENGTH,
        help_text="Everybody in the workspace reads it, and nobody takes it back.",
    )


def _verb(name: str, verb: Verb, form: type[forms.Form], act: Any) -> RowVerb:
    rule = TRANSITIONS[name]
    return RowVerb(
        name=name,
        label=verb.capitalize(),
        done=rule.done,
        bulk=f"{verb.capitalize()} the selected proposals",
        verb=verb,
        form=form,
        may=lambda person, proposal: may(verb, person, proposal.workspace, proposal),
        is_open=lambda proposal: proposal.effective_status in rule.sources,
        act=lambda person, proposal, data: act(
            actor=person, workspace=proposal.workspace, proposal_id=proposal.pk, **data
        ),
    )


def _backtest(proposal: ConfidencePolicyProposal) -> Backtest | None:
    try:
        return backtest_of(proposal)
    except DomainError:
        # The review of the same page says what is wrong with a config; a policy of budgets has no decisions.
        return None


def _gates_decisions(policy_key: str) -> bool:
    try:
        return get_definition(policy_key).gates_decisions
    except UnknownPolicyKey:
        return False


class StatusFilter(admin.SimpleListFilter):
    """Filter by the status that the list shows, in which what has expired is expired, marked or not."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return ConfidencePolicyProposal.Status.choices

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.with_status(self.value()) if self.value() else queryset


@admin.register(ConfidencePolicyProposal)
class ProposalAdmin(ServiceAdmin):
    """Changes of policies on their way."""

    nothing_yet = "Nothing was proposed yet"
    add_title = "Propose a change"
    list_display = ["what", "workspace", "state", "origin", "created_at", "author_name"]
    list_filter = [WorkspaceFilter, StatusFilter, "origin", "policy_key"]
    list_select_related = ["workspace"]
    search_fields = ["title", "policy_key", "author_name"]
    date_hierarchy = "created_at"
    change_form_template = "admin/governance/proposal.html"
    exclude = ["evidence", "author", "approver", "rejecter", "applier"]
    add_verb = Verb.PROPOSE
    verbs = (
        _verb("approve", Verb.APPROVE, ApproveForm, approve_confidence_policy_proposal),
        _verb("reject", Verb.REJECT, ReasonForm, reject_confidence_policy_proposal),
        *ROLLOUT_VERBS,
        _verb("apply", Verb.APPLY, ApplyForm, apply_confidence_policy_proposal),
        RowVerb(
            name="comment",
            label="Comment",
            done="commented on",
            verb=Verb.SEE,
            form=CommentForm,
            may=lambda person, proposal: may(Verb.SEE, person, proposal.workspace),
            is_open=lambda proposal: True,
            act=lambda person, proposal, data: comment_on_proposal(
                actor=person, workspace=proposal.workspace, proposal_id=proposal.pk, **data
            ),
        ),
    )

    @admin.display(description="would", ordering="title")
    def what(self, proposal: ConfidencePolicyProposal) -> SafeString:
        return format_html("{} <small>proposal {}</small>", headline(proposal), proposal.pk)

    @admin.display(description="status", ordering="status")
    def state(self, proposal: ConfidencePolicyProposal) -> SafeString:
        status = proposal.effective_status
        badge = format_html('<span class="badge {}">{}</span>', status.lower(), status.label)
        is_certified = not is_uncertified(proposal)
        return badge if is_certified else format_html('{} <span class="badge warn">not certified</span>', badge)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the policy first; its values are the form."""
        chosen = PolicyForm(request.GET or None, workspaces_where(Verb.PROPOSE, request.user))
        if not self.has_add_permission(request) or chosen.is_valid():
            return super().add_view(request, form_url, extra_context)
        context = {"form": chosen, "back": self._list(), "method": "get"}
        return self._page(request, "admin/governance/add.html", "Propose a change: which policy?", context)

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        workspace, policy_key = self._chosen(request)
        _, in_force = stored_policy(workspace, policy_key)
        return ProposalForm(data, workspace, get_definition(policy_key), in_force)

    def add_row(self, request: HttpRequest, form: forms.Form) -> ConfidencePolicyProposal:
        assert isinstance(form, ProposalForm)  # noqa: S101 - narrows the type: `add_form` made it
        workspace, policy_key = self._chosen(request)
        data = form.cleaned_data
        return propose_confidence_policy(
            actor=request.user,
            workspace=workspace,
            policy_key=policy_key,
            title=data["title"],
            rationale=data["rationale"],
            config=form.config(),
            acknowledge_large_step=data["acknowledge_large_step"],
        )

    def _chosen(self, request: HttpRequest) -> tuple[Workspace, str]:
        chosen = PolicyForm(request.GET, workspaces_where(Verb.PROPOSE, request.user))
        chosen.full_clean()
        return chosen.cleaned_data["workspace"], chosen.cleaned_data["policy_key"]

    def why_not_now(self, person: Any, verb: RowVerb, row: ConfidencePolicyProposal) -> str:
        return state_in_words(row, person)

    def get_urls(self) -> list[URLPattern]:
        own = self.admin_site.admin_view(self.backtest_view)
        name = "governance_confidencepolicyproposal_backtest"
        return [path("<int:pk>/backtest/", own, name=name), *super().get_urls()]

    def backtest_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give the backtest by itself: it reads every decision of its window, and the page does not wait for it."""
        proposal = self.get_object(request, str(pk))
        found = _backtest(proposal) if proposal is not None and proposal.is_open else None
        if found is None:
            raise Http404
        return TemplateResponse(request, "admin/governance/_backtest.html", {"backtest": found})

    def facts(self, row: ConfidencePolicyProposal) -> dict[str, Any]:
        rollout = latest_rollout(row)
        can_be_replayed = row.is_open and _gates_decisions(row.policy_key)
        return {
            "evidence": readable_evidence_of(row),
            "revisions": ConfidencePolicyRevision.objects.in_workspace(row.workspace)
            .filter(policy_key=row.policy_key)
            .select_related("proposal"),
            "review": review_proposal(row),
            "events": row.events.all(),
            "comments": row.comments.all(),
            "superseded": row.superseded.all(),
            "rollout": rollout,
            "flips": flips_of(rollout) if rollout else None,
            "can_be_replayed": can_be_replayed,
            # Counted only where a page shows it.
            "backtest": partial(_backtest, row) if can_be_replayed else None,
        }

    def form_for(self, verb: RowVerb, rows: list[Any], data: Any) -> forms.Form:
        form = super().form_for(verb, rows, data)
        boxes = {
            "acknowledge_large_step": lambda row: review_proposal(row).has_large_step,
            BOX: is_uncertified,
        }
        for name in boxes.keys() & form.fields.keys():
            if not any(boxes[name](row) for row in rows):
                del form.fields[name]
        return form


STEPS = {"open": "Opened", **{name: rule.done.capitalize() for name, rule in TRANSITIONS.items()}}
"""The steps of a proposal, in the words of its statuses."""


class StepFilter(admin.SimpleListFilter):
    """Filter by the step, in the same words as the list."""

    title = "step"
    parameter_name = "verb"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(STEPS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[ProposalEvent]) -> QuerySet[ProposalEvent]:
        return queryset.filter(verb=self.value()) if self.value() else queryset


@admin.register(ProposalEvent)
class ProposalEventAdmin(ScopedAdmin):
    """What happened to proposals."""

    nothing_yet = "Nothing was proposed yet"
    ordering: ClassVar = ["-id"]
    list_display = ["at", "proposal", "step", "workspace", "actor_name", "break_glass"]
    list_filter = [WorkspaceFilter, StepFilter, "break_glass"]
    list_select_related = ["workspace", "proposal"]
    fields = ("proposal", "step", "workspace", "at", "actor_name", "reason", "break_glass", "acknowledged_uncertified")
    readonly_fields = fields

    @admin.display(description="step", ordering="verb")
    def step(self, event: ProposalEvent) -> str:
        return STEPS.get(event.verb, event.verb)
