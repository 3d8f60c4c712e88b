"""What a recalibration gains on decisions that it was not fitted on, from groups alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.statistics.checks import check_at_least, check_seed
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import FloatArray
from calibration.statistics.recalibration import MapKind, fit_recalibration, recalibrated
from calibration.statistics.scores import HALF_STEP


@dataclass(frozen=True, slots=True, kw_only=True)
class RecalibrationGain:
    """Scores of held-out decisions before and after a recalibration.

    Parameters
    ----------
    kind : {"isotonic", "logistic", "beta"}
        Form of the map.
    brier_before, brier_after, brier_gain : float or None
        Brier scores of stated and recalibrated confidences, and before - after: above 0 the map helps.
    log_loss_before, log_loss_after, log_loss_gain : float or None
        The same for the log loss, with confidences kept half a lattice step away from 0 and 1.
    folds : int
        Number of folds.
    n : int
        Labelled decisions that were held out, each once.
    reason : str or None
        Why the figures are None.
    """

    kind: MapKind
    brier_before: float | None = None
    brier_after: float | None = None
    brier_gain: float | None = None
    log_loss_before: float | None = None
    log_loss_after: float | None = None
    log_loss_gain: float | None = None
    folds: int
    n: int
    reason: str | None = None


def random_folds(groups: Groups, *, folds: int = 5, seed: int = 0) -> tuple[Groups, ...]:
    """Divide labelled decisions into folds at random, by drawing how many of each count go where.

    Each decision goes to each fold with equal probability, independently; of the decisions of one confidence
    and outcome only the numbers per fold matter, and those are multinomial.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    folds : int
        Number of folds, at least 2.
    seed : int
        Seed of the generator, at least 0.

    Returns
    -------
    tuple of Groups
        Folds that add up to the labelled decisions.

    Raises
    ------
    ValueError
        When there are fewer than 2 folds or the seed is negative.

    References
    ----------
    Stone (1974), "Cross-validatory choice and assessment of statistical predictions".
    """
    check_at_least("folds", folds, 2)
    generator = np.random.default_rng(check_seed(seed))
    shares = np.full(folds, 1.0 / folds)
    won = generator.multinomial(groups.successes, shares)
    lost = generator.multinomial(groups.failures, shares)
    return tuple(
        Groups(value=groups.value, n=won[:, i] + lost[:, i], successes=won[:, i], total=won[:, i] + lost[:, i])
        for i in range(folds)
    )


def cross_validated_gains(
    folds: Sequence[Groups], kinds: Sequence[MapKind] = ("isotonic", "logistic", "beta")
) -> tuple[RecalibrationGain, ...]:
    """Fit each kind of map on all folds but one, score that one, and add up.

    Parameters
    ----------
    folds : sequence of Groups
        Folds from `random_folds`, or periods, which also show whether a map keeps over time.
    kinds : sequence of {"isotonic", "logistic", "beta"}
        Forms of map.

    Returns
    -------
    tuple of RecalibrationGain
        Scores before and after for each kind, None with a reason where a fold cannot be fitted.

    Raises
    ------
    ValueError
        When there are fewer than 2 folds or a kind is unknown.
    """
    if len(folds) < 2:
        raise ValueError("folds must hold at least 2 parts: one is held out in turn.")
    labelled = [fold.with_labels() for fold in folds]
    held_out_and_rest = [(fold, Groups.merge(labelled[:i] + labelled[i + 1 :])) for i, fold in enumerate(labelled)]
    return tuple(_gain(held_out_and_rest, kind) for kind in kinds)


def _gain(held_out_and_rest: Sequence[tuple[Groups, Groups]], kind: MapKind) -> RecalibrationGain:
    folds, n = len(held_out_and_rest), sum(held_out.labelled for held_out, _ in held_out_and_rest)
    before, after = np.zeros(2), np.zeros(2)
    for held_out, rest in held_out_and_rest:
        fitted = fit_recalibration(rest, kind)
        if fitted.reason is not None:
            return RecalibrationGain(kind=kind, folds=folds, n=n, reason=fitted.reason)
        before += _losses(held_out, held_out.confidence)
        after += _losses(held_out, recalibrated(fitted, held_out.value))
    before, after = before / n, after / n
    return RecalibrationGain(
        kind=kind,
        brier_before=float(before[0]),
        brier_after=float(after[0]),
        brier_gain=float(before[0] - after[0]),
        log_loss_before=float(before[1]),
        log_loss_after=float(after[1]),
        log_loss_gain=float(before[1] - after[1]),
        folds=folds,
        n=n,
    )


def _losses(held_out: Groups, forecast: FloatArray) -> FloatArray:
    """Add up squared distances, and negative log-likelihoods."""
    won, lost = held_out.successes, held_out.failures
    squares = won * (1.0 - forecast) ** 2 + lost * forecast**2
    kept = np.clip(forecast, HALF_STEP, 1.0 - HALF_STEP)
    nats = won * np.log(kept) + lost * np.log1p(-kept)
    return np.array([squares.sum(), -nats.sum()])
