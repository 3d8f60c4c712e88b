"""Scores of single forecasts: Brier with its decomposition, log loss, AUROC, over- and under-confidence."""

from dataclasses import dataclass

import numpy as np

from calibration.statistics.binning import equal_width_index, sum_bins
from calibration.statistics.calibration_error import NO_LABELS
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE

HALF_STEP = 0.5 / LATTICE
"""Default clip of the log loss: a stored confidence of 1.0000 stands for 0.99995 and more."""

ONE_CLASS = "only one kind of outcome among the labelled decisions"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrierScore:
    """Mean squared distance between confidence and outcome, and what it consists of.

    Parameters
    ----------
    score : float or None
        reliability − resolution + uncertainty; 0 is perfect.
    reliability : float or None
        Mean squared distance between a confidence and the success rate at it; 0 is perfectly calibrated.
    resolution : float or None
        Mean squared distance between the success rate at a confidence and the overall one; more is better.
    uncertainty : float or None
        Variance of the outcome, which no forecast changes.
    reason : str or None
        Why the figures are None.
    """

    score: float | None
    reliability: float | None
    resolution: float | None
    uncertainty: float | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLoss:
    """Mean negative log-likelihood of the outcomes, in nats.

    Parameters
    ----------
    score : float or None
        The loss; 0 is perfect.
    clip : float
        Distance that confidences keep from 0 and 1.
    clipped_errors : int
        Labelled decisions that were wrong at a clipped confidence; where there is any, the loss is a function
        of the clip.
    reason : str or None
        Why the score is None.
    """

    score: float | None
    clip: float
    clipped_errors: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Auroc:
    """Probability that a success has a higher confidence than a failure, ties counting half.

    Parameters
    ----------
    score : float or None
        0.5 for no discrimination, 1 for perfect.
    successes, failures : int
        Sizes of the two classes.
    reason : str or None
        Why the score is None.
    """

    score: float | None
    successes: int
    failures: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceBias:
    """Over- and under-confidence over equal-width bins; they add up to the ECE.

    Parameters
    ----------
    over, under : float or None
        Weighted distance in the bins where confidence exceeds the success rate, and where it falls short.
    net : float or None
        Mean confidence less success rate: over − under.
    mean_confidence, success_rate : float or None
        Over all labelled decisions.
    bins : int
        Number of bins.
    reason : str or None
        Why the figures are None.
    """

    over: float | None
    under: float | None
    net: float | None
    mean_confidence: float | None
    success_rate: float | None
    bins: int
    reason: str | None


def brier_score(groups: Groups) -> BrierScore:
    """Measure the Brier score with Murphy's decomposition over the distinct confidences.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.

    Returns
    -------
    BrierScore
        The score and its parts, None with a reason without labelled decisions.

    References
    ----------
    Brier (1950), "Verification of forecasts expressed in terms of probability".
    Murphy (1973), "A new vector partition of the probability score".
    """
    kept = groups.with_labels()
    n = kept.labelled
    if n == 0:
        return BrierScore(score=None, reliability=None, resolution=None, uncertainty=None, reason=NO_LABELS)
    weight = kept.n / n
    rate, overall = kept.successes / kept.n, kept.succeeded / n
    squares = kept.successes * (1.0 - kept.confidence) ** 2 + kept.failures * kept.confidence**2
    return BrierScore(
        score=float(squares.sum() / n),
        reliability=float(np.sum(weight * (kept.confidence - rate) ** 2)),
        resolution=float(np.sum(weight * (rate - overall) ** 2)),
        uncertainty=overall * (1.0 - overall),
        reason=None,
    )


def log_loss(groups: Groups, *, clip: float = HALF_STEP) -> LogLoss:
    """Measure the log loss, with confidences kept at least `clip` away from 0 and 1.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    clip : float
        In (0, 0.5); by default half a lattice step.

    Returns
    -------
    LogLoss
        The loss with its clip, None with a reason without labelled decisions.

    Raises
    ------
    ValueError
        When the clip is outside (0, 0.5).

    References
    ----------
    Good (1952), "Rational decisions".
    """
    if not 0.0 < clip < 0.5:
        raise ValueError(f"clip must lie strictly between 0 and 0.5, for example {HALF_STEP}; got {clip!r}.")
    n = groups.labelled
    if n == 0:
        return LogLoss(score=None, clip=clip, clipped_errors=0, reason=NO_LABELS)
    confidence = np.clip(groups.confidence, clip, 1.0 - clip)
    nats = groups.successes * np.log(confidence) + groups.failures * np.log1p(-confidence)
    errors = groups.failures[groups.confidence > 1.0 - clip].sum() + groups.successes[groups.confidence < clip].sum()
    return LogLoss(score=float(-nats.sum() / n), clip=clip, clipped_errors=int(errors), reason=None)


def auroc(groups: Groups) -> Auroc:
    """Measure the area under the ROC curve with ties by mid-ranks.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.

    Returns
    -------
    Auroc
        The area, None with a reason where one class is missing.

    References
    ----------
    Hanley and McNeil (1982), "The meaning and use of the area under a ROC curve".
    """
    won, lost = groups.succeeded, groups.labelled - groups.succeeded
    if won == 0 or lost == 0:
        return Auroc(score=None, successes=won, failures=lost, reason=ONE_CLASS if won or lost else NO_LABELS)
    lower_failures = np.cumsum(groups.failures) - groups.failures
    # Floats, since the number of pairs may exceed 64 bits.
    pairs = np.sum(groups.successes * (lower_failures + groups.failures / 2.0))
    return Auroc(score=float(pairs / won / lost), successes=won, failures=lost, reason=None)


def confidence_bias(groups: Groups, *, bins: int = 10) -> ConfidenceBias:
    """Divide the ECE into over- and under-confidence.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    bins : int
        Number of equal-width bins, at least 1.

    Returns
    -------
    ConfidenceBias
        Both parts and their difference, None with a reason without labelled decisions.

    Raises
    ------
    ValueError
        When `bins` is below 1.
    """
    sums = sum_bins(groups, equal_width_index(groups, bins), bins)
    n = groups.labelled
    if n == 0:
        return ConfidenceBias(
            over=None,
            under=None,
            net=None,
            mean_confidence=None,
            success_rate=None,
            bins=bins,
            reason=NO_LABELS,
        )
    excess = sums.lattice_sum - LATTICE * sums.successes
    return ConfidenceBias(
        over=int(excess[excess > 0].sum()) / (LATTICE * n),
        under=int(-excess[excess < 0].sum()) / (LATTICE * n),
        net=int(excess.sum()) / (LATTICE * n),
        mean_confidence=int(sums.lattice_sum.sum()) / (LATTICE * n),
        success_rate=groups.succeeded / n,
        bins=bins,
        reason=None,
    )
