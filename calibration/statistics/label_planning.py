"""Which decisions to label next: how many, and from which confidence upwards.

A plan is made before its labels exist and from other labels, the pilot. It draws failure curves that the pilot does not
speak against, and lets the very test that will judge the labels judge labels drawn from each. So it says a chance and a
range, and no single figure: a hundred labels leave much open, and one curve fitted to them promised ten times of what
was certified.

Labels that are a random sample of the decisions from a fixed confidence upwards certify as any sample does: order and
starts of the tests are functions of the confidences alone (`thresholds`), and the region is chosen before its outcomes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from calibration.statistics.checks import check_at_least, check_delta, check_open_unit, check_seed
from calibration.statistics.failure_curve import Classes, draw_failure_curves
from calibration.statistics.fixed_sequence import failure_p_values, minimum_sample, spread_starts, walk
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE, FloatArray, IntArray, threshold_to_lattice
from calibration.statistics.sequential import alarm_log_e_values

SURE_ENOUGH = 0.8
"""Chance from which on a plan asks for no more labels."""

NEARLY = 0.9
"""Share of the coverage of the whole budget that a plan is content with."""

EVENLY_ABOVE = 0.25
"""Coverage expected of labels from everywhere, above which labels are taken from there. Where they then certify two
fifths or more nothing is gained by choosing; what a plan expects is less than that, for a pilot leaves doubt."""

STEP = 1.25
"""Between two numbers of labels that are looked at. The smaller ones stay the same whatever the budget."""

SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
"""Regions that are looked at, as shares of all decisions, counted from the most confident one."""

RANGE = (0.1, 0.9)
"""Quantiles between which the coverage is said to lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A number of labels, where to take them, and what is to be expected of them.

    Parameters
    ----------
    labels : int
        Labels.
    confidence_from, share : float
        The region, and the share of all decisions in it.
    chance : float
        Probability that they certify what is wanted.
    coverage, low, high : float
        Mean coverage of what they certify, 0 where they do not, and its 10 % and 90 % points. 0 of labels that certify
        nothing, but watch.
    evenly : float
        Mean coverage of as many labels from everywhere, or their chance where a threshold is to be reached.
    """

    labels: int
    confidence_from: float
    share: float
    chance: float
    coverage: float = 0.0
    low: float = 0.0
    high: float = 0.0
    evenly: float = 0.0


def plan_labels(
    groups: Groups,
    *,
    most: int,
    decisions: int,
    alpha: float,
    delta: float,
    reach: float | None = None,
    draws: int = 200,
    seed: int = 1,
) -> tuple[Option, ...]:
    """Say what labels for a certificate would give, for growing numbers of them.

    Parameters
    ----------
    groups : Groups
        All decisions of some time by confidence, and the labels of the pilot: a random sample at each confidence. They
        must have no part in the certificate.
    most : int
        The most labels that can be paid.
    decisions : int
        Decisions that will be made in the time for which is planned: none can be labelled that is not made.
    alpha, delta : float
        As for `recommend_threshold`.
    reach : float, optional
        The threshold to be certified, it or a lower one. Left out: whichever allows most.
    draws, seed : int
        Failure curves that are tried, and the seed of all draws.

    Returns
    -------
    tuple of Option
        By the number of labels, each with its best region; the smaller numbers are the same for every budget. Empty
        where no number within the budget and the decisions could certify anything. `choose` takes one of them.

    Raises
    ------
    ValueError
        When a number is impossible, nothing was decided, or the threshold to reach allows nothing of what was.
    """
    check_open_unit("alpha", alpha)
    check_delta(delta)
    for name, number in (("most", most), ("decisions", decisions)):
        check_at_least(name, number, 0)
    check_at_least("draws", draws, 1)
    check_seed(seed)
    if not groups.decisions or (reach is not None and not groups.allowed_by(reach).decisions):
        raise ValueError("groups must hold decisions, some of them at or above reach: nothing else can be labelled.")
    edge = None if reach is None else threshold_to_lattice(reach)
    classes = Classes.of(groups, edge=edge)
    curves = draw_failure_curves(classes, draws=draws, rng=np.random.default_rng(seed))
    regions = _regions(classes, edge)
    options = []
    for labels in _ladder(minimum_sample(alpha, delta), min(most, decisions)):
        tried = [
            (end, _certified(classes, end, labels, curves, alpha, delta, np.random.default_rng([seed, end, labels])))
            for end in regions
            if labels <= decisions * classes.coverage[end]
        ]
        wanted = None if edge is None else float(classes.coverage[regions[0]])
        options.append(_best(classes, labels, tried, wanted))
    return tuple(options)


def choose(options: Sequence[Option], *, is_reach: bool = False) -> Option:
    """Return the option that a plan names.

    Parameters
    ----------
    options : sequence of Option
        From `plan_labels`, at least one.
    is_reach : bool
        Whether a given threshold was to be reached: then the fewest labels whose chance is .8, or the best chance.
        Otherwise the fewest that cover nine tenths of what any of them covers.

    Returns
    -------
    Option
        One of them.
    """
    gains = np.array([option.chance if is_reach else option.coverage for option in options])
    enough = min(SURE_ENOUGH, gains.max()) if is_reach else NEARLY * gains.max()
    return options[int(np.argmax(gains >= enough))]


def labels_until_alarm(
    rate: float, *, most: int, alpha: float, delta: float, draws: int = 200, seed: int = 1
) -> list[tuple[int, float]]:
    """Plan labels of what is allowed that tell when it fails too often: chance of the alarm by number of labels.

    Parameters
    ----------
    rate : float
        The failure rate that is to be found, above alpha.
    most : int
        The most labels that can be paid.
    alpha, delta : float
        The failure rate that was promised, and the level of the alarm.
    draws, seed : int
        Histories that are tried, and their seed.

    Returns
    -------
    list of (int, float)
        Labels, and the probability that the alarm of a policy was raised by then, if it fails at `rate` from now on.

    Raises
    ------
    ValueError
        When a number is impossible or the rate is not above alpha.
    """
    check_open_unit("rate", rate)
    check_delta(delta)
    check_at_least("draws", draws, 1)
    if rate <= check_open_unit("alpha", alpha):
        raise ValueError("rate must lie above alpha: what fails less than was promised raises no alarm.")
    looks = np.array(_ladder(1, check_at_least("most", most, 1)))
    # Each look has a stream of its own, so that a larger budget sees the same histories.
    failed = [np.random.default_rng([seed, look]).binomial(n, rate, draws) for look, n in enumerate(_steps(looks))]
    series = np.cumsum(failed, axis=0).T
    # Of the alarm's restarts the first one is what sees all of it, with half of the weight (`sequential`).
    raised = [alarm_log_e_values(failures, looks, alpha=alpha) >= log(2.0 / delta) for failures in series]
    chances = np.maximum.accumulate(np.array(raised), axis=1).mean(axis=0)
    return list(zip(looks.tolist(), chances.tolist(), strict=True))


def _steps(looks: IntArray) -> list[int]:
    steps: list[int] = np.diff(looks, prepend=0).tolist()
    return steps


def _ladder(least: int, most: int) -> list[int]:
    """Numbers of labels to look at: the same, whatever the most is."""
    found, next_one = [], least
    while next_one <= most:
        found.append(next_one)
        next_one = max(int(next_one * STEP), next_one + 1)
    return found


def _regions(classes: Classes, edge: int | None) -> list[int]:
    """Return the last class of each region that is looked at: what is to be reached, or shares; and everything."""
    everything = classes.low.size - 1
    if edge is not None:
        return sorted({int(np.flatnonzero(classes.low >= edge)[-1]), everything})
    ends = np.searchsorted(classes.coverage, np.array(SHARES) - 1e-9)
    return sorted({*np.minimum(ends, everything).tolist(), everything})


def _certified(
    classes: Classes, end: int, labels: int, curves: FloatArray, alpha: float, delta: float, rng: np.random.Generator
) -> FloatArray:
    """Return the coverage that labels of a region certify on each curve, 0 where they do not."""
    drawn = _shared_out(labels, classes.total[: end + 1])
    seen = np.flatnonzero(drawn)
    reached = np.cumsum(drawn[seen])
    failed = np.cumsum(rng.binomial(drawn[seen], curves[:, seen]), axis=1)
    starts = spread_starts(reached, alpha, delta)
    p_values = failure_p_values(failed, np.broadcast_to(reached, failed.shape), alpha)
    best = [walk(row, starts, delta).best for row in p_values]
    return np.array([0.0 if place is None else classes.coverage[seen[place]] for place in best])


def _shared_out(labels: int, total: IntArray) -> IntArray:
    """Divide labels among classes as their decisions are, in whole numbers."""
    exact = np.cumsum(total) * labels / total.sum()
    shared: IntArray = np.diff(np.floor(exact + 0.5).astype(np.int64), prepend=0)
    return shared


def _best(classes: Classes, labels: int, tried: Sequence[tuple[int, FloatArray]], wanted: float | None) -> Option:
    """Of regions the one that gives most, of equals the smallest; everywhere, where choosing would gain little."""
    last, everywhere = tried[-1]

    def worth(found: FloatArray) -> float:
        return float(found.mean() if wanted is None else np.mean(found >= wanted))

    end, found = max(tried, key=lambda each: (worth(each[1]), -each[0]))
    if wanted is None and everywhere.mean() > EVENLY_ABOVE:
        end, found = last, everywhere
    low, high = np.quantile(found, RANGE)
    return Option(
        labels=labels,
        confidence_from=int(classes.low[end]) / LATTICE,
        share=float(classes.coverage[end]),
        chance=float(np.mean(found > 0.0 if wanted is None else found >= wanted)),
        coverage=float(found.mean()),
        low=float(low),
        high=float(high),
        evenly=worth(everywhere),
    )
