"""What is recommended and what that certifies: the curve, the walk, copies, segments and pairs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from calibration.statistics.fixed_sequence import failure_p_values, spread_starts
from calibration.statistics.groups import Groups
from calibration.statistics.intervals import clopper_pearson
from calibration.statistics.joint import recommend_pair
from calibration.statistics.lattice import LATTICE
from calibration.statistics.operating_points import OperatingCurve, operating_curve, operating_point
from calibration.statistics.segments import recommend_for_segments
from calibration.statistics.thresholds import recommend_for_groups
from docs.figures.decisions import ALPHA, DELTA, Shares, generate, modest
from docs.figures.sheet import (
    DIAMOND,
    DOT,
    NUMBER,
    PERCENT,
    RING,
    Palette,
    interval,
    limit,
    name,
    note,
    percent,
    upright,
)  # fmt: skip

TRIALS, CASES = 400, 1_000


def threshold(axes: Axes, palette: Palette) -> None:
    """Coverage and risk: failure rate among what is allowed, over the share that is allowed."""
    groups = generate(6_000, modest, seed=3)
    answer = recommend_for_groups(groups, alpha=ALPHA, delta=DELTA)
    _curve(axes, palette, groups, lambda curve: curve.coverage)
    for what, at, mark, color in (("now", 0.9, RING, palette.now), ("proposed", answer.threshold, DIAMOND, None)):
        point = operating_point(groups, at)
        color = color or palette.proposed
        axes.vlines(point.coverage, 0, point.failure_rate, color=color, linestyles=":", linewidth=1.2)
        axes.plot(point.coverage, point.failure_rate, color=color, label=f"{what}: {at}", **mark)
    limit(axes, palette, ALPHA, "at most 5 % wanted")
    axes.set(xlim=(0, 1), ylim=(0, 0.08))
    name(axes, "share of all decisions that is allowed", "failure rate of what is allowed", x_format=PERCENT)


def _curve(axes: Axes, palette: Palette, groups: Groups, at: Callable[[OperatingCurve], Shares]) -> None:
    """Draw the failure rate with its pointwise interval at 200 of the thresholds, in the places that `at` says."""
    curve = operating_curve(groups)
    kept = np.unique(np.linspace(0, curve.threshold.size - 1, 200).astype(int))
    x, low, high = at(curve)[kept], curve.low[kept], curve.high[kept]
    axes.plot(x, curve.failure_rate[kept], color=palette.ink, label="failure rate")
    axes.fill_between(x, low, high, color=palette.quiet, alpha=0.2, lw=0, label="95 % interval")


def fixed_sequence(axes: Axes, palette: Palette) -> None:
    """The walk: a p-value for each threshold, and the level that it has to stay below."""
    groups = generate(6_000, modest, seed=3)
    answer = recommend_for_groups(groups, alpha=ALPHA, delta=DELTA)
    reached, failed = np.cumsum(groups.n[::-1]), np.cumsum(groups.failures[::-1])
    p_values, share = failure_p_values(failed, reached, ALPHA), reached / groups.labelled
    starts = spread_starts(reached, ALPHA, DELTA)
    axes.plot(share, p_values, color=palette.ink, label="p-value")
    run = 0
    for start, stop in pairwise([*starts, len(share)]):
        run += 1
        level = run * DELTA / len(starts)
        upright(axes, palette, share[start], "start")
        axes.hlines(
            level, share[start], share[stop - 1], color=palette.limit, label="" if run > 1 else "level of the stretch"
        )
        run = 0 if (p_values[start:stop] > level).any() else run
    best = int(np.searchsorted(-groups.confidence[::-1], -answer.threshold))
    axes.plot(share[best], p_values[best], color=palette.proposed, label=f"certified: {answer.threshold}", **DIAMOND)
    axes.set(xlim=(0, 1), yscale="log", ylim=(1e-13, 100))
    name(axes, "share of decisions at or above the threshold", "p-value", x_format=PERCENT)
    axes.set_yticks([1, 1e-4, 1e-8, 1e-12], ["1", "10⁻⁴", "10⁻⁸", "10⁻¹²"])


def clusters(axes: Axes, palette: Palette) -> None:
    """Copies of one case: how often the promise breaks."""
    label = f"simulated, {TRIALS} times {CASES:,} cases, 95 % interval"
    for place, copies in enumerate((1, 3, 10)):
        wrong = sum(_certified_wrongly(copies))
        low, high = (end[0] for end in clopper_pearson([wrong], [TRIALS]))
        interval(axes, place, low, wrong / TRIALS, high, palette.now, "" if place else label)
        note(axes, place, wrong / TRIALS, percent(wrong / TRIALS), ha="left", va="center", away=(8, 0))
    limit(axes, palette, DELTA, "at most 5 % promised", ha="right")
    name(axes, "times that each case is counted", "wrong certificates")
    axes.set(xlim=(-1, 3), ylim=(0, 0.6))
    axes.set_xticks([0, 1, 2], ["once", "3 times", "10 times"])


@cache
def _certified_wrongly(copies: int) -> list[bool]:
    """Whether each trial certifies a threshold although every threshold fails just more often than alpha."""
    value = np.arange(7_000, 10_000, 100)
    answers = []
    for trial in range(TRIALS):
        uniform = np.random.default_rng([7, trial]).random(CASES)
        place = np.random.default_rng([8, trial]).integers(value.size, size=CASES)
        n = np.bincount(place, minlength=value.size) * copies
        won = np.bincount(place[uniform >= ALPHA * 1.0001], minlength=value.size) * copies
        groups = Groups.from_arrays(value / LATTICE, n, won)
        answers.append(recommend_for_groups(groups, alpha=ALPHA, delta=DELTA).threshold is not None)
    return answers


def segments(axes: Axes, palette: Palette) -> None:
    """Several models in one proposal: they share the probability of being wrong."""
    parts = {
        "model A": generate(4_000, modest, seed=11),
        "model B": generate(1_500, lambda c: 1.0 - (1.0 - c) / 4, seed=12),
        "model C": generate(600, lambda c: 1.0 - (1.0 - c) / 4, seed=13),
        "model D": generate(40, modest, seed=14),
    }
    together = recommend_for_segments(parts, alpha=ALPHA, delta=DELTA)
    alone = [recommend_for_groups(groups, alpha=ALPHA, delta=DELTA).threshold for groups in parts.values()]
    shared = [answer.threshold for answer in together.recommendations.values()]
    axes.plot(alone, color=palette.now, label="alone, at 5 %", **RING)
    label = f"together, at {percent(together.segment_delta)} each"
    axes.plot(shared, color=palette.proposed, label=label, **DIAMOND)
    for place, (one, of_all) in enumerate(zip(alone, shared, strict=True)):
        if one is None or of_all is None:
            note(axes, place, 0.5, "too few labels")
        else:
            note(axes, place, (one + of_all) / 2, f"{one:g} → {of_all:g}", ha="left", va="center", away=(10, 0))
    name(axes, "", "threshold", y_format=NUMBER)
    axes.set(xlim=(-0.6, 3.6), ylim=(0.5, 1))
    axes.set_xticks(range(4), [f"{model}\n{groups.labelled:,} labels" for model, groups in parts.items()])


def pair(axes: Axes, palette: Palette) -> None:
    """Two thresholds at once: what each pair allows."""
    generator = np.random.default_rng(21)
    size = 8_000
    risks, confidence = np.round(generator.random(size), 4), np.round(generator.random(size) ** 0.25, 4)
    failing = 0.005 + 0.2 * np.maximum(risks - 0.3, 0.0) + 0.1 * (1.0 - confidence)
    won = generator.random(size) >= failing
    found = recommend_pair(risks, confidence, np.ones(size), won, alpha=ALPHA, delta=DELTA, current_risk=0.7)
    for at, answer in found.grid:
        allowed = (answer.coverage or 0.0) * float((risks < at).mean())
        is_chosen = at == found.risk_threshold
        label = f"chosen: risk {at}, confidence {answer.threshold}" if is_chosen else ""
        axes.bar(at, allowed, width=0.06, color=palette.proposed if is_chosen else palette.quiet, alpha=0.35)
        mark, color = (DIAMOND, palette.proposed) if is_chosen else (DOT, palette.now)
        if answer.threshold is None:
            note(axes, at, 0, "none")
        else:
            axes.plot(at, allowed, color=color, label=label, **mark)
            note(axes, at, allowed, percent(round(allowed, 3)), away=(0, 7))
    name(axes, "risk threshold of the pair", "share of decisions that the pair allows")
    axes.set(xlim=(0.02, 0.98), ylim=(0, 0.7))
    axes.set_xticks(sorted(at for at, _ in found.grid))


FIGURES = (threshold, fixed_sequence, clusters, segments, pair)
