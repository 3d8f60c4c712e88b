"""Measure how many labels a plan needs for what labels from everywhere certify, and how honest its chances are.

Twelve curves at alpha .05; with --data also the models of a file of real confidences (columns provider, model,
confidence, success) at .10 and .20. Each plan knows all confidences and a pilot that has no part in the test. A
violation: what is allowed fails more often in truth than alpha.

example: python -m benchmarks.simulate_planner --pilots 40 --data confidences.csv.gz
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.goals import at_most, line
from benchmarks.simulate_guarantee import Curve, curves
from calibration.statistics.groups import Groups
from calibration.statistics.label_planning import Option, plan_labels
from calibration.statistics.lattice import LATTICE
from calibration.statistics.thresholds import recommend_for_groups

DELTA = 0.05
ALPHA_OF_CURVES, ALPHAS_OF_MODELS = 0.05, (0.1, 0.2)
TRAFFIC = 20_000
"""Decisions of which the confidences are known."""
LABELS = (200, 300, 400, 600, 800, 1200)
"""Drawn from everywhere: what plans are held against."""
BUDGET = 2_000
"""The most labels of a plan."""
EVENLY_TRIALS = 600
LEAST = 0.002
"""Mean coverage below which labels from everywhere certify nothing that could be had for less."""


@dataclass
class Seen:
    """What the trials of one subject showed.

    Parameters
    ----------
    evenly : dict of int to float
        Mean coverage by labels from everywhere.
    planned : dict of int to list of float
        By the number of labels, the mean coverage of what each plan's certified.
    told : list of (float, float, float, float)
        Chance and coverage as planned, and as they came.
    """

    evenly: dict[int, float] = field(default_factory=dict)
    planned: dict[int, list[float]] = field(default_factory=dict)
    told: list[tuple[float, float, float, float]] = field(default_factory=list)
    wrong: int = 0
    trials: int = 0

    def ratios(self) -> Iterator[tuple[float, float]]:
        """Coverage of labels from everywhere, and the share of them that plans need for as much (inf: over 2,000)."""
        labels = np.array(list(self.planned))
        reached = np.maximum.accumulate([np.mean(each) for each in self.planned.values()])
        for evenly, coverage in self.evenly.items():
            if coverage >= LEAST:
                needed = np.interp(coverage, reached, labels, right=np.inf)
                yield coverage, float(needed) / evenly


def certified(
    curve: Curve, confidence_from: float, labels: int, alpha: float, rng: np.random.Generator
) -> tuple[float, bool]:
    """Label decisions of a region at random; return the true coverage of what is certified, and whether it is wrong."""
    mass = np.where(np.arange(LATTICE + 1) >= round(confidence_from * LATTICE), curve.mass, 0.0)
    count = rng.multinomial(labels, mass / mass.sum())
    value = np.flatnonzero(count)
    drawn, failure = count[value], curve.failure[value]
    groups = Groups(value=value, n=drawn, successes=drawn - rng.binomial(drawn, failure), total=drawn)
    threshold = recommend_for_groups(groups, alpha=alpha, delta=DELTA).threshold
    if threshold is None:
        return 0.0, False
    allowed = value >= round(threshold * LATTICE)
    wrong = bool(np.average(failure[allowed], weights=drawn[allowed]) > alpha)
    return float(curve.coverage()[round(threshold * LATTICE)]), wrong


def planned(curve: Curve, alpha: float, pilot: int, rng: np.random.Generator) -> tuple[Option, ...]:
    """Draw a pilot and plan."""
    total = rng.multinomial(TRAFFIC, curve.mass / curve.mass.sum())
    value = np.flatnonzero(total)
    n = rng.multivariate_hypergeometric(total[value], pilot, method="marginals")
    groups = Groups(value=value, n=n, successes=n - rng.binomial(n, curve.failure[value]), total=total[value])
    return plan_labels(groups, most=BUDGET, decisions=TRAFFIC, alpha=alpha, delta=DELTA, draws=100)


def simulate(curve: Curve, alpha: float, given: argparse.Namespace, rng: np.random.Generator) -> Seen:
    """Run the plans of one subject, and labels from everywhere beside them."""
    seen = Seen()
    for labels in LABELS:
        seen.evenly[labels] = float(
            np.mean([certified(curve, 0.0, labels, alpha, rng)[0] for _ in range(EVENLY_TRIALS)])
        )
    for _ in range(given.pilots):
        for option in planned(curve, alpha, given.pilot, rng):
            tries = [certified(curve, option.confidence_from, option.labels, alpha, rng) for _ in range(given.trials)]
            came = np.array([coverage for coverage, _ in tries])
            seen.planned.setdefault(option.labels, []).append(float(came.mean()))
            seen.told.append((option.chance, option.coverage, float(np.mean(came > 0.0)), float(came.mean())))
            seen.wrong += sum(wrong for _, wrong in tries)
            seen.trials += len(tries)
    return seen


def models(path: Path) -> dict[str, Curve]:
    """Read a curve for each model of a file."""
    counts: dict[str, np.ndarray] = {}
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        for row in csv.DictReader(file):
            counted = counts.setdefault(f"{row['provider']} {row['model']}", np.zeros((2, LATTICE + 1)))
            counted[:, round(float(row["confidence"]) * LATTICE)] += 1.0, row["success"].lower() in ("0", "false")
    return {
        name: Curve(n / n.sum(), np.divide(failed, n, out=np.zeros_like(n), where=n > 0))
        for name, (n, failed) in counts.items()
    }


def subjects(given: argparse.Namespace) -> Iterator[tuple[str, str, Curve, float]]:
    """Yield kind, name, curve and alpha of everything that is measured."""
    for name, curve in curves(ALPHA_OF_CURVES).items():
        yield "curves", name, curve, ALPHA_OF_CURVES
    if given.data:
        for alpha in ALPHAS_OF_MODELS:
            for name, curve in models(given.data).items():
                yield "models", f"{name}, alpha {alpha}", curve, alpha


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pilots", type=int, default=16, help="plans of each subject (default 16)")
    parser.add_argument("--pilot", type=int, default=100, help="labels of a pilot (default 100)")
    parser.add_argument("--trials", type=int, default=10, help="trials of each plan (default 10)")
    parser.add_argument("--data", type=Path, help="file of real confidences; left out: the curves alone")
    parser.add_argument("--seed", type=int, default=1, help="seed (default 1)")
    given = parser.parse_args(arguments)
    met = True
    ratios: dict[str, list[tuple[float, float]]] = {}
    told: list[tuple[float, float, float, float]] = []
    for kind, name, curve, alpha in subjects(given):
        seen = simulate(curve, alpha, given, np.random.default_rng([given.seed, round(alpha * 100), *name.encode()]))
        met &= at_most(f"{name}: certified wrongly", seen.wrong, seen.trials, DELTA)
        told += seen.told
        if not name.startswith("null"):
            found = list(seen.ratios())
            print("  from everywhere: share of labels ", ", ".join(f"{c:.3f}: {r:.2f}" for c, r in found), flush=True)
            ratios.setdefault(kind, []).extend(found)
    for kind, found in ratios.items():
        for low, high, goal in ((0.0, 0.1, 0.5), (0.1, 0.4, 0.8 if kind == "curves" else np.inf), (0.4, 1.0, np.inf)):
            inside = [ratio for coverage, ratio in found if low < coverage <= high]
            if inside:
                median = float(np.median(inside))
                what = f"{kind}, from everywhere {low:g} to {high:g}: median of {len(inside)} shares"
                met &= line(what, median, f"<= {goal:g}", met=median <= goal)
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.01)):
        inside = np.array([each for each in told if low <= each[0] < high])
        if inside.size:
            chance, coverage, came, covered = inside.mean(axis=0)
            told_of, came_of = f"chance {chance:.3f}, came {came:.3f}", f"coverage {coverage:.3f}, came {covered:.3f}"
            print(f"{len(inside)} plans: {told_of}; {came_of}")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
