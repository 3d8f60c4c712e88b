"""The time that each statistic takes on 10,001 groups: the median of several runs."""

import statistics
import time
from collections.abc import Callable

import numpy as np

from calibration.statistics.audits import recommend_with_audits
from calibration.statistics.calibration_error import calibration_error, noise_floor
from calibration.statistics.costs import Costs, cheapest_threshold
from calibration.statistics.cross_validation import cross_validated_gains, random_folds
from calibration.statistics.drift import compare_recent, distribution_drift, period_rates
from calibration.statistics.groups import Groups
from calibration.statistics.operating_points import operating_curve, operating_point
from calibration.statistics.recalibration import fit_recalibration
from calibration.statistics.reliability import equal_mass_curve, equal_width_curve
from calibration.statistics.scores import auroc, brier_score, confidence_bias, log_loss
from calibration.statistics.thresholds import recommend_for_groups

DECISIONS, PERIODS, REPEATS = 5_000_000, 30, 7
GOAL_MS, FLOOR_GOAL_MS = 100.0, 1000.0


def sample(decisions: int, periods: int) -> list[Groups]:
    """Every lattice value is filled, so that there are as many groups as there can be."""
    rng = np.random.default_rng(1)
    value = np.arange(10_001)
    share = (value + 500.0) ** 3
    parts = []
    for _ in range(periods):
        total = rng.multinomial(decisions // periods, share / share.sum()) + 1
        n = rng.binomial(total - 1, 0.9) + 1
        successes = rng.binomial(n, (value / 10_000) ** 0.3)
        parts.append(Groups(value=value, n=n, successes=successes, total=total))
    return parts


def statistics_of(periods: list[Groups]) -> dict[str, Callable[[], object]]:
    """Name each statistic with a call that computes it."""
    groups = Groups.merge(periods)
    top, low = groups.at_or_above(7000), groups.below(7000)
    costs = Costs(false_allow=10.0, false_block=1.0, review=0.5)
    return {
        "recommend_for_groups": lambda: recommend_for_groups(groups, alpha=0.05, delta=0.05),
        "recommend_with_audits": lambda: recommend_with_audits(top, [low], in_force=0.7, alpha=0.2, delta=0.05),
        "equal_width_curve": lambda: equal_width_curve(groups),
        "equal_mass_curve": lambda: equal_mass_curve(groups),
        "calibration_error": lambda: calibration_error(groups),
        "brier_score": lambda: brier_score(groups),
        "log_loss": lambda: log_loss(groups),
        "auroc": lambda: auroc(groups),
        "confidence_bias": lambda: confidence_bias(groups),
        "operating_curve": lambda: operating_curve(groups),
        "operating_point": lambda: operating_point(groups, 0.8),
        "cheapest_threshold": lambda: cheapest_threshold(groups, costs),
        "distribution_drift": lambda: distribution_drift(periods[0], periods[-1]),
        "period_rates": lambda: period_rates(periods),
        "compare_recent": lambda: compare_recent(periods, threshold=0.8),
        "fit isotonic": lambda: fit_recalibration(groups, "isotonic"),
        "fit logistic": lambda: fit_recalibration(groups, "logistic"),
        "fit beta": lambda: fit_recalibration(groups, "beta"),
        "gain of all three, 5 folds": lambda: cross_validated_gains(random_folds(groups)),
    }


def median_ms(call: Callable[[], object], repeats: int) -> float:
    """Median time of a call in milliseconds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(1000.0 * (time.perf_counter() - started))
    return statistics.median(times)


def main() -> None:
    """Print a line for each statistic, and whether the goals are met."""
    periods = sample(DECISIONS, PERIODS)
    total = 0.0
    for name, call in statistics_of(periods).items():
        spent = median_ms(call, REPEATS)
        total += spent
        print(f"{name:38} {spent:9.2f} ms", flush=True)
    print(f"{'all of these':38} {total:9.2f} ms   goal {GOAL_MS:.0f} ms: {'met' if total < GOAL_MS else 'MISSED'}")
    groups = Groups.merge(periods)
    print(f"{f'merging {PERIODS} periods':38} {median_ms(lambda: Groups.merge(periods), REPEATS):9.2f} ms")
    floor = median_ms(lambda: noise_floor(groups), 3)
    met = "met" if floor < FLOOR_GOAL_MS else "MISSED"
    print(f"{'noise_floor, 999 draws':38} {floor:9.2f} ms   goal {FLOOR_GOAL_MS:.0f} ms: {met}")
