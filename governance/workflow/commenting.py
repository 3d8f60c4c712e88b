"""Saying something about a proposal, in whatever state it is."""

from __future__ import annotations

from django.utils import timezone

from governance.access.permissions import Person, Verb, require
from governance.models import ProposalComment, Workspace
from governance.models.comments import COMMENT_LENGTH
from governance.texts import clean_text
from governance.workflow.transitions import proposal_in


def comment_on_proposal(*, actor: Person, workspace: Workspace, proposal_id: int, text: str) -> ProposalComment:
    """Append a comment; whoever sees the proposal may.

    Raises
    ------
    NotFound
        The actor does not belong to the workspace, or it has no such proposal.
    InvalidInput
        The text is blank or too long.
    """
    require(Verb.SEE, actor, workspace)
    proposal = proposal_in(workspace, proposal_id)
    return ProposalComment.objects.create(
        proposal=proposal,
        workspace=workspace,
        text=clean_text(text, name="text", max_length=COMMENT_LENGTH, required=True),
        actor_id=actor.pk,
        actor_name=actor.get_username(),
        at=timezone.now(),
    )
