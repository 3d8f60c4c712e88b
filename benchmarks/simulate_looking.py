"""Play the adversary: a year of daily looks at everything, the best moment chosen, under reviews and candidates.

Four reviews stand in the calendar; what can still be chosen is when to register which candidate, and whether to drop
it for another. The adversary sees all outcomes at once, registers the values that look best, and drops a candidate
that falls behind. A year is wrong when a value is loosened to at any time whose true failure rate lies above alpha.
For comparison: looking each week and loosening once it would be certified, as nobody can any more.

example: python -m benchmarks.simulate_looking --trials 5000
"""

from __future__ import annotations

import sys
from datetime import date, timedelta

import numpy as np

from benchmarks.goals import at_most, options
from benchmarks.simulate_guarantee import Curve, curves
from calibration.statistics.candidates import follow_candidate
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE
from calibration.statistics.levels import Spent, candidate_level, review_level
from calibration.statistics.thresholds import recommend_for_groups

ALPHA = DELTA = 0.05
KEPT = 0.01
REVIEWS, WINDOW, DAYS, A_DAY = 4, 30, 394, 40
REVIEW_DAYS = tuple(WINDOW + 91 * number for number in range(REVIEWS))
GIVEN_UP = -1.0
START = date(2026, 1, 1)


def flat() -> Curve:
    """Eleven confidences with a failure rate of .0505 each."""
    mass, failure = np.zeros(LATTICE + 1), np.full(LATTICE + 1, 0.0505)
    mass[np.arange(10_000, 4_999, -500)] = [0.08, 0.3, 0.2, 0.15, 0.1, 0.06, 0.04, 0.03, 0.02, 0.01, 0.01]
    return Curve(mass / mass.sum(), failure)


class Year:
    """The decisions of a year, and what is wrong on its curve."""

    def __init__(self, curve: Curve, in_force: int, rng: np.random.Generator) -> None:
        """Draw the decisions."""
        drawn = np.searchsorted(np.cumsum(curve.mass)[:-1], rng.random((DAYS, A_DAY)), side="right")
        self.value, self.lost = drawn, rng.random(drawn.shape) < curve.failure[drawn]
        self.curve, self.in_force = curve, in_force

    def window(self, day: int) -> Groups:
        """Return the decisions of the days before one."""
        value, lost = self.value[day - WINDOW : day].ravel(), self.lost[day - WINDOW : day].ravel()
        n = np.bincount(value, minlength=LATTICE + 1)
        seen = np.flatnonzero(n)
        won = n - np.bincount(value[lost], minlength=LATTICE + 1)
        return Groups(value=seen, n=n[seen], successes=won[seen], total=n[seen])

    def loosens_wrongly(self, day: int, level: float) -> bool:
        """Whether a recommendation at a level, over the window of a day, loosens to a value that is wrong."""
        groups = self.window(day)
        answer = recommend_for_groups(groups, alpha=ALPHA, delta=level).threshold
        if answer is None or round(answer * LATTICE) >= self.in_force:
            return False
        reached = groups.at_or_above(round(answer * LATTICE))
        return bool(np.average(self.curve.failure[reached.value], weights=reached.n) > ALPHA)

    def certifies(self, day: int) -> bool:
        """Whether a run by itself certifies any threshold at all."""
        return recommend_for_groups(self.window(day), alpha=ALPHA, delta=DELTA).threshold is not None

    def reviewed_wrongly(self) -> bool:
        """Whether a review of the calendar loosens wrongly."""
        spent: list[Spent] = []
        for day in REVIEW_DAYS:
            on = START + timedelta(days=day)
            level = review_level(spent, on, reviews=REVIEWS, delta=DELTA, candidate_delta=KEPT).level
            assert level is not None
            spent.append(Spent(on=on, level=level))
            if self.loosens_wrongly(day, level):
                return True
        return False

    def passed_wrongly(self) -> bool:
        """Whether a candidate passes that is wrong: registered at the best moment, dropped once it falls behind."""
        spent: list[Spent] = []
        day = WINDOW
        while day < DAYS:
            on = START + timedelta(days=day)
            level = candidate_level(spent, on, candidate_delta=KEPT)
            if level.level is None or level.index is None:
                return False
            value = self.best_looking(day)
            allowed = self.value[day:] >= value
            tried, lost = np.cumsum(allowed.sum(axis=1)), np.cumsum((allowed & self.lost[day:]).sum(axis=1))
            found = follow_candidate(lost, tried, alpha=ALPHA, level=level.level)
            rate = np.cumsum((allowed * self.curve.failure[self.value[day:]]).sum(axis=1)) / np.maximum(tried, 1)
            behind = np.flatnonzero(found.log_e_values < GIVEN_UP)
            dropped = int(behind[0]) if behind.size else DAYS
            if found.first_look is not None and found.first_look <= dropped:
                if rate[found.first_look] > ALPHA:
                    return True
                dropped = found.first_look
            day += dropped + 1
            until = START + timedelta(days=min(day - 1, DAYS))
            spent.append(Spent(on=on, level=level.level, until=until, index=level.index))
        return False

    def best_looking(self, day: int) -> int:
        """Return the value below the one in force down to which the last window failed least."""
        groups = self.window(day)
        below = groups.value < self.in_force
        if not below.any():
            return self.in_force
        failed, reached = np.cumsum(groups.failures[::-1])[::-1], np.cumsum(groups.n[::-1])[::-1]
        # The lowest values hold most of the labels: among those with a rate below alpha the adversary takes the lowest.
        rates = (failed / reached)[below]
        good = np.flatnonzero(rates < ALPHA)
        return int(groups.value[below][good[0] if good.size else int(np.argmin(rates))])


def play(name: str, curve: Curve, in_force: int, trials: int, seed: int) -> tuple[int, int, int]:
    """Count the years that are wrong by a review, by a candidate, and by either."""
    rng = np.random.default_rng([seed, *name.encode()])
    reviewed = passed = either = 0
    for _ in range(trials):
        year = Year(curve, in_force, rng)
        one, two = year.reviewed_wrongly(), year.passed_wrongly()
        reviewed, passed, either = reviewed + one, passed + two, either + (one or two)
    return reviewed, passed, either


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    given = options(__doc__, trials=150, arguments=arguments)
    few = max(given.trials // 5, 1)
    rng = np.random.default_rng(given.seed)
    years = [Year(flat(), 9_000, rng) for _ in range(min(few, 200))]
    for often, step, known in (("week", 7, ".339"), ("day", 1, ".51")):
        wrong = np.mean([any(y.loosens_wrongly(day, DELTA) for day in range(WINDOW, DAYS + 1, step)) for y in years])
        print(
            f"flat .0505, as it was: a free look each {often} and one review once it says yes: {wrong:.3f} of "
            f"{len(years)} years are wrong ({known} of many)"
        )
    certified = np.mean([any(y.certifies(day) for day in range(WINDOW, DAYS + 1, 7)) for y in years])
    print(f"flat .0505, 53 weekly runs, each by itself: a wrong certificate in {certified:.3f} of years")
    reviewed, passed, either = play("flat", flat(), 9_000, given.trials, given.seed)
    met = at_most("flat .0505: wrong by a review", reviewed, given.trials, DELTA - KEPT)
    met &= at_most("flat .0505: wrong by a candidate", passed, given.trials, KEPT)
    met &= at_most("flat .0505: wrong in the year", either, given.trials, DELTA)
    for name, curve in curves(ALPHA).items():
        in_force = int(np.flatnonzero(curve.coverage() >= 0.4)[-1])
        met &= at_most(f"{name}: wrong in the year", play(name, curve, in_force, few, given.seed)[2], few, DELTA)
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
