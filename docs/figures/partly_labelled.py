"""Labels that exist for a part of the decisions, and how sure a rate is."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from calibration.statistics import intervals as rates
from calibration.statistics.audits import recommend_with_audits
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE
from calibration.statistics.reliability import equal_width_curve
from docs.figures.decisions import ALPHA, DELTA, careful, generate, modest
from docs.figures.sheet import DIAMOND, DOT, NUMBER, RING, Palette, interval, limit, name, note, percent, upright

IN_FORCE = 0.8
TENTHS = np.arange(11) / 10


def label_coverage(axes: Axes, palette: Palette) -> None:
    """Label coverage: for which decisions an outcome is known."""
    border = int(IN_FORCE * LATTICE)
    allowed = generate(5_000, modest, seed=31, labelled=0.9, shape=(6, 2)).at_or_above(border)
    blocked = generate(5_000, modest, seed=32, labelled=0.1, shape=(6, 2)).below(border)
    bins = equal_width_curve(Groups.merge([allowed, blocked])).bins
    middles = TENTHS[:-1] + 0.05
    axes.bar(middles, [each.total for each in bins], 0.08, color=palette.quiet, alpha=0.35, label="all decisions")
    axes.bar(middles, [each.n for each in bins], 0.08, color=palette.proposed, label="with a label")
    for middle, each in zip(middles, bins, strict=True):
        if each.total:
            note(axes, middle, each.total, percent(round(each.label_coverage, 2)))
    upright(axes, palette, IN_FORCE, f"in force: {IN_FORCE}", ha="right", color=palette.now)
    name(axes, "confidence", "decisions, and the labelled share of them", y_format=NUMBER)
    axes.set(xlim=(0, 1), ylim=(0, 1_700), xticks=TENTHS)


def audits(axes: Axes, palette: Palette) -> None:
    """Audits: how far below the threshold in force the evidence reaches."""
    allowed = generate(20_000, careful, seed=33, shape=(6, 2)).at_or_above(9_000)
    audited = generate(20_000, careful, seed=34, labelled=0.2, shape=(6, 2)).below(9_000)
    found = recommend_with_audits(allowed, [audited], in_force=0.9, alpha=ALPHA, delta=DELTA)
    at = [step.threshold for step in found.steps]
    last = next(step for step in found.steps if step.threshold == found.threshold)
    limit(axes, palette, ALPHA, "at most 5 % wanted")
    upright(axes, palette, 0.9, "in force")
    axes.plot(at, [step.upper for step in found.steps], color=palette.ink)
    axes.plot(at, [step.upper for step in found.steps], color=palette.ink, label="upper limit", **RING)
    axes.plot(at, [step.failure_rate for step in found.steps], color=palette.now, label="failure rate", **DOT)
    axes.plot(last.threshold, last.upper, color=palette.proposed, label=f"certified: {last.threshold}", **DIAMOND)
    name(axes, "threshold", "failure rate, weighted by all decisions")
    axes.set(xlim=(0.3, 1), ylim=(0, 0.08))


def intervals(axes: Axes, palette: Palette) -> None:
    """Intervals of a failure rate: the more decisions, the shorter."""
    failures, decisions = np.array(((0, 20), (2, 20), (5, 50), (20, 200), (100, 1_000))).T
    for label, make, color, shift in (
        ("Wilson, 95 %", rates.wilson, palette.proposed, -0.08),
        ("Clopper–Pearson, 95 %", rates.clopper_pearson, palette.now, 0.08),
    ):
        for place, (rate, low, high) in enumerate(zip(failures / decisions, *make(failures, decisions), strict=True)):
            interval(axes, place + shift, low, rate, high, color, "" if place else label)
    name(axes, "failures of decisions", "failure rate")
    axes.set(xlim=(-0.6, 4.6), ylim=(0, 0.4))
    axes.set_xticks(range(5), [f"{lost} of {tried:,}" for lost, tried in zip(failures, decisions, strict=True)])


FIGURES = (label_coverage, audits, intervals)
