"""Scores of single forecasts, and what they consist of."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from calibration.statistics import scores
from calibration.statistics.groups import Groups
from calibration.statistics.reliability import equal_width_curve
from docs.figures.decisions import boastful, generate, honest
from docs.figures.sheet import DIAMOND, GUIDE, NUMBER, PERCENT, Palette, name, note, percent, upright

TENTHS = np.arange(11) / 10


def brier(axes: Axes, palette: Palette) -> None:
    """Brier score: uncertainty, less resolution, plus reliability."""
    for place, (succeed, seed) in enumerate(((honest, 71), (boastful, 72))):
        found = scores.brier_score(generate(40_000, succeed, seed=seed, shape=(5, 2), decimals=2))
        resolved = found.uncertainty - found.resolution
        parts = (
            ("uncertainty", 0, found.uncertainty, palette.quiet, ""),
            ("− resolution", resolved, found.resolution, palette.proposed, "−"),
            ("+ reliability", resolved, found.reliability, palette.now, "+"),
        )
        for offset, (label, bottom, height, color, sign) in enumerate(parts, start=5 * place):
            label = "" if place else label
            axes.bar(offset, height, 0.8, bottom, color=color, alpha=0.7, label=label)
            note(axes, offset, bottom + height, f"{sign}{height:.3f}")
        axes.plot(5 * place + 3, found.score, color=palette.limit, label="" if place else "score", **DIAMOND)
        note(axes, 5 * place + 3, found.score, f"{found.score:.3f}", away=(0, 8))
    name(axes, "", "mean squared distance", y_format=NUMBER)
    axes.set(ylim=(0, 0.3), yticks=(0, 0.1, 0.2, 0.3))
    axes.set_xticks([1.5, 6.5], ["honest model", "boastful model"])
    axes.tick_params(axis="x", length=0)


def log_loss(axes: Axes, palette: Palette) -> None:
    """Log loss: what 20 failures at confidence 1 make of 2,000 decisions."""
    clean = generate(2_000, honest, seed=73, shape=(5, 2)).below(10_000)
    spoilt = Groups.merge([clean, Groups.from_arrays([1.0], [20], [0])])
    clips = np.geomspace(1e-9, 1e-1, 60)
    for label, groups, color in (
        ("20 failures at 1.0000", spoilt, palette.now),
        ("without them", clean, palette.proposed),
    ):
        axes.plot(clips, [scores.log_loss(groups, clip=clip).score for clip in clips], color=color, label=label)
    upright(axes, palette, scores.HALF_STEP, f"clip of the report: {scores.HALF_STEP:.5f}", color=palette.limit)
    name(axes, "distance kept from 0 and 1 (the clip)", "log loss in nats", y_format=NUMBER)
    axes.set(xscale="log", xlim=(1e-9, 1e-1), ylim=(0.4, 0.8))
    axes.set_xticks([1e-9, 1e-7, 1e-5, 1e-3, 1e-1], ["10⁻⁹", "10⁻⁷", "10⁻⁵", "10⁻³", "10⁻¹"])
    axes.minorticks_off()


def auroc(axes: Axes, palette: Palette) -> None:
    """AUROC: the area under the curve."""
    for label, groups, color in (
        ("ranks", generate(3_000, boastful, seed=74, shape=(2, 1)), palette.proposed),
        ("knows nothing", generate(3_000, lambda confidence: np.full_like(confidence, 0.7), seed=75), palette.now),
    ):
        won, lost = (np.append(0, np.cumsum(each[::-1])) for each in (groups.successes, groups.failures))
        # Every eighth point is enough for the eye; the last belongs to it.
        x, y = (np.append(each[:-1:8], each[-1]) / each[-1] for each in (lost, won))
        axes.plot(x, y, color=color, label=f"{label}: {scores.auroc(groups).score:.3f}")
        if label == "ranks":
            axes.fill_between(x, y, color=color, alpha=0.12, lw=0)
    axes.plot([0, 1], [0, 1], color=palette.quiet, linewidth=1)
    name(axes, "share of the failures that are allowed", "share of the successes that are allowed", x_format=PERCENT)
    axes.set(xlim=(0, 1), ylim=(0, 1))


def confidence_bias(axes: Axes, palette: Palette) -> None:
    """Over- and under-confidence: how far confidence exceeds the success rate, by bin."""
    groups = generate(4_000, lambda confidence: 0.45 + 0.4 * confidence, seed=76, shape=(3, 2))
    found = scores.confidence_bias(groups)
    bins, middles = equal_width_curve(groups).bins, TENTHS[:-1] + 0.05
    gaps = np.array([each.mean_confidence - each.success_rate for each in bins])
    for is_over, label, color in (
        (True, f"over {percent(found.over)}", palette.now),
        (False, f"under {percent(found.under)}", palette.proposed),
    ):
        chosen = (gaps > 0) == is_over
        axes.bar(middles[chosen], gaps[chosen], 0.08, color=color, alpha=0.7, label=label)
    for middle, gap, each in zip(middles, gaps, bins, strict=True):
        note(axes, middle, max(gap, 0), f"{each.n}" if each is not bins[0] else f"n {each.n}")
    axes.axhline(0, color=palette.quiet, linewidth=0.8)
    axes.axhline(found.net, color=palette.limit, label=f"net {percent(found.net)}", **GUIDE)
    name(axes, "confidence", "mean confidence − success rate")
    axes.set(xlim=(0, 1), ylim=(-0.6, 0.2), xticks=TENTHS)


FIGURES = (brier, log_loss, auroc, confidence_bias)
