"""Whether a run may name a more lenient threshold, and at which level.

To look every week and loosen whenever a lower threshold passes is wrong in a fifth of all years. So a period has a
declared number of loosening reviews, which share δ; every other run may only tighten. A review is spent by looking,
whatever it finds; the same inputs looked at again spend nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from calibration.parameters import CalibrationParameters
from calibration.selectors import reviewed_inputs
from calibration.statistics.reviews import ReviewSpending, review_spending
from governance.models import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a run may do for one policy key.

    Parameters
    ----------
    delta : float
        Level of its answers: δ over the declared reviews for a review, δ for a run that only tightens.
    may_loosen : bool
        Whether it is one of the declared reviews.
    spending : ReviewSpending or None
        What is spent with this run; None for a run that was not meant to be a review.
    """

    delta: float
    may_loosen: bool
    spending: ReviewSpending | None


def review_of(
    workspace: Workspace, policy_key: str, inputs_sha256: str, parameters: CalibrationParameters, now: datetime
) -> Review:
    """Return whether a run over these inputs is a loosening review of its policy."""
    if not parameters.is_review:
        return Review(delta=parameters.delta, may_loosen=False, spending=None)
    declared = settings.CONFIDENCE_LOOSENING_REVIEWS
    since = now - timedelta(days=settings.CONFIDENCE_REVIEW_PERIOD_DAYS)
    before = reviewed_inputs(workspace, policy_key, since)
    may_loosen = inputs_sha256 in before or len(before) < declared
    spending = review_spending(parameters.delta, declared, before | {inputs_sha256} if may_loosen else before)
    return Review(
        delta=parameters.delta / declared if may_loosen else parameters.delta, may_loosen=may_loosen, spending=spending
    )
