"""Policies and their history; rolling back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin

from governance.access.permissions import Verb, may
from governance.admin_kit.scoped_admin import ScopedAdmin, WorkspaceFilter
from governance.admin_kit.service_views import ReasonForm, RowVerb, ServiceAdmin
from governance.models import ConfidencePolicy, ConfidencePolicyRevision
from governance.workflow import rollback_confidence_policy_revision
from governance.workflow.review import review_rollback


def _roll_back(person: Any, revision: ConfidencePolicyRevision, data: Mapping[str, Any]) -> None:
    rollback_confidence_policy_revision(
        actor=person,
        workspace=revision.workspace,
        revision_id=revision.pk,
        reason=data["reason"],
        expected_version=data[_version_field(revision)],
    )


def _version_field(revision: ConfidencePolicyRevision) -> str:
    return f"version_seen_{revision.pk}"


@admin.register(ConfidencePolicyRevision)
class RevisionAdmin(ServiceAdmin):
    """Every change that a policy has seen."""

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
            verb=Verb.ROLL_BACK,
            form=ReasonForm,
            may=lambda person, revision: may(Verb.ROLL_BACK, person, revision.workspace),
            is_open=lambda revision: revision.policy.config != revision.config_after,
            act=_roll_back,
        ),
    )

    def facts(self, row: ConfidencePolicyRevision) -> dict[str, Any]:
        return {"review": review_rollback(row)}

    def form_for(self, verb: RowVerb, rows: list[Any], data: Any) -> forms.Form:
        """Carry the versions that the page showed, so that a policy which moved on since is noticed."""
        form = super().form_for(verb, rows, data)
        for row in rows:
            form.fields[_version_field(row)] = forms.IntegerField(widget=forms.HiddenInput, initial=row.policy.version)
        return form


@admin.register(ConfidencePolicy)
class PolicyAdmin(ScopedAdmin):
    """What is in force."""

    list_display = ["policy_key", "workspace", "version", "updated_at"]
    list_filter = [WorkspaceFilter, "policy_key"]
    list_select_related = ["workspace"]
    search_fields = ["policy_key"]
