"""Costs and budgets, and what changes with time."""

from __future__ import annotations

from math import log

import numpy as np
from scipy import special

from calibration.statistics.budgets import smallest_budget
from calibration.statistics.costs import Costs, cheapest_threshold
from calibration.statistics.drift import compare_recent, distribution_drift, period_rates
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE
from calibration.statistics.reviews import review_spending
from calibration.statistics.sequential import alarm_log_e_values, follow
from confidence_project.desk.pictures.drawing import Palette
from confidence_project.handbook.evidence import ALPHA, DELTA, Shares, drawn, honest, known, modest
from confidence_project.handbook.frame import Axis, Frame, plain

DAYS = 90


def costs(palette: Palette) -> bytes:
    """The cost of each threshold, the cheapest one, and those that cannot be told from it."""
    groups = drawn(1_500, honest, seed=81, shape=(5, 2))
    stated = Costs(false_allow=10, false_block=2, review=1)
    found = cheapest_threshold(groups, stated)
    frame = Frame(
        palette,
        title="Costs: what each threshold would have cost per decision",
        description=f"Cheapest is {found.threshold}; thresholds from {found.lenient} to {found.strict} cannot be told "
        "from it.",
        x=Axis(low=0.2, high=1, at=(0.2, 0.4, 0.6, 0.8, 1), label="confidence threshold", form=plain),
        y=Axis(low=0, high=3, at=(0, 1, 2, 3), label="cost per labelled decision", form=plain),
    )
    frame.legend("line", "cost", palette.ink)
    frame.legend("diamond", f"cheapest: {found.threshold}", palette.proposed)
    frame.legend("band", f"not to be told apart: {found.lenient} to {found.strict}", palette.proposed)
    lenient, strict = known(found.lenient), known(found.strict)
    frame.band([(lenient, 0), (lenient, 3), (strict, 3), (strict, 0)], palette.proposed, opacity=0.12)
    steps = range(2_000, LATTICE + 1, 100)
    frame.line([(step / LATTICE, _cost(groups, step, stated)) for step in steps], palette.ink)
    frame.diamond(known(found.threshold), known(found.cost), palette.proposed)
    return frame.as_svg()


def _cost(groups: Groups, step: int, stated: Costs) -> float:
    allowed, blocked = groups.at_or_above(step), groups.below(step)
    paid = stated.false_allow * (allowed.labelled - allowed.succeeded) + stated.false_block * blocked.succeeded
    return (paid + stated.review * blocked.labelled) / groups.labelled


def budget(palette: Palette) -> bytes:
    """The share of bundles that a token budget truncates, and the smallest budget that is certified."""
    needed = np.rint(np.exp(7.2 + 0.35 * special.ndtri(np.random.default_rng(82).random(600)))).astype(int)
    found = smallest_budget(needed, np.ones(needed.size), target=ALPHA, delta=DELTA)
    frame = Frame(
        palette,
        title="Token budget: the share of bundles that need more",
        description=f"The smallest certified budget is {found.budget} tokens: {found.truncated} of {found.bundles} "
        "bundles needed more.",
        x=Axis(low=1_500, high=3_500, at=(1_500, 2_000, 2_500, 3_000, 3_500), label="budget in tokens", form=plain),
        y=Axis(low=0, high=0.4, at=(0, 0.1, 0.2, 0.3, 0.4), label="truncated"),
    )
    frame.legend("line", "truncated by the budget", palette.ink)
    frame.legend("diamond", f"certified: {found.budget:,} tokens", palette.proposed)
    tokens = np.arange(1_500, 3_501, 20)
    frame.line([(float(each), float((needed > each).mean())) for each in tokens], palette.ink)
    frame.across(ALPHA, "at most 5 % wanted", palette.limit)
    frame.diamond(known(found.budget), known(found.truncation_rate), palette.proposed)
    return frame.as_svg()


def _worse(confidence: Shares) -> Shares:
    return 1.0 - (1.0 - confidence) / 1.8


def periods(palette: Palette) -> bytes:
    """Success rates of six periods, the recent third of which is worse."""
    parts = [drawn(400, _worse if period >= 4 else modest, seed=90 + period) for period in range(6)]
    rates, recent = period_rates(parts), compare_recent(parts)
    frame = Frame(
        palette,
        title="Drift inside of a window: success rate by period",
        description=f"The recent third fails more often than the rest: p = {recent.p_value:.2g}, Fisher's exact test.",
        x=Axis(low=0.4, high=6.6, at=(1, 2, 3, 4, 5, 6), label="period", form=plain),
        y=Axis(low=0.8, high=1, at=(0.8, 0.85, 0.9, 0.95, 1), label="success rate"),
    )
    frame.legend("dot", "success rate, 95 % interval", palette.proposed)
    frame.legend("band", f"recent third, p = {recent.p_value:.2g} against the rest", palette.now)
    first = known(recent.first_recent) + 0.5
    frame.band([(first, 0.8), (first, 1), (6.6, 1), (6.6, 0.8)], palette.now, opacity=0.12)
    for place, rate in enumerate(rates, start=1):
        frame.interval(place, *known(rate.interval), palette.proposed)
        frame.dot(place, known(rate.success_rate), palette.proposed)
    return frame.as_svg()


def drift(palette: Palette) -> bytes:
    """Two distributions of confidence, with PSI and KS."""
    before = drawn(2_000, honest, seed=101, shape=(5, 2))
    after = drawn(2_000, honest, seed=102, shape=(7, 1.6))
    found = distribution_drift(before, after)
    value = np.arange(2_000, LATTICE + 1, 50)
    reached = [
        np.array([side.below(int(each) + 1).decisions for each in value]) / side.decisions for side in (before, after)
    ]
    widest = int(np.argmax(np.abs(reached[0] - reached[1])))
    frame = Frame(
        palette,
        title="Drift of the confidences: PSI and KS",
        description=f"The confidences have risen. PSI {found.psi:.3f}, KS {found.ks:.3f}: the largest distance.",
        x=Axis(low=0.2, high=1, at=(0.2, 0.4, 0.6, 0.8, 1), label="confidence", form=plain),
        y=Axis(low=0, high=1, at=(0, 0.25, 0.5, 0.75, 1), label="share of decisions at or below"),
    )
    frame.legend("line", "before", palette.now)
    frame.legend("line", "after", palette.proposed)
    frame.legend("dash", f"KS {found.ks:.3f} (PSI {found.psi:.3f})", palette.limit)
    for side, color in zip(reached, (palette.now, palette.proposed), strict=True):
        frame.line(list(zip(value / LATTICE, side, strict=True)), color)
    ends = [(value[widest] / LATTICE, side[widest]) for side in reached]
    frame.line(ends, palette.limit)
    frame.note(*ends[1], f"KS {found.ks:.3f}", color=palette.limit, right=8, up=-4)
    return frame.as_svg()


def alarm(palette: Palette) -> bytes:
    """Evidence that may be looked at every day: of a system that keeps its promise and of one that stops doing so."""
    frame = Frame(
        palette,
        title="An alarm that may be looked at every day",
        description="The evidence of the system that keeps its promise stays low. The other one fails in 12 % instead "
        "of 3 % from day 30 on. The alarm is raised late, because the good days before count, too.",
        x=Axis(low=0, high=DAYS, at=(0, 30, 60, 90), label="day", form=plain),
        y=Axis(low=-9, high=15, at=(-9, -3, 0, 3, 9, 15), label="logarithm of the e-value", form=plain),
    )
    uniform = np.random.default_rng(111).random((DAYS, 20))
    decisions = 20 * np.arange(1, DAYS + 1)
    for name, later, color in (("keeps its promise", 0.03, palette.proposed), ("fails from day 30", 0.12, palette.now)):
        rate = np.where(np.arange(DAYS) < 30, 0.03, later)[:, None]
        looks = alarm_log_e_values(np.cumsum((uniform < rate).sum(axis=1)), decisions, alpha=ALPHA)
        frame.legend("line", name, color)
        frame.line([(0.0, 0.0), *((day, float(look)) for day, look in enumerate(looks, start=1))], color)
        first = follow(looks, delta=DELTA).first_look
        if first is not None:
            frame.diamond(first + 1, looks[first], color)
            frame.note(first + 1, looks[first], f"alarm on day {first + 1}", anchor="end", color=color, up=8, right=-10)
    frame.across(log(1 / DELTA), "alarm at 1/δ", palette.limit)
    return frame.as_svg()


def reviews(palette: Palette) -> bytes:
    """How the accepted probability of error is spent by the loosening reviews of a year."""
    declared = 4
    weeks = (2, 11, 12, 26, 40)
    spending = [review_spending(DELTA, declared, map(str, range(count))) for count in range(len(weeks) + 1)]
    frame = Frame(
        palette,
        title="Reviews: how the accepted probability of error is spent",
        description=f"{declared} loosening reviews are declared for the year, each spends a quarter of 5 %. The fifth "
        "may not loosen any more.",
        x=Axis(low=0, high=52, at=(0, 13, 26, 39, 52), label="week of the year", form=plain),
        y=Axis(low=0, high=0.06, at=(0, 0.0125, 0.025, 0.0375, 0.05), label="spent"),
    )
    frame.legend("line", "spent", palette.ink)
    frame.legend("diamond", "review that may loosen", palette.proposed)
    frame.legend("ring", "review that may not", palette.now)
    spent = [each.spent_delta for each in spending]
    frame.steps([(0.0, 0.0), *zip(weeks, spent[1:], strict=True), (52.0, spent[-1])], palette.ink)
    for week, before, after in zip(weeks, spending[:-1], spending[1:], strict=True):
        if before.level is not None:
            frame.diamond(week, after.spent_delta, palette.proposed)
        else:
            frame.dot(week, after.spent_delta, palette.now, is_hollow=True)
    frame.across(DELTA, "δ of the period", palette.limit)
    return frame.as_svg()
