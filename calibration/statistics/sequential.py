"""Evidence that may be looked at every day: e-values for loosening a threshold and for an alarm."""

from dataclasses import dataclass
from math import exp, inf, log, log1p
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from calibration.statistics.checks import check_open_unit
from calibration.statistics.lattice import FloatArray, to_counts

PRIOR = (0.5, 0.5)
"""Jeffreys' prior, truncated to the side that the evidence is for."""

_UNDERFLOW = 1e-250
_NEGLIGIBLE = 1e-17


@dataclass(frozen=True, slots=True, kw_only=True)
class AnytimeEvidence:
    """Evidence that has grown over a series of looks.

    Parameters
    ----------
    log_e_value : float
        Natural logarithm of the e-value after the last look.
    largest_log_e_value : float
        The largest after any look.
    first_look : int or None
        Index of the first look at which the e-value reached 1/delta; None where it never did.
    reached : bool
        Whether it ever did. Once reached it stays so: the level holds over all looks together.
    p_value : float
        Anytime-valid p-value: one over the largest e-value, at most 1.
    delta : float
        Level.
    """

    log_e_value: float
    largest_log_e_value: float
    first_look: int | None
    reached: bool
    p_value: float
    delta: float


def loosening_log_e_values(
    failures: ArrayLike, decisions: ArrayLike, *, alpha: float, prior: tuple[float, float] = PRIOR
) -> FloatArray:
    """Evidence against "the failure rate is at least alpha", after each cumulative count.

    E = integral from 0 to alpha of (p/alpha)^k ((1-p)/(1-alpha))^(m-k) dpi(p), with a Beta prior truncated to
    [0, alpha]: how much better failure rates below alpha explain k failures among m than alpha does. Where
    the rate is at least alpha, E reaches 1/delta at any time with probability at most delta.

    Parameters
    ----------
    failures, decisions : array_like of int, shape (looks,)
        Cumulative failures k and labelled decisions m.
    alpha : float
        Failure rate, in (0, 1).
    prior : tuple of float
        Parameters of the Beta prior, above 0.

    Returns
    -------
    ndarray of float, shape (looks,)
        Natural logarithms of the e-values; 0 without decisions.

    Raises
    ------
    ValueError
        When shapes differ, counts are not cumulative, alpha is outside (0, 1) or the prior is not positive.

    References
    ----------
    Ville (1939), "Étude critique de la notion de collectif".
    Ramdas, Grünwald, Vovk and Shafer (2023), "Game-theoretic statistics and safe anytime-valid inference".
    """
    check_open_unit("alpha", alpha)
    if not (prior[0] > 0.0 and prior[1] > 0.0 and max(prior) < inf):
        raise ValueError(f"prior must hold two finite numbers above 0; got {prior!r}.")
    k, m = _cumulative(failures, decisions)
    a, b = prior
    prior_mass = _log_beta_below(np.array([a]), np.array([b]), alpha)
    explained = _log_beta_below(a + k, b + (m - k), alpha)
    evidence: FloatArray = explained - prior_mass - k * log(alpha) - (m - k) * log1p(-alpha)
    return evidence


def alarm_log_e_values(
    failures: ArrayLike, decisions: ArrayLike, *, alpha: float, prior: tuple[float, float] = PRIOR
) -> FloatArray:
    """Evidence against "the failure rate is at most alpha", after each cumulative count.

    The mirror image of `loosening_log_e_values`: successes take the place of failures and 1 - alpha that of
    alpha, so that the prior lies on the rates above alpha.

    Parameters
    ----------
    failures, decisions, alpha, prior
        As for `loosening_log_e_values`.

    Returns
    -------
    ndarray of float, shape (looks,)
        Natural logarithms of the e-values; 0 without decisions.

    Raises
    ------
    ValueError
        As for `loosening_log_e_values`.
    """
    check_open_unit("alpha", alpha)
    k, m = _cumulative(failures, decisions)
    return loosening_log_e_values(m - k, m, alpha=1.0 - alpha, prior=(prior[1], prior[0]))


def restarted_alarm_log_e_values(
    failures: ArrayLike, decisions: ArrayLike, week: ArrayLike, *, alpha: float, prior: tuple[float, float] = PRIOR
) -> FloatArray:
    """Evidence against "the failure rate is at most alpha" that good weeks before do not wear down.

    E = sum over j of E(j) / ((j+1)(j+2)), where E(j) is the e-value of `alarm_log_e_values` on the decisions from
    week j on, and 0 before that week. The weights sum to 1, so E is a supermartingale of mean at most 1 while the
    rate is at most alpha: it reaches 1/delta at any time with probability at most delta.

    Parameters
    ----------
    failures, decisions : array_like of int, shape (periods,)
        Failures and labelled decisions of each period (not cumulative), in order of time.
    week : array_like of int, shape (periods,)
        The week that a period lies in, counted from 0 and never falling; several periods may share one. It is the
        week in which its decisions were made, whenever anybody looks.
    alpha : float
        Failure rate, in (0, 1).
    prior : tuple of float
        Parameters of the Beta prior, above 0.

    Returns
    -------
    ndarray of float, shape (periods,)
        Natural logarithms of E after each period.

    Raises
    ------
    ValueError
        When shapes differ, failures exceed decisions, weeks fall, alpha is outside (0, 1) or the prior is not positive.

    References
    ----------
    Ville (1939), "Étude critique de la notion de collectif".
    Shin, Ramdas and Rinaldo (2024), "E-detectors: a nonparametric framework for sequential change detection".
    """
    check_open_unit("alpha", alpha)
    k, m, weeks = to_counts("failures", failures), to_counts("decisions", decisions), to_counts("week", week)
    if not k.shape == m.shape == weeks.shape:
        raise ValueError("failures, decisions and week must have equal lengths, one entry per period.")
    if np.any(k > m) or np.any(np.diff(weeks) < 0):
        raise ValueError("failures must not exceed decisions, and weeks must not fall.")
    if weeks.size == 0:
        return np.zeros(0)
    began, first = np.unique(weeks, return_index=True)
    # All starts after the week before and up to this one see the same decisions: their weights telescope.
    after = np.concatenate([[0], began[:-1] + 1])
    log_weight = np.log(1.0 / (after + 1.0) - 1.0 / (began + 2.0))
    terms = np.full((began.size, weeks.size), -inf)
    for row, (start, weight) in enumerate(zip(first, log_weight, strict=True)):
        lost, tried = np.cumsum(k[start:]), np.cumsum(m[start:])
        terms[row, start:] = weight + alarm_log_e_values(lost, tried, alpha=alpha, prior=prior)
    evidence: FloatArray = np.logaddexp.reduce(terms, axis=0)
    return evidence


def follow(log_e_values: ArrayLike, *, delta: float) -> AnytimeEvidence:
    """Read a series of e-values at level delta: it may be stopped, continued and read at any look.

    The level is that of one series. A series that begins anew, as with each run over a rolling window, has its own.

    Parameters
    ----------
    log_e_values : array_like of float, shape (looks,)
        Natural logarithms, in order of time.
    delta : float
        Level over all looks together, in (0, 1).

    Returns
    -------
    AnytimeEvidence
        Whether and when 1/delta was reached. Without looks the e-value is 1.

    Raises
    ------
    ValueError
        When the level is outside (0, 1) or an e-value is NaN.
    """
    check_open_unit("delta", delta)
    series = np.asarray(log_e_values, dtype=np.float64)
    if series.ndim != 1 or np.any(np.isnan(series)):
        raise ValueError("log_e_values must be one-dimensional, without NaN.")
    largest = float(series.max(initial=0.0 if series.size == 0 else -inf))
    over = np.flatnonzero(series >= -log(delta))
    return AnytimeEvidence(
        log_e_value=float(series[-1]) if series.size else 0.0,
        largest_log_e_value=largest,
        first_look=int(over[0]) if over.size else None,
        reached=over.size > 0,
        p_value=exp(-max(largest, 0.0)),
        delta=delta,
    )


def _cumulative(failures: ArrayLike, decisions: ArrayLike) -> tuple[FloatArray, FloatArray]:
    k, m = to_counts("failures", failures), to_counts("decisions", decisions)
    if k.shape != m.shape:
        raise ValueError("failures and decisions must have equal lengths, one entry per look.")
    if np.any(k > m) or np.any(np.diff(k) < 0) or np.any(np.diff(m - k) < 0):
        raise ValueError("failures and decisions must be cumulative, with failures among the decisions.")
    return k.astype(np.float64), m.astype(np.float64)


def _log_beta_below(first: NDArray[np.floating[Any]], second: NDArray[np.floating[Any]], x: float) -> FloatArray:
    """Logarithm of the integral from 0 to x of p^(a-1) (1-p)^(b-1)."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    share = scipy.special.betainc(a, b, x)
    mass: FloatArray = scipy.special.betaln(a, b) + np.log(np.maximum(share, _UNDERFLOW))
    # Far in the tail the share is no floating-point number, but its hypergeometric form is (DLMF 8.17.8).
    small = np.flatnonzero(share < _UNDERFLOW)
    a, b = a[small], b[small]
    mass[small] = a * log(x) + b * log1p(-x) - np.log(a) + np.log(_tail_series(a, b, x))
    return mass


def _tail_series(a: FloatArray, b: FloatArray, x: float) -> FloatArray:
    """Sum the terms (a+b)_i / (a+1)_i x^i, which decrease geometrically for x well below a/(a+b)."""
    total = term = np.ones_like(a)
    i = 0
    while np.any(term > _NEGLIGIBLE * total):
        term = term * (a + b + i) * x / (a + 1.0 + i)
        total = total + term
        i += 1
    return total
