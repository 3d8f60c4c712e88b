"""Maps from stated confidence to a recalibrated one: isotonic, logistic (Platt) and beta."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import scipy

from calibration.statistics.calibration_error import NO_LABELS
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE, FloatArray, IntArray
from calibration.statistics.scores import HALF_STEP

MapKind = Literal["isotonic", "logistic", "beta"]

ONE_CONFIDENCE = "a curve needs at least two distinct confidences with labels"

_ITERATIONS = 100
# Newton steps square the error: after a step of this size nothing is left to correct.
_STEP_ENOUGH = 1e-8
# Near the optimum the loss changes by less than its own rounding; a step is shortened only for more than that.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class RecalibrationMap:
    """A fitted map, as a table over the whole lattice or as coefficients.

    Parameters
    ----------
    kind : {"isotonic", "logistic", "beta"}
        Form of the map.
    knots : tuple of (float, float)
        Isotonic: confidences and recalibrated confidences between which it is linear; else empty.
    coefficients : tuple of float
        Logistic: slope and intercept on the log-odds. Beta: a, b and c of
        logit = a ln(v) - b ln(1 - v) + c. Empty for isotonic.
    n : int
        Labelled decisions it was fitted on.
    reason : str or None
        Why there is no map: knots and coefficients are empty then.
    """

    kind: MapKind
    knots: tuple[tuple[float, float], ...] = ()
    coefficients: tuple[float, ...] = ()
    n: int
    reason: str | None = None


def fit_recalibration(groups: Groups, kind: MapKind) -> RecalibrationMap:
    """Fit a map from stated to recalibrated confidence.

    Isotonic: the non-decreasing success rates that fit best, pooling neighbours that decrease. Logistic: a
    straight line from the log-odds of the confidence to those of success. Beta: a family with one more
    parameter, which bends differently near 0 and near 1. Logistic and beta maps aim at Platt's targets
    (s + 1)/(s + 2) and 1/(f + 2) instead of 1 and 0, so that they stay finite when confidence separates
    successes from failures.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    kind : {"isotonic", "logistic", "beta"}
        Form of the map.

    Returns
    -------
    RecalibrationMap
        The fitted map, without knots or coefficients but with a reason where there is too little to fit.

    Raises
    ------
    ValueError
        When the kind is unknown.

    References
    ----------
    Zadrozny and Elkan (2002), "Transforming classifier scores into accurate multiclass probability
    estimates".
    Platt (1999), "Probabilistic outputs for support vector machines".
    Kull, Silva Filho and Flach (2017), "Beta calibration".
    """
    if kind not in get_args(MapKind):
        raise ValueError(f"kind must be one of {', '.join(get_args(MapKind))}; got {kind!r}.")
    kept = groups.with_labels()
    if len(kept) < 2:
        return RecalibrationMap(kind=kind, n=kept.labelled, reason=ONE_CONFIDENCE if len(kept) else NO_LABELS)
    if kind == "isotonic":
        fitted = scipy.optimize.isotonic_regression(kept.successes / kept.n, weights=kept.n.astype(np.float64)).x
        ends = _ends_of_blocks(fitted)
        knots = tuple(zip(kept.confidence[ends].tolist(), fitted[ends].tolist(), strict=True))
        return RecalibrationMap(kind=kind, knots=knots, n=kept.labelled)
    coefficients = _fit_logistic(kept) if kind == "logistic" else _fit_beta(kept)
    return RecalibrationMap(kind=kind, coefficients=coefficients, n=kept.labelled)


def recalibrated(fitted: RecalibrationMap, value: IntArray) -> FloatArray:
    """Apply a fitted map.

    Parameters
    ----------
    fitted : RecalibrationMap
        A map that was fitted.
    value : ndarray of int64, shape (k,)
        Lattice values 0…10,000.

    Returns
    -------
    ndarray of float, shape (k,)
        Recalibrated confidences in [0, 1]; constant outside the knots of an isotonic map.

    Raises
    ------
    ValueError
        When the map was not fitted.
    """
    if fitted.reason is not None:
        raise ValueError(f"this map was not fitted: {fitted.reason}.")
    if fitted.kind == "isotonic":
        stated, mapped = np.array(fitted.knots).T
        interpolated: FloatArray = np.interp(value / LATTICE, stated, mapped)
        return interpolated
    features = _log_odds(value) if fitted.kind == "logistic" else _beta_features(value)
    mapped_odds: FloatArray = scipy.special.expit(_design(features) @ np.array(fitted.coefficients))
    return mapped_odds


def _ends_of_blocks(fitted: FloatArray) -> IntArray:
    """Find the first and last entry of each run of equal values: between them the map is constant."""
    turns = np.diff(fitted) != 0.0
    return np.flatnonzero(np.concatenate([[True], turns]) | np.concatenate([turns, [True]]))


def _clipped(value: IntArray) -> FloatArray:
    clipped: FloatArray = np.clip(value / LATTICE, HALF_STEP, 1.0 - HALF_STEP)
    return clipped


def _log_odds(value: IntArray) -> FloatArray:
    odds: FloatArray = scipy.special.logit(_clipped(value))[:, None]
    return odds


def _beta_features(value: IntArray) -> FloatArray:
    clipped = _clipped(value)
    return np.column_stack([np.log(clipped), -np.log1p(-clipped)])


def _design(features: FloatArray) -> FloatArray:
    return np.column_stack([features, np.ones(len(features))])


def _fit_logistic(kept: Groups) -> tuple[float, ...]:
    return tuple(_newton(_design(_log_odds(kept.value)), kept).tolist())


def _fit_beta(kept: Groups) -> tuple[float, ...]:
    """Fit a, b and c; a coefficient that would make the map decrease is set to 0 (Kull et al., section 4)."""
    features = _beta_features(kept.value)
    used = [0, 1]
    while used:
        coefficients = _newton(_design(features[:, used]), kept)
        negative = [i for i, coefficient in enumerate(coefficients[:-1]) if coefficient < 0.0]
        if not negative:
            break
        del used[min(negative, key=lambda i: float(coefficients[i]))]
    else:
        coefficients = _newton(_design(features[:, :0]), kept)
    full = np.zeros(3)
    full[[*used, 2]] = coefficients
    return tuple(full.tolist())


def _newton(design: FloatArray, kept: Groups) -> FloatArray:
    """Maximise the log-likelihood of Platt's targets by Newton steps, halved until they improve it."""
    won = (kept.succeeded + 1.0) / (kept.succeeded + 2.0)
    lost = 1.0 / (kept.labelled - kept.succeeded + 2.0)
    target = (kept.successes * won + kept.failures * lost) / kept.n
    weight = kept.n / kept.labelled

    def loss(beta: FloatArray) -> float:
        odds = design @ beta
        return float(-(weight @ scipy.special.log_expit(-odds)) - (weight * target) @ odds)

    # Slopes of 1 and no intercept leave confidences as they are, which is near most fits.
    beta = np.append(np.ones(design.shape[1] - 1), 0.0)
    reached = loss(beta)
    for _ in range(_ITERATIONS):
        mapped = scipy.special.expit(design @ beta)
        gradient = design.T @ (weight * (target - mapped))
        curvature = (design * (weight * mapped * (1.0 - mapped))[:, None]).T @ design
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        while (proposed := loss(beta + step)) > reached * (1.0 + _ROUNDING) and np.max(np.abs(step)) > _STEP_ENOUGH:
            step = step / 2.0
        beta, reached = beta + step, proposed
        if np.max(np.abs(step)) <= _STEP_ENOUGH:
            break
    return beta
