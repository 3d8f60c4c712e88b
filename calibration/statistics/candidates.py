"""A registered candidate: one threshold, watched at any time, tested on the decisions after its registration."""

from dataclasses import dataclass
from hashlib import sha256
from math import log

import numpy as np
from numpy.typing import ArrayLike

from calibration.statistics.checks import check_delta
from calibration.statistics.lattice import FloatArray
from calibration.statistics.sequential import follow, loosening_log_e_values

_MOST_FURTHER_LABELS = 10**7
_HASH_RANGE = 2**64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CandidateEvidence:
    """The way of a candidate's e-value to its bar.

    Parameters
    ----------
    log_e_values : ndarray of float, shape (looks,)
        Natural logarithm of the e-value after each look.
    bar : float
        Logarithm of 1/level: where the candidate passes.
    passed : bool
        Whether the bar was reached at any look; once reached it stays so.
    first_look : int or None
        Index of the look at which it was.
    labelled, failures : int
        Labels since registration that count, and failures among them.
    further : int or None
        Labels that it still takes at the present failure rate: an estimate, 0 once it passed. None without labels, and
        where that rate is at or above alpha or so close below it that 10^7 labels would not do.
    """

    log_e_values: FloatArray
    bar: float
    passed: bool
    first_look: int | None
    labelled: int
    failures: int
    further: int | None


def follow_candidate(failures: ArrayLike, decisions: ArrayLike, *, alpha: float, level: float) -> CandidateEvidence:
    """Test "what the candidate allows fails at alpha or more often" on the decisions since its registration.

    With probability at least 1 - level it never passes at a time at which the mean failure probability of what it has
    allowed (or would have) since its registration is at or above alpha. The labels must have one propensity: `thinned`
    makes it so. Outcomes are independent given what was known before each of them; their probabilities may change.

    Parameters
    ----------
    failures, decisions : array_like of int, shape (looks,)
        Cumulative failures and labelled decisions since the registration, of what the candidate allows.
    alpha : float
        Failure rate to stay below, in (0, 1).
    level : float
        The candidate's share of delta, in (0, 0.25].

    Returns
    -------
    CandidateEvidence
        The e-values, the bar, and what is still missing.

    Raises
    ------
    ValueError
        When counts are not cumulative, alpha is outside (0, 1) or the level outside (0, 0.25].

    References
    ----------
    Ville (1939), "Étude critique de la notion de collectif".
    Ramdas, Grünwald, Vovk and Shafer (2023), "Game-theoretic statistics and safe anytime-valid inference".
    """
    check_delta(level)
    looks = loosening_log_e_values(failures, decisions, alpha=alpha)
    found = follow(looks, delta=level)
    lost, tried = np.asarray(failures), np.asarray(decisions)
    labelled, failed = (int(tried[-1]), int(lost[-1])) if looks.size else (0, 0)
    return CandidateEvidence(
        log_e_values=looks,
        bar=-log(level),
        passed=found.reached,
        first_look=found.first_look,
        labelled=labelled,
        failures=failed,
        further=0 if found.reached else _further(failed, labelled, alpha, level),
    )


def thinned(decision_id: str, *, propensity: float, common: float, salt: str) -> bool:
    """Decide whether a label counts, so that all labels that count had the same chance of being there.

    A label that was there with a probability above the common one is kept with common/propensity; the hash of its
    decision decides, the same for everybody who asks.

    Parameters
    ----------
    decision_id : str
        Identifier of the decision, given by the ledger.
    propensity : float
        Probability with which this decision was to get its label, in (0, 1]: 1 for what was allowed and is always
        labelled, the audit rate for what was blocked.
    common : float
        The smallest propensity of what the candidate allows, fixed at its registration; at most `propensity`.
    salt : str
        What names the candidate, so that each has a draw of its own.

    Returns
    -------
    bool
        Whether the label counts.

    Raises
    ------
    ValueError
        When a propensity is outside (0, 1], or the common one is the larger.
    """
    if not 0.0 < common <= propensity <= 1.0:
        raise ValueError("propensities must lie in (0, 1], and the common one must not exceed that of the decision.")
    digest = sha256(f"candidate\x00{salt}\x00{decision_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") * propensity < common * _HASH_RANGE


def _further(failures: int, labelled: int, alpha: float, level: float) -> int | None:
    """Find the number of labels by bisection: at a steady rate below alpha the e-value ends up growing."""
    if labelled == 0 or failures >= alpha * labelled:
        return None

    def passes(more: int) -> bool:
        # Whole failures, rounded up: the estimate is of labels that can be seen.
        lost = -(-failures * (labelled + more) // labelled)
        return float(loosening_log_e_values([lost], [labelled + more], alpha=alpha)[0]) >= -log(level)

    enough = 1
    while not passes(enough):
        enough *= 2
        if enough > _MOST_FURTHER_LABELS:
            return None
    short = enough // 2
    while enough - short > 1:
        middle = (short + enough) // 2
        short, enough = (short, middle) if passes(middle) else (middle, enough)
    return enough
