"""Whole numbers behind four-decimal confidences, and the counts that belong to them."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

LATTICE = 10_000
"""Lattice steps in one unit of confidence: confidences are stored with four decimals."""

_ROUNDING = 1e-6
_MAX_COUNT = 2**48


def to_lattice(confidence: ArrayLike) -> IntArray:
    """Turn four-decimal confidences into whole numbers 0…10,000.

    Parameters
    ----------
    confidence : array_like, shape (k,)
        Confidences in [0, 1] with at most four decimals.

    Returns
    -------
    ndarray of int64, shape (k,)
        Ten thousand times the confidence.

    Raises
    ------
    ValueError
        When an entry is no number, lies outside [0, 1] or has more than four decimals.
    """
    numbers = _as_floats("confidence", confidence)
    if not np.all((numbers >= 0.0) & (numbers <= 1.0)):
        raise ValueError("confidence must lie in [0, 1] and must not be NaN: leave out rows without one.")
    steps = numbers * LATTICE
    value = np.rint(steps)
    if np.any(np.abs(steps - value) > _ROUNDING):
        raise ValueError("confidence must have at most four decimals: round it on the way in.")
    return value.astype(np.int64)


def threshold_to_lattice(threshold: float) -> int:
    """Return the smallest lattice value at or above a threshold.

    A decision passes ``confidence >= threshold`` exactly when its lattice value is at least this one, and it
    passes ``risk < threshold`` exactly when its lattice value is below this one. Thresholds outside [0, 1],
    as a kill switch answers them, are understood.

    Parameters
    ----------
    threshold : float
        Any finite threshold.

    Returns
    -------
    int
        The lattice value.

    Raises
    ------
    ValueError
        When the threshold is NaN or infinite.
    """
    if not math.isfinite(threshold):
        raise ValueError(f"a threshold in force must be a finite number; got {threshold!r}.")
    steps = threshold * LATTICE
    nearest = round(steps)
    return nearest if abs(steps - nearest) <= _ROUNDING else math.ceil(steps)


def to_counts(name: str, counts: ArrayLike) -> IntArray:
    """Return counts as 64-bit whole numbers.

    Parameters
    ----------
    name : str
        What the counts are called in messages.
    counts : array_like, shape (k,)
        Whole numbers of at least 0; floats are accepted when they are whole.

    Returns
    -------
    ndarray of int64, shape (k,)
        The counts.

    Raises
    ------
    ValueError
        When an entry is no number, negative, not whole, or 2**48 or more.
    """
    numbers = _as_floats(name, counts)
    if not np.all((numbers >= 0) & (numbers < _MAX_COUNT)):
        raise ValueError(f"{name} must hold counts of at least 0 (and below 2**48), without NaN.")
    if np.any(numbers != np.floor(numbers)):
        raise ValueError(f"{name} must hold whole numbers: counts are never weighted.")
    return numbers.astype(np.int64)


def _as_floats(name: str, entries: ArrayLike) -> FloatArray:
    raw = np.asarray(entries)
    if raw.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, one entry per group; got shape {raw.shape}.")
    if raw.dtype.kind == "O" and any(entry is None or isinstance(entry, str) for entry in raw):
        raise ValueError(f"{name} must hold numbers only: leave out rows without one.")
    if raw.dtype.kind not in "biufO":
        raise ValueError(f"{name} must hold numbers, not {raw.dtype}: convert it first.")
    return raw.astype(np.float64)
