"""A change under break-glass opens a review, which stays open until somebody who had no part in it closes it."""

from __future__ import annotations

from datetime import datetime

from governance.access.permissions import Person
from governance.models import BreakGlassReview, ConfidencePolicyRevision, RolloutEvent
from governance.models.controls import REASON_LENGTH
from governance.webhooks.outbox import announce_control


def open_review(
    change: ConfidencePolicyRevision | RolloutEvent, policy_key: str, *, actor: Person, at: datetime, reason: str
) -> BreakGlassReview:
    """Open the review of a revision, or of a step of a rollout; call it in the transaction of the change."""
    # The change itself keeps a reason that is longer than a control's.
    reason = (reason or "The proposal was approved under break-glass.")[:REASON_LENGTH]
    review = BreakGlassReview.objects.create(
        revision=change if isinstance(change, ConfidencePolicyRevision) else None,
        rollout_event=change if isinstance(change, RolloutEvent) else None,
        workspace_id=change.workspace_id,
        policy_key=policy_key,
        reason=reason,
        started_at=at,
        started_by_id=actor.pk,
        started_by_name=actor.get_username(),
    )
    announce_control(review)
    return review
