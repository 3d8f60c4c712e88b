"""Measure how often the alarm over changed answers is false, and how soon it tells of a change.

1,000 answers in the certificate's window, then a look a day for 30 days, each at one day's answers. "Rhythm": answers
of weekdays and of weekends differ, and the window holds both. That is no change: days are compared with the same days
of the week, here 150 answers of each; "whole window" is what would be told without that.

example: python -m benchmarks.simulate_answers --trials 2000
"""

from __future__ import annotations

import sys

import numpy as np
import scipy

from benchmarks.goals import at_most, line, options
from calibration.statistics.answers import LOOKS_A_MONTH, MONTHLY_RATE, answers_change

WINDOW = 1_000
SHAPES = {"even": (1, 1, 0.01), "sure": (8, 1.5, 0.02), "torn": (0.4, 0.4, 0.1)}
"""Two parameters of the beta distribution of confidences, and the share without an answer."""


def cells(shape: tuple[float, float, float]) -> np.ndarray:
    """Probabilities of ten bins of confidence, and of no answer."""
    a, b, unanswered = shape
    return np.append(np.diff(scipy.stats.beta(a, b).cdf(np.linspace(0, 1, 11))) * (1 - unanswered), unanswered)


def first_alarm(before: list[np.ndarray], days: list[np.ndarray], a_day: int, rng: np.random.Generator) -> int | None:
    """Return the day of the first alarm, from 1; None: there was none. `before` is what each day is compared with."""
    for day, (counts, now) in enumerate(zip(before, days, strict=True), start=1):
        change = answers_change(counts, rng.multinomial(a_day, now))
        if change is not None and change.changed:
            return day
    return None


def window(shape: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw the certificate's window, with which every day is compared."""
    return [rng.multinomial(WINDOW, shape)] * LOOKS_A_MONTH


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    given = options(__doc__, trials=1000, arguments=arguments)
    rng = np.random.default_rng(given.seed)
    met = True
    for name, shape in SHAPES.items():
        for a_day in (100, 300):
            month = [cells(shape)] * LOOKS_A_MONTH
            false = sum(first_alarm(window(month[0], rng), month, a_day, rng) is not None for _ in range(given.trials))
            met &= at_most(f"{name}, {a_day} a day: months with a false alarm", false, given.trials, MONTHLY_RATE)
    weekday, weekend = cells((8, 1.5, 0.02)), cells((6, 1.7, 0.03))
    kinds = [weekend if day % 7 > 4 else weekday for day in range(LOOKS_A_MONTH)]
    mixed = (5 * weekday + 2 * weekend) / 7
    looked = [first_alarm(window(mixed, rng), kinds, 300, rng) for _ in range(given.trials)]
    told = sum(day is not None for day in looked)
    print(f"rhythm, whole window: {told / given.trials:.3f} of months with an alarm")
    false = 0
    for _ in range(given.trials):
        of_weekday = [rng.multinomial(150, kinds[day]) for day in range(7)]
        false += first_alarm([of_weekday[day % 7] for day in range(LOOKS_A_MONTH)], kinds, 300, rng) is not None
    met &= at_most("rhythm: months with a false alarm", false, given.trials, MONTHLY_RATE)
    for name, after in (("refusals from .02 to .15", (8, 1.5, 0.15)), ("confidences lower", (3, 1.5, 0.02))):
        changed = [cells(after)] * LOOKS_A_MONTH
        delays = [first_alarm(window(weekday, rng), changed, 300, rng) or np.inf for _ in range(given.trials)]
        found = float(np.median(delays))
        met &= line(f"{name}: days until it is told", found, "<= 2", met=found <= 2)
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
