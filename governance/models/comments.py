"""What people say to each other about a proposal."""

from __future__ import annotations

from django.db import models

from confidence_project.foundation.append_only import AppendOnlyModel
from governance.models.actors import actor_name, actor_of_append_only_row
from governance.models.policies import ConfidencePolicyProposal
from governance.models.scoping import AppendOnlyScopedQuerySet
from governance.models.workspaces import Workspace

COMMENT_LENGTH = 2_000


class ProposalComment(AppendOnlyModel):
    """A remark on a proposal. It decides nothing, and nobody takes it back: a later one corrects it."""

    proposal = models.ForeignKey(ConfidencePolicyProposal, on_delete=models.PROTECT, related_name="comments")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=COMMENT_LENGTH)
    actor = actor_of_append_only_row()
    actor_name = actor_name()
    at = models.DateTimeField()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Comment of {self.actor_name} on proposal {self.proposal_id}"
