"""Measure how often the limit over two strata of labels is too low, and how often it certifies what is true.

example: python -m benchmarks.simulate_audits --trials 2000
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.goals import at_most, line, options
from calibration.statistics.intervals import clopper_pearson
from calibration.statistics.stratified import Stratum, stratified_failure_rate

ALPHA = LEVEL = 0.05
EQUAL = ((500, 400), (500, 100))
"""Decisions and labels of each stratum."""

AT_ALPHA = {
    "equal rates": (EQUAL, (0.05, 0.05)),
    "the worse with few labels": (EQUAL, (0.02, 0.08)),
    "all failures with few labels": (EQUAL, (0.0, 0.1)),
    "all failures with many labels": (EQUAL, (0.1, 0.0)),
    "a small bad stratum": (((900, 900), (100, 30)), (0.03, 0.23)),
    "many labels": (((9000, 9000), (1000, 200)), (0.0475, 0.0725)),
    "very few labels": (((900, 60), (100, 10)), (0.05, 0.05)),
}
"""Strata and rates whose weighted rate is α: nothing may be certified."""

POWER_AT = 0.03
POWER_GOAL = 0.3


def drawn(sizes: tuple[tuple[int, int], ...], rates: tuple[float, ...], rng: np.random.Generator) -> list[Stratum]:
    """Strata whose labels failed by chance."""
    return [
        Stratum(decisions=decisions, labelled=labels, failures=int(rng.binomial(labels, rate)))
        for (decisions, labels), rate in zip(sizes, rates, strict=True)
    ]


def sure_failures(rng: np.random.Generator) -> list[Stratum]:
    """Strata with the mean rate α: the first is labelled whole, and no failure of it is a matter of chance."""
    fixed = Stratum(decisions=500, labelled=500, failures=15)
    return [fixed, *drawn(((500, 100),), (0.07,), rng)]


def certifies(strata: list[Stratum]) -> bool:
    """Whether the limit is at most α."""
    return stratified_failure_rate(strata, level=LEVEL)[1] <= ALPHA


def certifies_by_union(strata: list[Stratum]) -> bool:
    """The same with a limit for each stratum, which hold together."""
    failures, labelled = [s.failures for s in strata], [s.labelled for s in strata]
    limits = clopper_pearson(failures, labelled, confidence=1.0 - LEVEL / len(strata), sides="upper")[1]
    return float(np.average(limits, weights=[s.decisions for s in strata])) <= ALPHA


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    given = options(__doc__, trials=1000, arguments=arguments)
    rng = np.random.default_rng(given.seed)
    met = True
    for name, (sizes, rates) in AT_ALPHA.items():
        wrong = sum(certifies(drawn(sizes, rates, rng)) for _ in range(given.trials))
        met &= at_most(f"rate of alpha, {name}: certified wrongly", wrong, given.trials, LEVEL)
    wrong = sum(certifies(sure_failures(rng)) for _ in range(given.trials))
    met &= at_most("rate of alpha, failures of one stratum are sure: certified wrongly", wrong, given.trials, LEVEL)
    samples = [drawn(EQUAL, (POWER_AT, POWER_AT), rng) for _ in range(given.trials)]
    exact, union = (np.mean([each(strata) for strata in samples]) for each in (certifies, certifies_by_union))
    print(f"400 and 100 labels, rate .03: a limit for each stratum certifies {union:.3f}")
    met &= line("the same by the exact test", float(exact), f">= {POWER_GOAL}", met=bool(exact >= POWER_GOAL))
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
