"""What governs decisions, as leaves: policies with their proposals, rollouts, controls, and changes of workspaces.

A row that changes gives a leaf for each thing that is final: what a proposal proposes, and its transitions beside it;
how a control began, and how it ended.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance.models import (
    AuditSampling,
    BlockedSource,
    BreakGlassReview,
    ConfidencePolicyProposal,
    ConfidencePolicyRevision,
    KillSwitch,
    LegalHold,
    PolicyKey,
    PolicyKeyEvent,
    ProposalEvent,
    RetentionPeriod,
    Rollout,
    RolloutEvent,
    WorkspaceEvent,
)
from governance.models.controls import Control
from ledger.transparency.kinds import Kind


def columns_of(model: type, *left_out: str) -> tuple[str, ...]:
    """Return the attributes of a table whose rows never change, without those that are named."""
    return tuple(field.attname for field in model._meta.concrete_fields if field.attname not in left_out)  # type: ignore[attr-defined]


def of_control(model: type[Control], *own: str, later: Mapping[str, int] | None = None) -> tuple[Kind, Kind]:
    """Return the kinds of a control's beginning and of its end.

    `own` are columns beside those of every control; `later` those that came with a later version.
    """
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in model.__name__).lstrip("_")
    begun = ("id", "workspace_id", "policy_key", "reason", "started_at", "started_by_name")
    ended = ("id", "workspace_id", "policy_key", "ended_at", "ended_by_name", "end_reason")
    return (
        Kind(name, model, "started_at", (*begun, *own, *(later or ())), later or {}),
        Kind(f"{name}_end", model, "ended_at", ended, condition="t.ended_at IS NOT NULL"),
    )


def _written_once(model: type[ConfidencePolicyProposal] | type[Rollout]) -> tuple[str, ...]:
    return ("id", *(model._meta.get_field(name).attname for name in model.written_once))  # type: ignore[union-attr]


PROPOSALS = Kind("proposal", ConfidencePolicyProposal, "created_at", _written_once(ConfidencePolicyProposal))
PROPOSAL_EVENTS = Kind("proposal_event", ProposalEvent, "at", columns_of(ProposalEvent))
REVISIONS = Kind("revision", ConfidencePolicyRevision, "created_at", columns_of(ConfidencePolicyRevision))

OF_GOVERNANCE = (
    PROPOSALS,
    PROPOSAL_EVENTS,
    REVISIONS,
    Kind("rollout", Rollout, "started_at", _written_once(Rollout)),
    Kind("rollout_event", RolloutEvent, "at", columns_of(RolloutEvent)),
    Kind("policy_key", PolicyKey, "at", columns_of(PolicyKey)),
    Kind("policy_key_event", PolicyKeyEvent, "at", columns_of(PolicyKeyEvent)),
    Kind("workspace_event", WorkspaceEvent, "at", columns_of(WorkspaceEvent)),
    *of_control(KillSwitch),
    *of_control(BlockedSource, "kind", "value"),
    *of_control(AuditSampling, "rate", later={"rules": 2}),
    *of_control(BreakGlassReview, "revision_id", "rollout_event_id"),
    *of_control(RetentionPeriod, "days"),
    *of_control(LegalHold),
)
