"""Measure how late the alarm is after good days, and how often it is false, with and without weekly restarts.

20 labelled decisions a day, 365 days, a look each day, alpha = delta = .05. The delay counts from the change on; its
median is 365 where most years end without an alarm.

example: python -m benchmarks.simulate_alarm --trials 1500
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.goals import at_most, line, options
from calibration.statistics.sequential import alarm_log_e_values, follow, restarted_alarm_log_e_values

ALPHA = DELTA = 0.05
DAYS, A_DAY = 365, 20
CHANGES = (
    (".10 from the first day", 0.10, 0, 16),
    (".02 for 90 days, then .10", 0.02, 90, 35),
    (".02 for 180 days, then .10", 0.02, 180, 35),
    (".04 for 180 days, then .10", 0.04, 180, 35),
)


def delays(rates: np.ndarray, change: int, trials: int, rng: np.random.Generator) -> np.ndarray:
    """Days from the change to the alarm, without and with restarts; DAYS where there is none. Shape (2, trials)."""
    tried, week = np.full(DAYS, A_DAY), np.arange(DAYS) // 7
    found = np.full((2, trials), DAYS)
    for trial in range(trials):
        lost = rng.binomial(A_DAY, rates)
        once = alarm_log_e_values(np.cumsum(lost), np.cumsum(tried), alpha=ALPHA)
        restarted = restarted_alarm_log_e_values(lost, tried, week, alpha=ALPHA)
        for row, looks in enumerate((once, restarted)):
            first = follow(looks, delta=DELTA).first_look
            if first is not None:
                found[row, trial] = first - change + 1
    return found


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    given = options(__doc__, trials=400, arguments=arguments)
    rng = np.random.default_rng(given.seed)
    quiet = delays(np.full(DAYS, ALPHA), 0, given.trials, rng)[1]
    met = at_most("false alarms in a year at .05", int((quiet < DAYS).sum()), given.trials, DELTA)
    for name, before, change, goal in CHANGES:
        rates = np.where(np.arange(DAYS) < change, before, 0.10)
        once, restarted = np.median(delays(rates, change, given.trials, rng), axis=1)
        print(f"{name}: one e-value for all takes {once:.0f} days at the median")
        met &= line(f"{name}: days with restarts", restarted, f"<= {goal}", met=bool(restarted <= goal))
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
