"""Measure how often labels whose makers err certify a threshold wrongly, corrected by known cases and not.

Twelve curves. A violation: what is allowed fails more often in truth than alpha. The correction knows the errors from
answers about known cases, drawn anew in each trial. Where each failure is confirmed, known cases are, too: a second
person says wrong as well, or a third does.

example: python -m benchmarks.simulate_label_error --trials 1000
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from benchmarks.goals import at_most, line, options
from benchmarks.simulate_guarantee import Curve, curves
from calibration.statistics.groups import Groups
from calibration.statistics.intervals import clopper_pearson
from calibration.statistics.label_error import KnownAnswers, label_error
from calibration.statistics.lattice import LATTICE
from calibration.statistics.thresholds import recommend_for_groups

ALPHA = DELTA = 0.05
LABELS = 2_000
KNOWN = 300
"""Answers about known failures, and as many about known successes."""
CERTIFIES = 0.1
"""Of curves that certify less without any error, a share kept would be noise."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Chances that a failure is labelled a success, and a success a failure."""

    missed: float
    accused: float

    def confirmed(self) -> Errors:
        """Return the errors of labels of which each failure is confirmed, by people who err independently."""
        right, missed, accused = 1.0 - self.missed, self.missed, self.accused
        return Errors(1.0 - right**2 * (1.0 + missed), accused**2 * (2.0 - accused))


def certified(curve: Curve, errors: Errors, rng: np.random.Generator) -> tuple[tuple[bool, float], ...]:
    """One trial: of the uncorrected and the corrected answer, whether it is wrong and what it covers."""
    count = rng.multinomial(LABELS, curve.mass / curve.mass.sum())
    value = np.flatnonzero(count)
    drawn, failure = count[value], curve.failure[value]
    failed = rng.binomial(drawn, failure)
    called = rng.binomial(failed, 1.0 - errors.missed) + rng.binomial(drawn - failed, errors.accused)
    groups = Groups(value=value, n=drawn, successes=drawn - called, total=drawn)
    answers = KnownAnswers(
        failures=KNOWN,
        missed=int(rng.binomial(KNOWN, errors.missed)),
        successes=KNOWN,
        accused=int(rng.binomial(KNOWN, errors.accused)),
    )
    error = label_error(answers, level=DELTA)
    assert error is not None
    asked = ((ALPHA, DELTA), (error.tested_rate(ALPHA), error.level))
    return tuple(_judged(groups, drawn, failure, curve, alpha, delta) for alpha, delta in asked)


def _judged(
    groups: Groups, drawn: np.ndarray, failure: np.ndarray, curve: Curve, alpha: float, delta: float
) -> tuple[bool, float]:
    answer = recommend_for_groups(groups, alpha=alpha, delta=delta)
    if answer.threshold is None:
        return False, 0.0
    step = round(answer.threshold * LATTICE)
    allowed = groups.value >= step
    wrong = bool(np.average(failure[allowed], weights=drawn[allowed]) > ALPHA)
    return wrong, float(curve.coverage()[step])


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    given = options(__doc__, trials=500, arguments=arguments)
    rng = np.random.default_rng(given.seed)
    met = True
    for missed in (0.05, 0.1):
        worst = 0
        for name, curve in curves(ALPHA).items():
            trials = [certified(curve, Errors(missed, 0.0), rng) for _ in range(given.trials)]
            plain, corrected = (sum(trial[which][0] for trial in trials) for which in (0, 1))
            worst = max(worst, plain)
            met &= at_most(f"{missed:.0%} of failures missed, {name}: corrected", corrected, given.trials, DELTA)
        shows = bool(clopper_pearson([worst], [given.trials])[0][0] > DELTA)
        met &= line(f"{missed:.0%} missed, worst curve uncorrected", worst / given.trials, f"> {DELTA}", met=shows)
    for name in ("under_confident", "cliff", "token_probabilities"):
        trials = [certified(curves(ALPHA)[name], Errors(0.05, 0.05), rng) for _ in range(given.trials)]
        clean = [certified(curves(ALPHA)[name], Errors(0.0, 0.0), rng) for _ in range(given.trials)]
        kept = np.mean([trial[1][1] for trial in trials]) / np.mean([trial[0][1] for trial in clean])
        print(f"{f'5 % of both missed and accused, {name}: coverage kept':58} {kept:8.4f}", flush=True)
        wrong = sum(trial[1][0] for trial in trials)
        met &= at_most(f"the same, {name}: corrected", wrong, given.trials, DELTA)
    met &= _confirmed(given.trials, rng)
    for known in (50, 200):
        error = label_error(KnownAnswers(failures=known), level=DELTA)
        assert error is not None
        print(f"{f'{known} known failures, none missed: labels are tested at':58} {error.tested_rate(ALPHA):8.4f}")
    return int(not met)


def _confirmed(trials: int, rng: np.random.Generator) -> bool:
    met, both = True, Errors(0.05, 0.05)
    for name, curve in curves(ALPHA).items():
        clean = np.mean([certified(curve, Errors(0.0, 0.0), rng)[0][1] for _ in range(trials)])
        once = np.mean([certified(curve, both, rng)[1][1] for _ in range(trials)])
        twice = [certified(curve, both.confirmed(), rng) for _ in range(trials)]
        for which, what in enumerate(("confirmed", "confirmed and corrected")):
            wrong = sum(trial[which][0] for trial in twice)
            met &= at_most(f"5 % of both, {name}: {what}", wrong, trials, DELTA)
        if clean < CERTIFIES:
            continue
        kept, corrected = (np.mean([trial[which][1] for trial in twice]) / clean for which in (0, 1))
        met &= line(f"coverage kept, {name}: confirmed", kept, ">= 0.5", met=bool(kept >= 0.5))
        print(f"{f'coverage kept, {name}: confirmed and corrected':58} {corrected:8.4f}", flush=True)
        print(f"{f'coverage kept, {name}: corrected alone':58} {once / clean:8.4f}", flush=True)
    return met


if __name__ == "__main__":
    sys.exit(main())
