"""The smallest token budget that truncates rarely enough."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from calibration.statistics.fixed_sequence import failure_p_values, minimum_sample
from calibration.statistics.intervals import clopper_pearson
from calibration.statistics.lattice import IntArray, to_counts

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
    tokens, (counts,) = _added_up("tokens_needed", tokens_needed, bundles=bundles)
    everything = int(counts.sum())
    refusal = _refusal(target, delta)
    if everything < minimum_sample(target, delta):
        return refusal
    truncated = everything - np.cumsum(counts)
    # The largest number of tokens truncates nothing, so with enough bundles it always passes.
    first = int(np.argmax(failure_p_values(truncated, everything, target) <= delta))
    return _certified(refusal, int(tokens[first]), everything, int(truncated[first]))


def smallest_tried_budget(
    budget: ArrayLike, bundles: ArrayLike, truncated: ArrayLike, *, target: float, delta: float
) -> BudgetRecommendation:
    """Recommend one of the budgets that were in use, from what each of them truncated.

    For stats that say only *whether* a bundle was truncated. The budgets are tested from the largest
    downwards, each at delta, and the first that fails ends it (fixed-sequence testing).

    Parameters
    ----------
    budget : array_like of int, shape (k,)
        Budgets in tokens, in any order; repeated ones add up.
    bundles, truncated : array_like of int, shape (k,)
        Bundles under each budget, and truncated ones among them.
    target, delta : float
        As for `smallest_budget`.

    Returns
    -------
    BudgetRecommendation
        The smallest budget that is certified, or a refusal.

    Raises
    ------
    ValueError
        When shapes differ, counts are impossible, or a rate is outside (0, 1).

    References
    ----------
    Maurer, Hothorn and Lehmacher (1995), "Multiple comparisons in drug clinical trials".
    """
    tokens, (counts, cut) = _added_up("budget", budget, bundles=bundles, truncated=truncated)
    if np.any(cut > counts):
        raise ValueError("truncated must not exceed bundles.")
    refusal = _refusal(target, delta)
    # Budgets too small to pass whatever they truncated are left out: that looks at no outcome.
    testable = np.flatnonzero(counts >= minimum_sample(target, delta))[::-1]
    if testable.size == 0:
        return refusal
    passed = np.cumprod(failure_p_values(cut[testable], counts[testable], target) <= delta).sum()
    if passed == 0:
        return replace(refusal, reason="NOT_CERTIFIABLE", needed=None)
    last = int(testable[passed - 1])
    return _certified(refusal, int(tokens[last]), int(counts[last]), int(cut[last]))


def _refusal(target: float, delta: float) -> BudgetRecommendation:
    least = minimum_sample(target, delta)
    return BudgetRecommendation(budget=None, reason="INSUFFICIENT_DATA", needed=least, target=target, delta=delta)


def _certified(refusal: BudgetRecommendation, budget: int, bundles: int, truncated: int) -> BudgetRecommendation:
    upper = clopper_pearson([truncated], [bundles], confidence=1.0 - refusal.delta, sides="upper")[1]
    return replace(
        refusal,
        budget=budget,
        reason="OK",
        bundles=bundles,
        truncated=truncated,
        truncation_rate=truncated / bundles,
        truncation_rate_upper=float(upper[0]),
        needed=None,
    )


def _added_up(name: str, keys: ArrayLike, **columns: ArrayLike) -> tuple[IntArray, list[IntArray]]:
    key = to_counts(name, keys)
    counts = [to_counts(label, column) for label, column in columns.items()]
    if any(count.shape != key.shape for count in counts):
        raise ValueError(f"{name}, {' and '.join(columns)} must have equal lengths.")
    distinct, position = np.unique(key, return_inverse=True)
    sums = [np.zeros(distinct.size, dtype=np.int64) for _ in counts]
    for total, count in zip(sums, counts, strict=True):
        np.add.at(total, position, count)
    return distinct, sums
