"""Costs and budgets, and what changes with time."""

from __future__ import annotations

from math import log

import numpy as np
from matplotlib.axes import Axes
from scipy import special

from calibration.statistics.budgets import smallest_budget
from calibration.statistics.costs import Costs, cheapest_threshold
from calibration.statistics.drift import compare_recent, distribution_drift, period_rates
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE
from calibration.statistics.sequential import alarm_log_e_values, follow
from docs.figures.decisions import ALPHA, DELTA, Shares, generate, honest, modest
from docs.figures.sheet import DIAMOND, NUMBER, Palette, interval, limit, name, note

DAYS = 90


def costs(axes: Axes, palette: Palette) -> None:
    """Costs: what each threshold would have cost per decision."""
    groups = generate(1_500, honest, seed=81, shape=(5, 2))
    stated = Costs(false_allow=10, false_block=2, review=1)
    found = cheapest_threshold(groups, stated)
    steps = np.arange(2_000, LATTICE + 1, 100)
    axes.plot(steps / LATTICE, [_cost(groups, int(step), stated) for step in steps], color=palette.ink, label="cost")
    axes.plot(found.threshold, found.cost, color=palette.proposed, label=f"cheapest: {found.threshold}", **DIAMOND)
    label = f"not to be told apart: {found.lenient} to {found.strict}"
    axes.axvspan(found.lenient, found.strict, color=palette.proposed, alpha=0.14, lw=0, label=label)
    name(axes, "confidence threshold", "cost per labelled decision", y_format=NUMBER)
    axes.set(xlim=(0.2, 1), ylim=(0, 3), yticks=range(4))


def _cost(groups: Groups, step: int, stated: Costs) -> float:
    allowed, blocked = groups.at_or_above(step), groups.below(step)
    paid = stated.false_allow * (allowed.labelled - allowed.succeeded) + stated.false_block * blocked.succeeded
    return (paid + stated.review * blocked.labelled) / groups.labelled


def budget(axes: Axes, palette: Palette) -> None:
    """Token budget: the share of bundles that need more."""
    needed = np.rint(np.exp(7.2 + 0.35 * special.ndtri(np.random.default_rng(82).random(600)))).astype(int)
    found = smallest_budget(needed, np.ones(needed.size), target=ALPHA, delta=DELTA)
    tokens = np.arange(1_500, 3_501, 20)
    truncated = [(needed > each).mean() for each in tokens]
    axes.plot(tokens, truncated, color=palette.ink, label="truncated by the budget")
    label = f"certified: {found.budget:,} tokens"
    axes.plot(found.budget, found.truncation_rate, color=palette.proposed, label=label, **DIAMOND)
    limit(axes, palette, ALPHA, "at most 5 % wanted")
    name(axes, "budget in tokens", "truncated")
    axes.set(xlim=(1_500, 3_500), ylim=(0, 0.4), xticks=range(1_500, 3_501, 500))


def _worse(confidence: Shares) -> Shares:
    return 1.0 - (1.0 - confidence) / 1.8


def periods(axes: Axes, palette: Palette) -> None:
    """Drift inside of a window: success rate by period."""
    parts = [generate(400, _worse if period >= 4 else modest, seed=90 + period) for period in range(6)]
    recent = compare_recent(parts)
    label = f"recent third, p = {recent.p_value:.6f} against the rest"
    axes.axvspan(recent.first_recent + 0.5, 6.6, color=palette.now, alpha=0.14, lw=0, label=label)
    for place, rate in enumerate(period_rates(parts), start=1):
        label = "" if place > 1 else "success rate, 95 % interval"
        interval(axes, place, rate.interval[0], rate.success_rate, rate.interval[1], palette.proposed, label)
    name(axes, "period", "success rate")
    axes.set(xlim=(0.4, 6.6), ylim=(0.8, 1), yticks=(0.8, 0.85, 0.9, 0.95, 1))


def drift(axes: Axes, palette: Palette) -> None:
    """Drift of the confidences: PSI and KS."""
    before = generate(2_000, honest, seed=101, shape=(5, 2))
    after = generate(2_000, honest, seed=102, shape=(7, 1.6))
    found = distribution_drift(before, after)
    value = np.arange(2_000, LATTICE + 1, 50)
    reached = [
        np.array([side.below(int(each) + 1).decisions for each in value]) / side.decisions for side in (before, after)
    ]
    for label, side, color in zip(("before", "after"), reached, (palette.now, palette.proposed), strict=True):
        axes.plot(value / LATTICE, side, color=color, label=label)
    widest = int(np.argmax(np.abs(reached[0] - reached[1])))
    ends = [side[widest] for side in reached]
    axes.vlines(value[widest] / LATTICE, min(ends), max(ends), color=palette.limit, linewidth=2)
    text = f"KS {found.ks:.3f}\n(PSI {found.psi:.3f})"
    note(axes, value[widest] / LATTICE, min(ends), text, color=palette.limit, ha="left", va="top", away=(6, -2))
    name(axes, "confidence", "share of decisions at or below")
    axes.set(xlim=(0.2, 1), ylim=(0, 1))


def alarm(axes: Axes, palette: Palette) -> None:
    """An alarm that may be looked at every day."""
    uniform = np.random.default_rng(111).random((DAYS, 20))
    decisions = 20 * np.arange(1, DAYS + 1)
    limit(axes, palette, log(1 / DELTA), "alarm at 1/δ")
    for label, later, color in (
        ("keeps its promise", 0.03, palette.proposed),
        ("fails from day 30", 0.12, palette.now),
    ):
        rate = np.where(np.arange(DAYS) < 30, 0.03, later)[:, None]
        looks = alarm_log_e_values(np.cumsum((uniform < rate).sum(axis=1)), decisions, alpha=ALPHA)
        axes.plot(range(DAYS + 1), [0, *looks], color=color, label=label)
        first = follow(looks, delta=DELTA).first_look
        if first is not None:
            axes.plot(first + 1, looks[first], color=color, **DIAMOND)
            text = f"alarm on day {first + 1}"
            note(axes, first + 1, looks[first], text, color=color, ha="right", away=(-7, 4))
    name(axes, "day", "logarithm of the e-value", y_format=NUMBER)
    axes.set(xlim=(0, DAYS), ylim=(-9, 15), xticks=(0, 30, 60, 90), yticks=(-9, -3, 0, 3, 9, 15))


FIGURES = (costs, budget, periods, drift, alarm)
