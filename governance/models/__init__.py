"""Models of governance: workspaces and who works in them, policies and how they change, and the controls over both."""

from governance.models.controls import AuditSampling, BlockedSource, BreakGlassReview, KillSwitch
from governance.models.history import WorkspaceEvent
from governance.models.names import DeclaredName
from governance.models.policies import (
    ConfidencePolicy,
    ConfidencePolicyProposal,
    ConfidencePolicyRevision,
    ProposalEvent,
)
from governance.models.rollouts import Rollout, RolloutEvent
from governance.models.versions import GoverningVersion
from governance.models.webhooks import WebhookDelivery, WebhookEndpoint
from governance.models.workspaces import ApiKey, Membership, Workspace

__all__ = [
    "ApiKey",
    "AuditSampling",
    "BlockedSource",
    "BreakGlassReview",
    "ConfidencePolicy",
    "ConfidencePolicyProposal",
    "ConfidencePolicyRevision",
    "DeclaredName",
    "GoverningVersion",
    "KillSwitch",
    "Membership",
    "ProposalEvent",
    "Rollout",
    "RolloutEvent",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Workspace",
    "WorkspaceEvent",
]
