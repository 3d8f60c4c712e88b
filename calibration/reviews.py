"""Whether a run may name a more lenient threshold, and at which level.

To look every week and loosen whenever a lower threshold passes is wrong in a fifth of all years. So a period has a
declared number of loosening reviews, which share δ; every other run may only tighten. A review is spent by looking,
whatever it finds; the same inputs looked at again spend nothing more. Where nothing at all is labelled there was
nothing to look at: such a run cannot loosen, wrongly or not, and spends nothing. No outcome has a say in that, only
whether there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from calibration.evidence.lead_context import BudgetEvidence
from calibration.evidence.reading import KeyEvidence
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
        Level of its answers: δ over the declared reviews for a review, and for a dry run in place of one, so that
        it shows what the review would; δ for a run that only tightens.
    may_loosen : bool
        Whether it is one of the declared reviews.
    spending : ReviewSpending or None
        What is spent with this run; None for a run that was not meant to be a review.
    """

    delta: float
    may_loosen: bool
    spending: ReviewSpending | None


def review_of(
    workspace: Workspace,
    evidence: KeyEvidence | BudgetEvidence,
    inputs_sha256: str,
    parameters: CalibrationParameters,
    now: datetime,
) -> Review:
    """Return whether a run over this evidence is a loosening review of its policy."""
    if parameters.tighten_only:
        return Review(delta=parameters.delta, may_loosen=False, spending=None)
    policy_key = evidence.request.policy_key
    declared = settings.CONFIDENCE_LOOSENING_REVIEWS
    since = now - timedelta(days=settings.CONFIDENCE_REVIEW_PERIOD_DAYS)
    before = reviewed_inputs(workspace, policy_key, since)
    could_loosen = _has_labels(evidence) and (inputs_sha256 in before or len(before) < declared)
    delta = parameters.delta / declared if could_loosen else parameters.delta
    if parameters.dry_run:
        return Review(delta=delta, may_loosen=False, spending=None)
    spending = review_spending(parameters.delta, declared, before | {inputs_sha256} if could_loosen else before)
    return Review(delta=delta, may_loosen=could_loosen, spending=spending)


def _has_labels(evidence: KeyEvidence | BudgetEvidence) -> bool:
    # Every bundle says whether it was truncated. Labels that no cohort counts spend, too: the stricter side.
    if isinstance(evidence, BudgetEvidence):
        return evidence.decisions > 0
    return any(segment.labelled.any() for segment in evidence.segments)
