"""Measure how often a certificate by drawn decisions is wrong, and how much it lets through, at even and uneven rates.

Decisions of twelve curves are drawn for labels on both sides of a threshold in force, at rates by band of confidence;
"worst" is the curve on which what is certified fails more often than α most often. Coverage is beside that of as many
labels drawn at one rate.

example: python -m benchmarks.simulate_sampling --trials 1000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np

from benchmarks.simulate_guarantee import Curve, curves
from calibration.statistics.draws import recommend_from_draws
from calibration.statistics.groups import Groups
from calibration.statistics.intervals import clopper_pearson
from calibration.statistics.lattice import LATTICE

ALPHA = DELTA = 0.05

Design = Sequence[tuple[float, float]]
"""Shares of the decisions, the most confident first, and how often each is drawn, relative to the others."""

DESIGNS: Mapping[str, Design] = {
    "uniform": ((1.0, 1.0),),
    "most confident half": ((0.5, 4.0), (0.5, 1.0)),
    "top thin, rest thick": ((0.2, 1.0), (0.8, 4.0)),
    "three rates": ((0.2, 1.0), (0.4, 4.0), (0.4, 2.0)),
}
DECISIONS_A_LABEL = 10
"""All decisions for each that is drawn."""


def rates(curve: Curve, design: Design) -> list[tuple[int, float]]:
    """Lowest lattice value of each band, from the top, with its rate relative to the mean."""
    above = curve.coverage()
    found, reached = [], 0.0
    mean = sum(share * weight for share, weight in design)
    for share, weight in design:
        reached += share
        low = 0 if reached >= 1.0 else int(np.flatnonzero(above >= reached - 1e-9).max())
        found.append((low, weight / mean))
    return found


def drawn(curve: Curve, design: Design, labels: int, rng: np.random.Generator) -> list[Groups]:
    """Parts of one trial, one for each rate: all decisions, the draws among them, and their outcomes."""
    decisions = labels * DECISIONS_A_LABEL
    cumulative = np.cumsum(curve.mass)[:-1]
    count = np.bincount(np.searchsorted(cumulative, rng.random(decisions), side="right"), minlength=LATTICE + 1)
    parts, high = [], LATTICE + 1
    for low, weight in rates(curve, design):
        value = low + np.flatnonzero(count[low:high])
        total = count[value]
        n = rng.binomial(total, min(weight / DECISIONS_A_LABEL, 1.0))
        parts.append(Groups(value=value, n=n, successes=n - rng.binomial(n, curve.failure[value]), total=total))
        high = low
    return parts


def simulate(curve: Curve, design: Design, labels: int, trials: int, rng: np.random.Generator) -> tuple[int, float]:
    """Return how often the certified threshold's true failure rate is above α, and the mean coverage."""
    truth, coverage = curve.failure_rate(), curve.coverage()
    wrong, covered = 0, 0.0
    for _ in range(trials):
        found = recommend_from_draws(drawn(curve, design, labels, rng), alpha=ALPHA, delta=DELTA)
        if found.threshold is not None:
            place = round(found.threshold * LATTICE)
            wrong += bool(truth[place] > ALPHA)
            covered += float(coverage[place])
    return wrong, covered / trials


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=400, help="trials of each line (default 400)")
    parser.add_argument("--labels", type=int, nargs="+", default=[200, 1000, 5000], help="labels a trial")
    parser.add_argument("--seed", type=int, default=1, help="seed (default 1)")
    given = parser.parse_args(arguments)
    met = True
    for labels in given.labels:
        print(
            f"{labels} labels of {labels * DECISIONS_A_LABEL} decisions, {given.trials} trials, alpha = delta = {ALPHA}"
        )
        for name, curve in curves(ALPHA).items():
            oracle, said = curve.oracle_coverage(ALPHA), []
            for place, design in enumerate(DESIGNS.values()):
                rng = np.random.default_rng([given.seed, labels, place, *name.encode()])
                wrong, covered = simulate(curve, design, labels, given.trials, rng)
                share = wrong / given.trials
                met &= bool(clopper_pearson([wrong], [given.trials])[0][0] <= DELTA)
                said.append(f"{share:.3f} ±{sqrt(share * (1 - share) / given.trials):.3f} {covered:.3f}")
            print(f"{name:20} {oracle:.3f}  {'  '.join(said)}", flush=True)
    print(f"of each design ({', '.join(DESIGNS)}): certified wrongly, its standard error, mean coverage")
    print("no design certifies wrongly by more than delta" if met else "MISSED: a design certifies wrongly above delta")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
