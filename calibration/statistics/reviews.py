"""Error that is spent review by review, when a threshold may be loosened again and again."""

from collections.abc import Iterable
from dataclasses import dataclass

from calibration.statistics.checks import check_at_least, check_open_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSpending:
    """Error of the declared loosening reviews of a period.

    Parameters
    ----------
    delta : float
        Accepted probability of any wrong loosening in the period.
    declared, spent, remaining : int
        Reviews that were declared, that took place, and that are left.
    level : float or None
        Level of the next review; None where none is left.
    spent_delta : float
        Error that the reviews so far have spent.
    reason : str or None
        Why the level is None.
    """

    delta: float
    declared: int
    spent: int
    remaining: int
    level: float | None
    spent_delta: float
    reason: str | None


def review_spending(delta: float, declared: int, input_hashes: Iterable[str] = ()) -> ReviewSpending:
    """Work out the level of the next loosening review: each of the declared ones has delta/K.

    Only reviews that may loosen spend; tightening is free, and the same inputs looked at again spend once.

    Parameters
    ----------
    delta : float
        Accepted probability of any wrong loosening in the period, in (0, 1).
    declared : int
        Reviews that the policy declares for the period, at least 1.
    input_hashes : iterable of str
        Input hashes of the reviews that took place.

    Returns
    -------
    ReviewSpending
        What was spent, and the level of the next review.

    Raises
    ------
    ValueError
        When delta is outside (0, 1) or no review is declared.
    """
    check_open_unit("delta", delta)
    check_at_least("declared", declared, 1)
    spent = len(set(input_hashes))
    remaining = max(declared - spent, 0)
    return ReviewSpending(
        delta=delta,
        declared=declared,
        spent=spent,
        remaining=remaining,
        level=delta / declared if remaining else None,
        spent_delta=min(spent, declared) * delta / declared,
        reason=None if remaining else "all declared reviews of the period are spent",
    )
