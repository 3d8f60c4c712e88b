#!/usr/bin/env python
"""Measure how often the guarantee of the threshold recommendation is violated.

Each trial draws confidences and outcomes from a curve whose true failure probabilities are known, recommends
a threshold with the code that calibration runs use, and looks whether what it allows fails more often than
alpha. "rate" is the violation rate of what is certified (the mean true failure probability of the labelled
decisions that are allowed), with its 95 % intervals; "population" is that of the curve as a whole.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from calibration.statistics.groups import Groups
from calibration.statistics.intervals import clopper_pearson, wilson
from calibration.statistics.lattice import LATTICE
from calibration.statistics.thresholds import recommend_for_groups

Array = NDArray[np.float64]

EXAMPLES = """examples:
  python benchmarks/simulate_guarantee.py
  python benchmarks/simulate_guarantee.py --trials 20000 --curves null_sawtooth --n 5000
  python benchmarks/simulate_guarantee.py --alpha 0.1 --curves calibrated,cliff
"""

LATTICE_VALUES = np.arange(LATTICE + 1) / LATTICE


@dataclass(frozen=True)
class Curve:
    """Probability of each lattice value, and failure probability at it."""

    mass: Array
    failure: Array

    def failure_rate(self) -> Array:
        """Failure rate of what lies at or above each lattice value."""
        reached = self.coverage()
        failed = np.cumsum((self.mass * self.failure)[::-1])[::-1]
        return np.divide(failed, reached, out=np.zeros_like(reached), where=reached > 0)

    def coverage(self) -> Array:
        """Share of all decisions at or above each lattice value."""
        return np.cumsum(self.mass[::-1])[::-1]

    def oracle_coverage(self, alpha: float) -> float:
        """Largest coverage of a threshold whose true failure rate is at most alpha."""
        return float(np.max(self.coverage() * (self.failure_rate() <= alpha)))


def rounded_beta(a: float, b: float) -> Array:
    """Beta distribution, rounded to four decimals."""
    edges = np.clip((np.arange(LATTICE + 2) - 0.5) / LATTICE, 0.0, 1.0)
    return np.diff(stats.beta.cdf(edges, a, b))


def atoms(points: dict[float, tuple[float, float]]) -> Curve:
    """Mass and failure probability at a few verbalised confidences."""
    mass, failure = np.zeros(LATTICE + 1), np.zeros(LATTICE + 1)
    for confidence, (share, rate) in points.items():
        mass[round(confidence * LATTICE)], failure[round(confidence * LATTICE)] = share, rate
    return Curve(mass / mass.sum(), failure)


def verbalised(failure: list[float]) -> Curve:
    """Twelve confidences as language models state them, with a failure probability each."""
    confidences = [1.0, 0.99, 0.98, 0.95, 0.92, 0.90, 0.85, 0.80, 0.75, 0.70, 0.60, 0.50]
    shares = [0.10, 0.08, 0.10, 0.22, 0.08, 0.14, 0.12, 0.07, 0.03, 0.03, 0.02, 0.01]
    return atoms(dict(zip(confidences, zip(shares, failure, strict=True), strict=True)))


def in_coverage(failure_rate: Callable[[Array], Array]) -> Curve:
    """Curve on uniform confidences whose failure rate is a given function of the coverage."""
    edges = np.arange(LATTICE + 2) / (LATTICE + 1)
    failure = np.diff(edges * failure_rate(edges)) * (LATTICE + 1)
    if failure.min() < 0.0 or failure.max() > 1.0:
        raise ValueError("no failure probabilities give this failure rate: let it vary more slowly")
    return Curve(np.full(LATTICE + 1, 1.0 / (LATTICE + 1)), failure[::-1])


def token_probabilities() -> Curve:
    """Confidences as token probabilities give them: 40 % are exactly 1."""
    mass = 0.6 * rounded_beta(20, 0.7)
    mass[LATTICE] += 0.4
    return Curve(mass, np.where(LATTICE_VALUES == 1.0, 0.01, 0.03 + 2.5 * (1.0 - LATTICE_VALUES)).clip(0, 1))


def on_beta(failure: Array) -> Curve:
    """Beta(8, 2) confidences with a failure probability per lattice value."""
    return Curve(rounded_beta(8, 2), np.clip(failure, 0.0, 1.0))


def curves(alpha: float) -> dict[str, Curve]:
    """All curves by name; the last four are adversarial: nearly nothing may be allowed."""
    c = LATTICE_VALUES
    rising = [0.2, 0.3, 0.5, 0.8, 1.1, 1.5, 2.2, 3.0, 4.0, 5.0, 7.0, 9.0]
    worse_on_top = [1.6, 1.2, 0.3, 0.3, 0.5, 0.7, 1.2, 2.2, 3.0, 4.0, 6.0, 8.0]
    return {
        "calibrated": on_beta(1.0 - c),
        "under_confident": on_beta((1.0 - c) / 3.5),
        "over_confident": on_beta(1.0 - 0.985 * c**1.2),
        "atoms_monotone": verbalised([alpha * factor for factor in rising]),
        "atoms_top_worse": verbalised([alpha * factor for factor in worse_on_top]),
        "token_probabilities": token_probabilities(),
        "cliff": on_beta(np.where(c >= 0.85, 0.3 * alpha, 0.35)),
        "hallucination": on_beta(np.where(c > 0.97, 4.0 * alpha, 0.3 * alpha + 5.0 * alpha * (0.97 - c))),
        "null_flat": in_coverage(lambda u: np.full_like(u, alpha * 1.0001)),
        "null_hovering": in_coverage(lambda u: alpha * (1.005 + 0.004 * np.sin(6 * np.pi * u))),
        "null_sawtooth": in_coverage(lambda u: alpha * (1.0 + 0.05 * np.sin(4 * np.pi * np.log2(u + 0.01)))),
        "null_island": in_coverage(lambda u: alpha * (1.02 - 0.29 * np.exp(-(((u - 0.175) / 0.045) ** 2)))),
    }


@dataclass(frozen=True)
class Result:
    """What the trials of one curve showed."""

    name: str
    n: int
    violated_sample: int
    violated_population: int
    coverage: float
    oracle: float


def simulate(name: str, curve: Curve, options: argparse.Namespace, n: int) -> Result:
    """Run the trials of one curve at one size."""
    rng = np.random.default_rng([options.seed, n, *name.encode()])
    population_rate, population_coverage = curve.failure_rate(), curve.coverage()
    cumulative = np.cumsum(curve.mass)[:-1]
    violated_sample = violated_population = 0
    covered = 0.0
    for _ in range(options.trials):
        count = np.bincount(np.searchsorted(cumulative, rng.random(n), side="right"), minlength=LATTICE + 1)
        value = np.flatnonzero(count)
        drawn, failure = count[value], curve.failure[value]
        groups = Groups(value=value, n=drawn, successes=drawn - rng.binomial(drawn, failure), total=drawn)
        answer = recommend_for_groups(groups, alpha=options.alpha, delta=options.delta)
        if answer.threshold is None:
            continue
        step = round(answer.threshold * LATTICE)
        allowed = value >= step
        violated_sample += bool(np.average(failure[allowed], weights=drawn[allowed]) > options.alpha)
        violated_population += bool(population_rate[step] > options.alpha)
        covered += float(population_coverage[step])
    oracle = curve.oracle_coverage(options.alpha)
    return Result(name, n, violated_sample, violated_population, covered / options.trials, oracle)


def rate_line(violated: int, trials: int) -> str:
    """Format a violation rate with both intervals."""
    low, high = clopper_pearson([violated], [trials])
    score_low, score_high = wilson([violated], [trials])
    exact, score = f"{low[0]:.4f}-{high[0]:.4f}", f"{score_low[0]:.4f}-{score_high[0]:.4f}"
    return f"{violated / trials:.4f}  {exact}  {score}"


def exceeds(violated: int, options: argparse.Namespace) -> bool:
    """Whether the lower end of the exact 95 % interval lies above delta."""
    return bool(clopper_pearson([violated], [options.trials])[0][0] > options.delta)


def print_result(result: Result, options: argparse.Namespace) -> bool:
    """Print a line of the table and return whether it shows a violation."""
    ratio = f"{result.coverage / result.oracle:6.2f}" if result.oracle > 0 else "     -"
    # The sample is what is certified; the population is what the claim means to a user.
    failed = exceeds(result.violated_sample, options) or exceeds(result.violated_population, options)
    print(
        f"{result.name:20} {result.n:>7}  {rate_line(result.violated_sample, options.trials)}  "
        f"{result.violated_population / options.trials:10.4f}  {result.coverage:8.3f}  {result.oracle:6.3f}  "
        f"{ratio}  {'VIOLATED' if failed else 'ok'}",
        flush=True,
    )
    return failed


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = list(curves(0.05))
    parser.add_argument("--trials", type=int, default=2000, help="trials per curve and size (default 2000)")
    parser.add_argument("--n", type=int, nargs="+", default=[1000, 5000], help="sizes (default 1000 5000)")
    parser.add_argument("--curves", default=",".join(names), help=f"some of {','.join(names)} (default all)")
    parser.add_argument("--alpha", type=float, default=0.05, help="failure rate (default 0.05)")
    parser.add_argument("--delta", type=float, default=0.05, help="accepted violation rate (default 0.05)")
    parser.add_argument("--seed", type=int, default=1, help="seed (default 1)")
    options = parser.parse_args(arguments)
    options.curves = options.curves.split(",")
    unknown = sorted(set(options.curves) - set(names))
    if unknown:
        parser.error(f"unknown curves {', '.join(unknown)}; known are {', '.join(names)}")
    if options.trials < 1 or min(options.n) < 1:
        parser.error("--trials and --n must be at least 1")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    options = parse(arguments)
    known = curves(options.alpha)
    print(f"alpha {options.alpha}, delta {options.delta}, {options.trials} trials")
    print(
        f"{'curve':20} {'n':>7}  {'rate':6}  {'Clopper-Pearson':13}  {'Wilson':13}  {'population':>10}  "
        f"{'coverage':>8}  {'oracle':>6}  {'/oracle':>6}"
    )
    failed = False
    for n in options.n:
        for name in options.curves:
            started = time.perf_counter()
            result = simulate(name, known[name], options, n)
            failed |= print_result(result, options)
            print(f"  {name} took {time.perf_counter() - started:.1f} s", file=sys.stderr)
    print("some violation rate lies above delta" if failed else "no violation rate lies above delta")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
