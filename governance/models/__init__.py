"""Models of governance: workspaces and who works in them, policies and how they change, and the controls over both."""

from governance.models.comments import ProposalComment
from governance.models.controls import AuditSampling, BlockedSource, BreakGlassReview, KillSwitch
from governance.models.desk import Preferences, SavedFilter
from governance.models.history import WorkspaceEvent
from governance.models.identities import ExternalIdentity, GroupGrant, SignIn
from governance.models.invitations import Invitation
from governance.models.names import DeclaredName
from governance.models.notices import Notice, NoticeSettings, Reminder
from governance.models.policies import (
    ConfidencePolicy,
    ConfidencePolicyProposal,
    ConfidencePolicyRevision,
    ProposalEvent,
)
from governance.models.policy_keys import PolicyKey, PolicyKeyEvent
from governance.models.retention import LegalHold, RetentionPeriod
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
    "ExternalIdentity",
    "GoverningVersion",
    "GroupGrant",
    "Invitation",
    "KillSwitch",
    "LegalHold",
    "Membership",
    "Notice",
    "NoticeSettings",
    "PolicyKey",
    "PolicyKeyEvent",
    "Preferences",
    "ProposalComment",
    "ProposalEvent",
    "Reminder",
    "RetentionPeriod",
    "Rollout",
    "RolloutEvent",
    "SavedFilter",
    "SignIn",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Workspace",
    "WorkspaceEvent",
]
