"""The smallest token budget that truncates rarely enough."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from calibration.statistics.fixed_sequence import failure_p_values, minimum_sample
from calibration.statistics.intervals import clopper_pearson
from calibration.statistics.lattice import to_counts

BudgetReason = Literal["OK", "INSUFFICIENT_DATA", "NOT_CERTIFIABLE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRecommendation:
    """A budget whose truncation rate is certified to be at most the target.

    Parameters
    ----------
    budget : int or None
        The smallest such budget in tokens; None where none is certified.
    reason : {"OK", "INSUFFICIENT_DATA", "NOT_CERTIFIABLE"}
        Why there is a budget or why there is none.
    bundles, truncated : int or None
        Bundles that count for this budget, and those that it truncates.
    truncation_rate : float or None
        Truncated share of them.
    truncation_rate_upper : float or None
        One-sided Clopper-Pearson limit at delta.
    needed : int or None
        With too few data, the bundles that target and delta call for at least.
    target, delta : float
        Rate to stay below, and accepted probability of being wrong.
    """

    budget: int | None
    reason: BudgetReason
    bundles: int | None = None
    truncated: int | None = None
    truncation_rate: float | None = None
    truncation_rate_upper: float | None = None
    needed: int | None = None
    target: float
    delta: float


def smallest_budget(
    tokens_needed: ArrayLike, bundles: ArrayLike, *, target: float, delta: float
) -> BudgetRecommendation:
    """Recommend a budget from the tokens that bundles needed before any truncation.

    A budget b truncates the bundles that need more than b. Larger budgets truncate less, so only the budget
    just too small can be certified wrongly: one exact test decides and delta is not divided.

    Parameters
    ----------
    tokens_needed : array_like of int, shape (k,)
        Tokens that bundles needed, in any order; repeated numbers add up.
    bundles : array_like of int, shape (k,)
        Bundles that needed so many.
    target : float
        Truncation rate to stay below, in (0, 1).
    delta : float
        Accepted probability that the rate is above it nevertheless, in (0, 1).

    Returns
    -------
    BudgetRecommendation
        The smallest observed number of tokens that is certified, or a refusal.

    Raises
    ------
    ValueError
        When shapes differ, counts are negative or not whole, or a rate is outside (0, 1).

    References
    ----------
    Wilks (1941), "Determination of sample sizes for setting tolerance limits".
    """
    tokens, counts = to_counts("tokens_needed", tokens_needed), to_counts("bundles", bundles)
    if tokens.shape != counts.shape:
        raise ValueError("tokens_needed and bundles must have equal lengths.")
    order = np.argsort(tokens, kind="stable")
    tokens, everything, least = tokens[order], int(counts.sum()), minimum_sample(target, delta)
    refusal = BudgetRecommendation(budget=None, reason="INSUFFICIENT_DATA", needed=least, target=target, delta=delta)
    if everything < least:
        return refusal
    reached = np.cumsum(counts[order])
    # Repeated numbers add up: what a budget does not truncate ends with the last entry of its number.
    truncated = everything - reached[np.searchsorted(tokens, tokens, side="right") - 1]
    # The largest number of tokens truncates nothing, so with enough bundles it always passes.
    first = int(np.argmax(failure_p_values(truncated, everything, target) <= delta))
    cut = int(truncated[first])
    upper = clopper_pearson([cut], [everything], confidence=1.0 - delta, sides="upper")[1]
    return replace(
        refusal,
        budget=int(tokens[first]),
        reason="OK",
        bundles=everything,
        truncated=cut,
        truncation_rate=cut / everything,
        truncation_rate_upper=float(upper[0]),
        needed=None,
    )
