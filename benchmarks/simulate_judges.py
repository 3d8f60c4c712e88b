"""Measure what a judge beside people saves, and how often it makes a certificate wrong.

Twelve curves; coverage is compared where labels alone certify some. People label n decisions drawn alike, or with a
judge on N decisions all that it calls wrong and a share of what it calls right: a quarter fewer labels. A violation:
what is allowed fails more often in truth than alpha, among the judged decisions or in the population.

example: python -m benchmarks.simulate_judges --trials 1000
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.goals import at_most, line, options
from benchmarks.simulate_guarantee import LATTICE_VALUES, Curve, curves
from calibration.statistics.groups import Groups
from calibration.statistics.judges import JudgedGroups, recommend_with_judge
from calibration.statistics.lattice import LATTICE
from calibration.statistics.thresholds import recommend_for_groups

ALPHA = DELTA = 0.05
FEWER, KEPT = 0.75, 0.9
"""Labels with a judge per label without, and the coverage that must be kept."""

READ = 1.5
"""Decisions that the judge reads for each label that it is compared with."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judge:
    """Chances that a failure is called wrong, and a success right; by confidence."""

    sensitivity: Array | float = 0.7
    specificity: Array | float = 0.97

    def calls_wrong(self, curve: Curve) -> Array:
        """Chance at each lattice value that a decision is called wrong."""
        return curve.failure * self.sensitivity + (1.0 - curve.failure) * (1.0 - np.asarray(self.specificity))


OTHERS = {
    "never says wrong": Judge(0.0, 1.0),
    "tosses a coin": Judge(0.5, 0.5),
    "says the opposite": Judge(0.1, 0.7),
    "always right": Judge(1.0, 1.0),
    "blind where the model is sure": Judge(np.where(LATTICE_VALUES > 0.9, 0.1, 0.9), 0.97),
}


def plain(curve: Curve, n: int, rng: np.random.Generator) -> float:
    """True coverage that n labels drawn alike certify."""
    count = rng.multinomial(n, curve.mass / curve.mass.sum())
    value = np.flatnonzero(count)
    drawn = count[value]
    groups = Groups(value=value, n=drawn, successes=drawn - rng.binomial(drawn, curve.failure[value]), total=drawn)
    threshold = recommend_for_groups(groups, alpha=ALPHA, delta=DELTA).threshold
    return 0.0 if threshold is None else float(curve.coverage()[round(threshold * LATTICE)])


def share_of_people(curve: Curve, judge: Judge, judged: int, labels: float) -> float:
    """The share of what the judge calls right that brings people's labels to a number; above 0 and at most 1."""
    wrong = float(np.average(judge.calls_wrong(curve), weights=curve.mass))
    return float(np.clip((labels / judged - wrong) / max(1.0 - wrong, 1e-9), 0.05, 1.0))


def with_judge(
    curve: Curve, judge: Judge, judged: int, share: float, rng: np.random.Generator
) -> tuple[bool, float, int]:
    """One trial: whether it is wrong, the true coverage, and the labels that people gave."""
    count = rng.multinomial(judged, curve.mass / curve.mass.sum())
    value = np.flatnonzero(count)
    read, failure = count[value], curve.failure[value]
    sensitivity = np.broadcast_to(judge.sensitivity, LATTICE_VALUES.shape)[value]
    specificity = np.broadcast_to(judge.specificity, LATTICE_VALUES.shape)[value]
    failed = rng.binomial(read, failure)
    caught = rng.binomial(failed, sensitivity)
    accused = rng.binomial(read - failed, 1.0 - specificity)
    slipped = rng.binomial(failed - caught, share)
    sound = rng.binomial(read - failed - accused, share)
    groups = JudgedGroups(value=value, judged=read, caught=caught, slipped=slipped, share=share)
    labels = int((caught + accused + slipped + sound).sum())
    threshold = recommend_with_judge(groups, alpha=ALPHA, delta=DELTA).threshold
    if threshold is None:
        return False, 0.0, labels
    step = round(threshold * LATTICE)
    allowed = value >= step
    wrong = np.average(failure[allowed], weights=read[allowed]) > ALPHA or curve.failure_rate()[step] > ALPHA
    return bool(wrong), float(curve.coverage()[step]), labels


def compared(n: int, judged: int, trials: int, seed: int, said: Callable[..., bool]) -> bool:
    """Print what each curve shows and return whether goals are met."""
    met = True
    for name, curve in curves(ALPHA).items():
        rng = np.random.default_rng([seed, n, judged, *name.encode()])
        share = share_of_people(curve, Judge(), judged, FEWER * n)
        found = [with_judge(curve, Judge(), judged, share, rng) for _ in range(trials)]
        wrong, labels = sum(each[0] for each in found), float(np.mean([each[2] for each in found])) / n
        of = f"n = {n:,}, {judged:,} judged, {name}"
        met &= at_most(f"{of}: wrong", wrong, trials, DELTA)
        before, after = np.mean([plain(curve, n, rng) for _ in range(trials)]), np.mean([each[1] for each in found])
        # Where labels alone certify next to nothing there is nothing to keep.
        if before >= 0.05 and not name.startswith("null"):
            met &= said(f"  coverage {before:.3f}, kept with {labels:.2f} of the labels", float(after / before))
    return met


def _kept(what: str, share: float) -> bool:
    return line(what, share, f">= {KEPT}", met=share >= KEPT)


def _told(what: str, share: float) -> bool:
    print(f"{what:58} {share:8.4f}", flush=True)
    return True


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    given = options(__doc__, trials=400, arguments=arguments)
    met = True
    for n in (1_000, 2_000):
        met &= compared(n, round(READ * n), given.trials, given.seed, _kept)
    # For comparison: a judge that reads no more than people would have labelled.
    met &= compared(1_000, 1_000, given.trials, given.seed, _told)
    rng = np.random.default_rng(given.seed)
    for who, judge in OTHERS.items():
        for name in ("under_confident", "cliff", "null_flat", "null_hovering", "null_island"):
            curve = curves(ALPHA)[name]
            share = share_of_people(curve, judge, 1_500, 750)
            wrong = sum(with_judge(curve, judge, 1_500, share, rng)[0] for _ in range(given.trials))
            met &= at_most(f"a judge that {who}, {name}: wrong", wrong, given.trials, DELTA)
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
