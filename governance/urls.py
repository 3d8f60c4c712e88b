"""Routes of governance."""

from django.urls import path

from governance.api import ofrep as api
from governance.api import rollouts as rollout_api
from governance.api import workflow as workflow_api

IN_WORKSPACE = "api/v1/governance/workspaces/<slug:slug>"
PROPOSAL = f"{IN_WORKSPACE}/proposals/<int:proposal_id>"

urlpatterns = [
    path(f"{IN_WORKSPACE}/proposals", workflow_api.Proposals.as_view(), name="proposals"),
    path(PROPOSAL, workflow_api.Proposal.as_view(), name="proposal"),
    path(f"{PROPOSAL}/approve", workflow_api.Approve.as_view(), name="approve-proposal"),
    path(f"{PROPOSAL}/reject", workflow_api.Reject.as_view(), name="reject-proposal"),
    path(f"{PROPOSAL}/apply", workflow_api.Apply.as_view(), name="apply-proposal"),
    path(f"{PROPOSAL}/backtest", rollout_api.ProposalBacktest.as_view(), name="backtest"),
    path(f"{PROPOSAL}/rollout", rollout_api.ProposalRollout.as_view(), name="rollout"),
    path(f"{PROPOSAL}/rollout/canary", rollout_api.Canary.as_view(), name="canary-rollout"),
    path(f"{PROPOSAL}/rollout/withdraw", rollout_api.Withdraw.as_view(), name="withdraw-rollout"),
    path(f"{IN_WORKSPACE}/revisions", workflow_api.Revisions.as_view(), name="revisions"),
    path(
        f"{IN_WORKSPACE}/revisions/<int:revision_id>/roll-back",
        workflow_api.RollBack.as_view(),
        name="roll-back-revision",
    ),
    path("ofrep/v1/evaluate/flags", api.EvaluateFlags.as_view(), name="ofrep-evaluate-flags"),
    # A path, because a policy key may hold a slash.
    path("ofrep/v1/evaluate/flags/<path:key>", api.EvaluateFlag.as_view(), name="ofrep-evaluate-flag"),
]
