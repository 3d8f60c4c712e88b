"""The demo's decisions: two classifiers of different honesty read handwritten digits.

The question to the gate is "may this digit be filed without a person?". Each confidence is what a classifier said of
a digit that it had not seen (cross-validation), and each outcome is known: scikit-learn carries the true labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import BernoulliNB, GaussianNB

SEED = 20_260_101
HELD_BACK = 600
"""Digits that take no part in the calibration: the promise is checked on them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one classifier said of one digit, and whether it was right."""

    digit: int
    model: str
    label: int
    confidence: float
    doubt_of_other: float
    right: bool


def read_digits() -> tuple[list[Reading], list[Reading]]:
    """Return the readings for calibration and the held-back ones, in random order with a fixed seed."""
    features, truth = load_digits(return_X_y=True)
    folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=SEED)
    models = {"gaussian-nb": GaussianNB(), "bernoulli-nb": BernoulliNB(binarize=4.0)}
    probabilities = {
        name: cross_val_predict(model, features, truth, cv=folds, method="predict_proba")
        for name, model in models.items()
    }
    order = np.random.default_rng(SEED).permutation(len(truth))
    readings = {
        name: _readings(name, mine, probabilities[other], truth)
        for (name, mine), other in zip(probabilities.items(), reversed(probabilities), strict=True)
    }
    calibration, held_back = order[HELD_BACK:], order[:HELD_BACK]
    return (
        [readings[name][digit] for digit in calibration for name in models],
        [readings[name][digit] for digit in held_back for name in models],
    )


def _readings(
    model: str, mine: NDArray[np.float64], other: NDArray[np.float64], truth: NDArray[np.int64]
) -> list[Reading]:
    labels = mine.argmax(axis=1)
    rows = np.arange(len(labels))
    return [
        Reading(
            digit=int(row),
            model=model,
            label=int(labels[row]),
            # A sum of rounded exponentials can exceed 1 by one part in 10^16.
            confidence=min(1.0, float(mine[row, labels[row]])),
            doubt_of_other=min(1.0, max(0.0, 1.0 - float(other[row, labels[row]]))),
            right=bool(labels[row] == truth[row]),
        )
        for row in rows
    ]
