"""Whether a model answers otherwise than it did, without any label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.statistics.drift import PSI_CELL

NOTABLE_PSI = 0.2
"""A change below it is not told, however certain it is: 0.1 is usually read as stable, 0.25 as moved."""

FEWEST = 100
"""Answers that either side has at least."""

MONTHLY_RATE = 0.01
LOOKS_A_MONTH = 30

FIRST_DRAWS, DRAWS = 1_999, 29_999
"""Where ten of the first are as large, the others cannot turn it: nothing has changed, and they are not drawn."""

_SEED = 20261130


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersChange:
    """How far what a model answers has moved.

    Parameters
    ----------
    psi : float
        Population stability index over the cells, in nats.
    p_value : float
        Probability of a PSI at least as large where nothing has changed; 1 where the PSI is not notable.
    changed : bool
        Whether both say so.
    """

    psi: float
    p_value: float
    changed: bool


def answers_change(before: Sequence[int], after: Sequence[int]) -> AnswersChange | None:
    """Compare counts of answers by cell, such as ten bins of confidence and a last one for no answer.

    PSI is that of `distribution_drift`. Its p-value is that of an exact permutation test: where the answers of both
    sides are exchangeable, given all of them, which of them came after is a draw without replacement. The p-value
    counts what was seen among the draws, so it is valid however few there are. One look a day at 1 in 3,000 gives a
    false alarm in at most one of 100 months (Bonferroni), whatever the looks have in common.

    Parameters
    ----------
    before, after : sequence of int
        Counts of the same cells, in the same order.

    Returns
    -------
    AnswersChange or None
        None where a side has fewer than `FEWEST` answers.

    References
    ----------
    Phipson and Smyth (2010), "Permutation p-values should never be zero".
    """
    old, new = np.asarray(before, dtype=np.int64), np.asarray(after, dtype=np.int64)
    if min(old.sum(), new.sum()) < FEWEST:
        return None
    psi = float(_psi(old, new[np.newaxis])[0])
    if psi <= NOTABLE_PSI:
        return AnswersChange(psi=psi, p_value=1.0, changed=False)
    pool = old + new
    rng = np.random.default_rng(_SEED)
    as_large = draws = 0
    for wanted in (FIRST_DRAWS, DRAWS - FIRST_DRAWS):
        if as_large >= 10:
            break
        drawn = rng.multivariate_hypergeometric(pool, int(new.sum()), size=wanted, method="marginals")
        # The tolerance counts draws of the same counts as what was seen.
        as_large += int(np.sum(_psi(pool - drawn, drawn) >= psi - 1e-12))
        draws += wanted
    p_value = (1 + as_large) / (1 + draws)
    return AnswersChange(psi=psi, p_value=p_value, changed=p_value <= MONTHLY_RATE / LOOKS_A_MONTH)


def _psi(
    before: np.ndarray[tuple[int, ...], np.dtype[np.int64]], after: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    p, q = ((side + PSI_CELL) / np.sum(side + PSI_CELL, axis=-1, keepdims=True) for side in (before, after))
    return np.asarray(np.sum((p - q) * np.log(p / q), axis=-1))
