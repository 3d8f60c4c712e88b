"""Measure what labels that are missing by confidence do to audits, and where the next labels certify most.

example: python -m benchmarks.simulate_labels --trials 2000
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.goals import at_most, line, options
from benchmarks.simulate_guarantee import Curve, curves
from calibration.statistics.audits import recommend_with_audits
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE
from calibration.statistics.thresholds import recommend_for_groups

ALPHA = DELTA = 0.05
VALUES, TOTAL, RATES = np.array([0.85, 0.9, 0.95]), np.array([1500, 500, 2000]), np.array([0.1, 0.03, 0.02])
SHARES = {"all": (1.0, 1.0, 1.0), "half, evenly": (0.5, 0.5, 0.5), "by confidence": (0.1, 0.9, 0.9)}
LABELS = 200


def lowered_wrongly(shares: object, trials: int, rng: np.random.Generator) -> int:
    """Trials that go below .85, where nothing may be certified."""
    wrong = 0
    for _ in range(trials):
        n = rng.binomial(TOTAL, shares)
        top = Groups.from_arrays(VALUES, n, n - rng.binomial(n, RATES), TOTAL)
        drawn = rng.binomial([300, 700], 0.5)
        audited = Groups.from_arrays([0.8, 0.82], drawn, drawn - rng.binomial(drawn, 0.06), [300, 700])
        answer = recommend_with_audits(top, [audited], in_force=0.85, alpha=ALPHA, delta=DELTA)
        wrong += answer.threshold is not None and answer.threshold < 0.85
    return wrong


def ramp_lowered_wrongly(trials: int, rng: np.random.Generator) -> int:
    """The same where shares and rates change little by little: labelled 10 to 90 %, failing .11 to .005."""
    value = np.arange(850, 1000) / 1000
    place = np.linspace(0.0, 1.0, value.size)
    total, shares, rates = np.full(value.size, 27), 0.1 + 0.8 * place, 0.0985 - 0.1 * place
    rates = np.clip(rates + 0.0525 - np.average(rates), 0.0, 1.0)
    wrong = 0
    for _ in range(trials):
        n = rng.binomial(total, shares)
        top = Groups.from_arrays(value, n, n - rng.binomial(n, rates), total)
        drawn = int(rng.binomial(1000, 0.5))
        audited = Groups.from_arrays([0.82], [drawn], [drawn - rng.binomial(drawn, 0.06)], [1000])
        answer = recommend_with_audits(top, [audited], in_force=0.85, alpha=ALPHA, delta=DELTA)
        wrong += answer.threshold is not None and answer.threshold < 0.85
    return wrong


def certified(curve: Curve, share: float, trials: int, rng: np.random.Generator) -> float:
    """Mean true coverage that 200 labels certify, drawn from the most confident share of all decisions."""
    coverage = curve.coverage()
    kept = np.where(coverage <= max(share, coverage[curve.mass > 0].min()), curve.mass, 0.0)
    cumulative = np.cumsum(kept / kept.sum())
    covered = 0.0
    for _ in range(trials):
        count = np.bincount(np.searchsorted(cumulative[:-1], rng.random(LABELS), side="right"), minlength=LATTICE + 1)
        value = np.flatnonzero(count)
        drawn = count[value]
        groups = Groups(value=value, n=drawn, successes=drawn - rng.binomial(drawn, curve.failure[value]), total=drawn)
        threshold = recommend_for_groups(groups, alpha=ALPHA, delta=DELTA).threshold
        covered += 0.0 if threshold is None else float(coverage[round(threshold * LATTICE)])
    return covered / trials


def main(arguments: list[str] | None = None) -> int:
    """Simulate and return the exit code."""
    given = options(__doc__, trials=400, arguments=arguments)
    rng = np.random.default_rng(given.seed)
    met = True
    for name, shares in SHARES.items():
        wrong = lowered_wrongly(shares, given.trials, rng)
        met &= at_most(f"labels {name}: lowered wrongly", wrong, given.trials, DELTA)
    met &= at_most("labels 10 to 90 %, little by little", ramp_lowered_wrongly(given.trials, rng), given.trials, DELTA)
    ratios = []
    for name, curve in curves(ALPHA).items():
        oracle = curve.oracle_coverage(ALPHA)
        if oracle > 0.0 and not name.startswith("null"):
            ratios.append([certified(curve, share, given.trials, rng) / oracle for share in (1.0, 0.5)])
            at_random, on_top = ratios[-1]
            print(f"{name}: {LABELS} labels certify {at_random:.3f} of the oracle at random, {on_top:.3f} on top")
    at_random, on_top = np.mean(ratios, axis=0)
    times = float(on_top / at_random)
    met &= line("confident half over random, mean share of the oracle", times, ">= 2", met=times >= 2)
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
