"""Measure a certified band beside the one-sided threshold: coverage, and how often it is violated.

The twelve curves of `simulate_guarantee`, then a sweep of curves made to break it: a bad top that is found about half
of the time, and below it rates that bring the mean to just above alpha. A policy that looks for no band keeps all of
its coverage; one that does gives .6 of delta for it, and keeps at least .85 where there is no bad top.

example: python -m benchmarks.simulate_bands --trials 4000 --seed 7
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from benchmarks.goals import at_most, line, options
from benchmarks.simulate_guarantee import Curve, curves
from calibration.statistics.bands import recommend_band
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE
from calibration.statistics.thresholds import recommend_for_groups

ALPHA = DELTA = 0.05
N = 2000


@dataclass
class Seen:
    """What the trials of one curve showed."""

    threshold: float
    band: float
    violated: int


def simulate(name: str, curve: Curve, trials: int, seed: int) -> Seen:
    """Run the trials of one curve; both methods see the same draws."""
    rng = np.random.default_rng([seed, *name.encode()])
    cumulative = np.cumsum(curve.mass)[:-1]
    seen = Seen(0.0, 0.0, 0)
    for _ in range(trials):
        count = np.bincount(np.searchsorted(cumulative, rng.random(N), side="right"), minlength=LATTICE + 1)
        value = np.flatnonzero(count)
        drawn, failure = count[value], curve.failure[value]
        groups = Groups(value=value, n=drawn, successes=drawn - rng.binomial(drawn, failure), total=drawn)
        seen.threshold += (recommend_for_groups(groups, alpha=ALPHA, delta=DELTA).coverage or 0.0) / trials
        band = recommend_band(groups, alpha=ALPHA, delta=DELTA)
        seen.band += (band.coverage or 0.0) / trials
        if band.threshold is not None:
            ceiling = 1.0 if band.ceiling is None else band.ceiling
            inside = (groups.confidence >= band.threshold) & (groups.confidence <= ceiling)
            seen.violated += bool(np.average(failure[inside], weights=drawn[inside]) > ALPHA)
    return seen


def sweep() -> dict[str, Curve]:
    """Curves with a bad top and a mean of 1.001 alpha over the most confident 40 % or over all."""
    u = (np.arange(LATTICE + 1) + 0.5) / (LATTICE + 1)
    found = {}
    for top in (0.03, 0.06, 0.12):
        for rate in (0.07, 0.09, 0.12):
            for whole in (0.4, 1.0):
                below = (1.001 * ALPHA * whole - top * rate) / (whole - top)
                failure = np.where(u < top, rate, np.where(u < whole, below, 0.3))
                name = f"top {top:g} at {rate:g}, mean above alpha over {whole:g}"
                found[name] = Curve(np.full(LATTICE + 1, 1.0 / (LATTICE + 1)), failure[::-1])
    return found


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    given = options(__doc__, trials=1000, arguments=arguments)
    met = True
    for name, curve in curves(ALPHA).items():
        seen = simulate(name, curve, given.trials, given.seed)
        met &= at_most(f"{name}: violations", seen.violated, given.trials, DELTA)
        if name == "hallucination":
            print(f"{name}: mean coverage of a threshold {seen.threshold:.3f}")
            met &= line(f"{name}: mean coverage of the band", seen.band, ">= .35", met=seen.band >= 0.35)
        elif seen.threshold >= 0.05:
            kept = seen.band / seen.threshold
            met &= line(f"{name}: kept of {seen.threshold:.3f}", kept, ">= .85", met=kept >= 0.85)
        else:
            lost = seen.threshold - seen.band
            met &= line(f"{name}: lost of {seen.threshold:.3f}", lost, "<= .005", met=lost <= 0.005)
    for name, curve in sweep().items():
        violated = simulate(name, curve, given.trials // 2 or 1, given.seed).violated
        met &= at_most(name, violated, given.trials // 2 or 1, DELTA)
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
