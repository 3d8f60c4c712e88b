"""Measure what becomes of a certificate where people cannot tell of one in twenty drawn decisions.

Twelve curves; of what can be told the curve is the failure rate. Counted as failures, or left out, as the labelling
rules say. A violation: more than alpha fails, of what can be told, or of all where whatever cannot be told fails.

example: python -m benchmarks.simulate_untold --trials 1000
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.goals import at_most, options
from benchmarks.simulate_guarantee import Curve, curves
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE
from calibration.statistics.thresholds import recommend_for_groups

ALPHA = DELTA = 0.05
DRAWN = 2_000
UNTOLD = 0.05


def trial(curve: Curve, rng: np.random.Generator) -> tuple[tuple[float, bool, bool], ...]:
    """Of untold counted as failures, and left out: the coverage, and whether too many of told ones and of all fail."""
    count = rng.multinomial(DRAWN, curve.mass / curve.mass.sum())
    value = np.flatnonzero(count)
    drawn, failure = count[value], curve.failure[value]
    told = drawn - rng.binomial(drawn, UNTOLD)
    failed = rng.binomial(told, failure)
    return tuple(
        _judged(curve, value, failure, number, right)
        for number, right in ((drawn, told - failed), (told, told - failed))
    )


def _judged(
    curve: Curve, value: np.ndarray, failure: np.ndarray, number: np.ndarray, right: np.ndarray
) -> tuple[float, bool, bool]:
    some = number > 0
    groups = Groups(value=value[some], n=number[some], successes=right[some], total=number[some])
    answer = recommend_for_groups(groups, alpha=ALPHA, delta=DELTA)
    if answer.threshold is None:
        return 0.0, False, False
    step = round(answer.threshold * LATTICE)
    allowed = (value >= step) & some
    of_told = float(np.average(failure[allowed], weights=number[allowed]))
    of_all = (1.0 - UNTOLD) * of_told + UNTOLD
    return float(curve.coverage()[step]), of_told > ALPHA, of_all > ALPHA


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    given = options(__doc__, trials=500, arguments=arguments)
    rng = np.random.default_rng(given.seed)
    met = True
    for name, curve in curves(ALPHA).items():
        as_failures, left_out = zip(*(trial(curve, rng) for _ in range(given.trials)), strict=True)
        met &= at_most(f"{name}, as failures: of all", sum(each[2] for each in as_failures), given.trials, DELTA)
        met &= at_most(f"{name}, left out: of what can be told", sum(each[1] for each in left_out), given.trials, DELTA)
        of_all = np.mean([each[2] for each in left_out])
        print(f"{f'{name}, left out: of all, should every untold one fail':58} {of_all:8.4f}")
        print(f"{f'{name}: coverage as failures':58} {np.mean([each[0] for each in as_failures]):8.4f}")
        print(f"{f'{name}: coverage left out':58} {np.mean([each[0] for each in left_out]):8.4f}", flush=True)
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
