"""The histories that governance keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from governance.access.permissions import Verb
from governance.audit.sources import SOURCES, Source, rows_in, sources_of_control
from governance.models import (
    AuditSampling,
    BlockedSource,
    BreakGlassReview,
    ConfidencePolicyRevision,
    KillSwitch,
    LegalHold,
    Membership,
    PolicyKey,
    PolicyKeyEvent,
    ProposalComment,
    ProposalEvent,
    RetentionPeriod,
    RolloutEvent,
    SignIn,
    Workspace,
    WorkspaceEvent,
)

CONTROLS: Mapping[type[Any], str] = {
    KillSwitch: "Switches and blocks",
    BlockedSource: "Switches and blocks",
    AuditSampling: "Audit sampling",
    BreakGlassReview: "Reviews of emergencies",
    RetentionPeriod: "Retention and legal holds",
    LegalHold: "Retention and legal holds",
}


def register_own_histories() -> None:
    """Put what governance keeps among the sources."""
    for key, source in _OWN.items():
        SOURCES.register(source, key)
    for model, title in CONTROLS.items():
        for key, source in sources_of_control(model, title):
            SOURCES.register(source, key)


def _sign_ins_of_members(workspace: Workspace) -> QuerySet[SignIn]:
    members = Membership.objects.in_workspace(workspace).values("user_id")
    return SignIn.objects.filter(actor_id__in=members)


def _step(kind: str, row: Any) -> str:
    said = f"{kind}: {row.verb.replace('_', ' ')}"
    return f"{said} (break-glass)" if row.break_glass else said


_OWN = {
    "governance.workspace": Source(
        title="Workspace, people and keys",
        rows=rows_in(WorkspaceEvent),
        at="at",
        who="actor_name",
        what=lambda row: row.get_kind_display(),
        about=lambda row: row.subject,
    ),
    "governance.proposal": Source(
        title="Proposals",
        rows=rows_in(ProposalEvent, "proposal"),
        at="at",
        who="actor_name",
        what=lambda row: _step("Proposal", row),
        about=lambda row: f"proposal {row.proposal_id} of {row.proposal.policy_key}",
        page=lambda row: row.proposal,
    ),
    "governance.comment": Source(
        title="Proposals",
        rows=rows_in(ProposalComment, "proposal"),
        at="at",
        who="actor_name",
        what=lambda row: "Proposal: comment",
        about=lambda row: f"proposal {row.proposal_id} of {row.proposal.policy_key}",
        page=lambda row: row.proposal,
    ),
    "governance.revision": Source(
        title="Policies in force",
        rows=rows_in(ConfidencePolicyRevision),
        at="created_at",
        who="actor_name",
        what=lambda row: row.get_action_display(),
        about=lambda row: f"{row.policy_key}, version {row.version}",
    ),
    "governance.rollout": Source(
        title="Rollouts",
        rows=rows_in(RolloutEvent, "rollout"),
        at="at",
        who="actor_name",
        what=lambda row: _step("Rollout", row),
        about=lambda row: f"proposal {row.rollout.proposal_id}, share {row.share.normalize():f}",
    ),
    "governance.policy_key": Source(
        title="Policy keys",
        rows=lambda workspace: PolicyKey.objects.all(),  # they hold for every workspace
        at="at",
        who="actor_name",
        what=lambda row: "Policy key: proposed",
        about=str,
    ),
    "governance.policy_key_event": Source(
        title="Policy keys",
        rows=lambda workspace: PolicyKeyEvent.objects.select_related("proposed"),
        at="at",
        who="actor_name",
        what=lambda row: f"Policy key: {row.verb}",
        about=lambda row: row.policy_key,
        page=lambda row: row.proposed,
    ),
    "governance.sign_in": Source(
        title="Sign-ins of members",
        rows=_sign_ins_of_members,
        at="at",
        who="actor_name",
        what=lambda row: "Signed in",
        about=lambda row: row.get_method_display().lower() + (", second factor" if row.second_factor else ""),
        verb=Verb.OPERATE,
    ),
}
