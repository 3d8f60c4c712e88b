"""Proposals do not wait for ever. Expiry is marked when a stale proposal is met, and by command."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from governance.models import ConfidencePolicyProposal, Workspace
from governance.workflow.transitions import take_step


def expire_proposals(*, workspace: Workspace) -> int:
    """Mark the open proposals of `workspace` whose time is over; return how many.

    Verbs call it before their own transaction: marking inside would be rolled back by the `Conflict` that follows.
    """
    now = timezone.now()
    stale = ConfidencePolicyProposal.objects.in_workspace(workspace).filter(
        status__in=ConfidencePolicyProposal.OPEN, expires_at__lte=now
    )
    if not stale.exists():
        return 0
    with transaction.atomic():
        workspace.lock()
        proposals = list(stale.all())
        for proposal in proposals:
            take_step("expire", proposal, actor=None, at=now, reason="Nobody decided in time.")
        return len(proposals)
