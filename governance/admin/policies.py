"""Policies and their history; rolling back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from governance.access.permissions import Verb, may
from governance.admin.acknowledging import BOX, acknowledgement
from governance.admin_kit.scoped_admin import ScopedAdmin, WorkspaceFilter
from governance.admin_kit.service_views import ReasonForm, RowVerb, ServiceAdmin
from governance.models import ConfidencePolicy, ConfidencePolicyRevision
from governance.workflow import rollback_confidence_policy_revision
from governance.workflow.review import loosens, real_changes, review_rollback, values_in_force


def _roll_back(person: Any, revision: ConfidencePolicyRevision, data: Mapping[str, Any]) -> None:
    rollback_confidence_policy_revision(
        actor=person,
        workspace=revision.workspace,
        revision_id=revision.pk,
        reason=data["reason"],
        expected_version=data[_version_field(revision)],
        acknowledge_uncertified=data.get(BOX, False),
    )


def _version_field(revision: ConfidencePolicyRevision) -> str:
    return f"version_seen_{revision.pk}"


@admin.register(ConfidencePolicyRevision)
class RevisionAdmin(ServiceAdmin):
    """Every change that a policy has seen."""

    change_form_template = "admin/governance/revision.html"
    nothing_yet = "No policy was ever changed"
    list_display = ["policy_key", "workspace", "version", "action", "actor_name", "created_at", "break_glass"]
    list_filter = [WorkspaceFilter, "action", "policy_key", "break_glass"]
    list_select_related = ["workspace"]
    search_fields = ["policy_key", "actor_name"]
    date_hierarchy = "created_at"
    exclude = ["actor"]
    verbs = (
        RowVerb(
            name="roll-back",
            label="Roll back to this",
            done="brought back",
            bulk="Roll back to the selected versions",
            verb=Verb.ROLL_BACK,
            form=ReasonForm,
            may=lambda person, revision: may(Verb.ROLL_BACK, person, revision.workspace),
            is_open=lambda revision: revision.policy.config != revision.config_after,
            act=_roll_back,
        ),
    )

    def landing(self, verb: RowVerb, row: ConfidencePolicyRevision) -> str:
        """Lead to the policy, whose page says what is in force now: the revision is what was brought back."""
        return reverse("admin:governance_confidencepolicy_change", args=[row.policy_id])

    def why_not_now(self, person: Any, verb: RowVerb, row: ConfidencePolicyRevision) -> str:
        return f"What version {row.version} had is in force: there is nothing to go back to."

    def facts(self, row: ConfidencePolicyRevision) -> dict[str, Any]:
        return {"review": review_rollback(row)}

    def form_for(self, verb: RowVerb, rows: list[Any], data: Any) -> forms.Form:
        """Carry the versions that the page showed, so that a policy which moved on since is noticed; ask for a yes to
        what is looser.
        """
        form = super().form_for(verb, rows, data)
        for row in rows:
            form.fields[_version_field(row)] = forms.IntegerField(widget=forms.HiddenInput, initial=row.policy.version)
        if any(loosens(row.policy_key, row.policy.config, row.config_after) for row in rows):
            form.fields[BOX] = acknowledgement()
        return form


def _compared(revisions: Sequence[ConfidencePolicyRevision], chosen: Mapping[str, str]) -> dict[str, Any] | None:
    """Compare the two versions that `from` and `to` of the address name; without them the last two."""
    if len(revisions) < 2:
        return None
    by_version = {str(revision.version): revision for revision in revisions}
    after = by_version.get(chosen.get("to", ""), revisions[0])
    before = by_version.get(chosen.get("from", ""), revisions[1])
    changes = real_changes(after.policy_key, before.config_after, after.config_after)
    return {"before": before, "after": after, "changes": changes}


@admin.register(ConfidencePolicy)
class PolicyAdmin(ScopedAdmin):
    """What is in force."""

    nothing_yet = "No policy was ever changed: the defaults hold"
    list_display = ["policy_key", "workspace", "version", "updated_at"]
    list_filter = [WorkspaceFilter, "policy_key"]
    list_select_related = ["workspace"]
    search_fields = ["policy_key"]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        policy = self.get_object(request, unquote(object_id))
        context = {**(extra_context or {})}
        if policy is not None:
            revisions = list(policy.revisions.select_related("proposal"))
            context |= {
                "values": values_in_force(policy),
                "revisions": revisions,
                "pair": _compared(revisions, request.GET),
            }
        return super().change_view(request, object_id, form_url, context)
