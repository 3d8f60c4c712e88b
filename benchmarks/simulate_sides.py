"""Measure both sides of a yes/no question, each certified for itself, beside one threshold on the larger of both.

Each side keeps its promise where it is the only one that may be trusted, where both may be and where neither may; where
both are alike, half of the labels and half of delta for each allow less. One threshold on max(P(yes), P(no)) promises a
failure rate of both together: how often one side then fails more often than that is printed as what it is, without a
goal.

example: python -m benchmarks.simulate_sides --trials 4000 --seed 7
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from benchmarks.goals import at_most, options
from benchmarks.simulate_guarantee import Curve, curves
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE
from calibration.statistics.segments import recommend_for_segments
from calibration.statistics.thresholds import recommend_for_groups

ALPHA = DELTA = 0.05
N = 2000


@dataclass(frozen=True)
class Question:
    """How sure a model is of a yes and of a no, and how often it is then wrong; `yes` is the share of answers yes."""

    of_yes: Curve
    of_no: Curve
    yes: float = 0.5


@dataclass
class Seen:
    """What the trials of one question showed: mean shares acted on, trials in which a side fails too often."""

    sides: float = 0.0
    one: float = 0.0
    wrong: int = 0
    hidden: int = 0


def questions() -> dict[str, Question]:
    """Questions by name; of the last three no side, or only one, may be acted on."""
    known = curves(ALPHA)
    good, bad, null = known["under_confident"], known["over_confident"], known["null_flat"]
    return {
        "both sides alike": Question(good, good),
        "a no can be trusted, a yes is over-confident": Question(bad, good),
        "rare yes": Question(known["calibrated"], good, yes=0.1),
        "rare yes that cannot be trusted": Question(null, good, yes=0.1),
        "yes just above alpha": Question(null, good),
        "both just above alpha": Question(null, null),
    }


def simulate(name: str, question: Question, trials: int, seed: int) -> Seen:
    """Run the trials of one question; both methods see the same draws."""
    rng, seen = np.random.default_rng([seed, *name.encode()]), Seen()
    curve_of = {"yes": question.of_yes, "no": question.of_no}
    for _ in range(trials):
        yes = int(rng.binomial(N, question.yes))
        groups = {side: draw(rng, curve_of[side], n) for side, n in (("yes", yes), ("no", N - yes))}
        found = recommend_for_segments(groups, alpha=ALPHA, delta=DELTA).recommendations
        at = {side: answer.threshold for side, answer in found.items()}
        one = recommend_for_groups(Groups.merge(groups.values()), alpha=ALPHA, delta=DELTA).threshold
        seen.sides += sum(acted(groups[side], at[side]) for side in at) / N / trials
        seen.one += sum(acted(each, one) for each in groups.values()) / N / trials
        seen.wrong += any(fails(groups[side], curve_of[side], at[side]) for side in at)
        seen.hidden += any(fails(groups[side], curve_of[side], one) for side in at)
    return seen


def draw(rng: np.random.Generator, curve: Curve, n: int) -> Groups:
    """Draw labelled answers of one side."""
    count = np.bincount(np.searchsorted(np.cumsum(curve.mass)[:-1], rng.random(n), side="right"), minlength=LATTICE + 1)
    value = np.flatnonzero(count)
    drawn = count[value]
    return Groups(value=value, n=drawn, successes=drawn - rng.binomial(drawn, curve.failure[value]), total=drawn)


def acted(groups: Groups, threshold: float | None) -> int:
    """Count what is acted on."""
    return 0 if threshold is None else groups.allowed_by(threshold).decisions


def fails(groups: Groups, curve: Curve, threshold: float | None) -> bool:
    """Whether the mean true failure probability of what is acted on lies above alpha."""
    if not acted(groups, threshold):
        return False
    allowed = groups.allowed_by(threshold or 0.0)
    return bool(np.average(curve.failure[allowed.value], weights=allowed.n) > ALPHA)


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    given = options(__doc__, trials=1000, arguments=arguments)
    met = True
    for name, question in questions().items():
        seen = simulate(name, question, given.trials, given.seed)
        met &= at_most(f"{name}: a side wrong", seen.wrong, given.trials, DELTA)
        shares = f"{name}: acted on {seen.sides:.3f}, by one threshold {seen.one:.3f}"
        print(f"{shares}, under which a side fails in {seen.hidden / given.trials:.3f}")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
