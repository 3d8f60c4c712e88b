"""Measure a promise about five answers together: of the cases that are acted on, at most alpha have any wrong answer.

The five confidences of a case share one factor (.5), and so do their errors. Two kinds of models: `sharp` ones state
calibrated confidences, beta-distributed; of `weak` ones the least sure answer is wrong twice as often as the mean, and
the surest never. A run is a violation where the mean true probability of any wrong answer, given the confidences of
what is acted on, lies above alpha.

example: python -m benchmarks.simulate_joint --trials 2000 --seed 7
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri
from scipy.stats import beta

from benchmarks.goals import at_most, line, options
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE
from calibration.statistics.thresholds import recommend_for_groups

Array = NDArray[np.float64]

ALPHA = DELTA = 0.05
ANSWERS = 5
FACTOR = 0.5
_RANKS = np.linspace(0.0, 1.0, 2001)
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(24)


@dataclass(frozen=True)
class Model:
    """From the rank of an answer's confidence, uniform on [0, 1], to its probability of being wrong."""

    wrong: Callable[[Array], Array]
    informative: bool = True
    abstains: float = 0.0


def sharp(size: float, ranks: Array) -> Array:
    """Calibrated confidences, Beta(8, size)."""
    wrong: Array = np.interp(ranks, _RANKS, 1.0 - beta.ppf(_RANKS, 8, size))
    return wrong


def weak(size: float, ranks: Array) -> Array:
    """Wrong with probability `size` on the mean, twice as often at the bottom and never at the top."""
    return 2.0 * size * (1.0 - ranks)


def flat(size: float, ranks: Array) -> Array:
    """Wrong with the same probability whatever the confidence."""
    return np.full_like(ranks, size)


def factored(rng: np.random.Generator, n: int) -> Array:
    """Ranks of five answers of each case that share one factor."""
    shared, own = rng.standard_normal((n, 1)), rng.standard_normal((n, ANSWERS))
    ranks: Array = ndtr(np.sqrt(FACTOR) * shared + np.sqrt(1 - FACTOR) * own)
    return ranks


def any_wrong(wrong: Array) -> Array:
    """Probability that any answer of a case is wrong, over the factor that their errors share."""
    limits = ndtri(np.clip(wrong, 1e-300, 1 - 1e-12))[..., None]
    right = ndtr(-(limits - np.sqrt(FACTOR) * _NODES) / np.sqrt(1 - FACTOR)).prod(axis=1)
    return 1.0 - right @ _WEIGHTS / _WEIGHTS.sum()


def model_at(joint_error: float, shape: Callable[[float, Array], Array], **how: float) -> Model:
    """Return the model of this shape of whose cases the given share has a wrong answer."""
    ranks = factored(np.random.default_rng(0), 20_000)
    size = brentq(lambda size: any_wrong(shape(size, ranks)).mean() - joint_error, 1e-4, 0.4, xtol=1e-6)
    return Model(partial(shape, size), **how)  # type: ignore[arg-type]


@dataclass
class Seen:
    """Mean share of the cases that are acted on, and trials in which they fail too often."""

    share: float = 0.0
    violated: int = 0


def simulate(model: Model, n: int, trials: int, seed: int, *, least: bool = False) -> Seen:
    """Run the trials of one model at one number of labelled cases."""
    rng, seen = np.random.default_rng([seed, n, least]), Seen()
    for _ in range(trials):
        ranks = factored(rng, n)
        wrong = model.wrong(ranks)
        left_out = rng.random(wrong.shape) < model.abstains
        left_out[:, 0] = False
        wrong = np.where(left_out, 0.0, wrong)
        failed = (factored(rng, n) < wrong).any(axis=1)
        sure = np.where(left_out, 1.0, 1.0 - (wrong if model.informative else 0.2 * rng.random(wrong.shape)))
        score = np.floor((sure.min(axis=1) if least else sure.prod(axis=1)) * LATTICE + 0.5) / LATTICE
        threshold = recommend_for_groups(Groups.from_outcomes(score, ~failed), alpha=ALPHA, delta=DELTA).threshold
        if threshold is not None:
            acted = score >= threshold
            seen.share += acted.mean() / trials
            seen.violated += bool(any_wrong(wrong[acted]).mean() > ALPHA)
    return seen


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    given = options(__doc__, trials=300, arguments=arguments)
    met = True
    for error, n, goal in ((0.04, 1000, 0.5), (0.04, 5000, 0.95), (0.06, 5000, 0.35)):
        for shape in (sharp, weak):
            for least in (False, True):
                seen = simulate(model_at(error, shape), n, given.trials, given.seed, least=least)
                name = f"{shape.__name__}, {'least' if least else 'product'}, joint error {error:g}, n = {n}"
                met &= line(f"{name}: acted on", seen.share, f">= {goal:g}", met=seen.share >= goal)
                met &= at_most(f"{name}: violations", seen.violated, given.trials, DELTA)
    hard = {
        "weak, just above alpha": model_at(0.0505, weak),
        "confidences say nothing, just above alpha": model_at(0.0501, flat, informative=False),
        "any of, a fifth abstains, weak": model_at(0.06, weak, abstains=0.2),
    }
    for name, model in hard.items():
        seen = simulate(model, 1000, given.trials, given.seed)
        met &= at_most(f"{name}: violations", seen.violated, given.trials, DELTA)
        print(f"{name}: acted on {seen.share:.3f}")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
