"""The frame around every verb on one proposal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from governance.access.permissions import Person, Verb, require
from governance.models import ConfidencePolicyProposal, Workspace
from governance.workflow.expiry import expire_proposals
from governance.workflow.transitions import proposal_in


@contextmanager
def locked_proposal(
    verb: Verb, actor: Person, workspace: Workspace, proposal_id: int, *, break_glass: bool = False
) -> Iterator[tuple[ConfidencePolicyProposal, datetime]]:
    """Give the proposal as it is now, and the time, in a transaction that holds the workspace's lock.

    Who may is asked before anything is marked as expired, and again under the lock.

    Raises
    ------
    NotFound, PermissionRefused
        See `governance.access.permissions.require`.
    """
    require(verb, actor, workspace, proposal_in(workspace, proposal_id), break_glass=break_glass)
    expire_proposals(workspace=workspace)
    with transaction.atomic():
        workspace.lock()
        proposal = proposal_in(workspace, proposal_id)
        require(verb, actor, workspace, proposal, break_glass=break_glass)
        yield proposal, timezone.now()
