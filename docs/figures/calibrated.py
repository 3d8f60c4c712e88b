"""Whether confidences are to be believed: reliability, calibration errors, and corrections."""

from __future__ import annotations

from functools import cache
from typing import get_args

import numpy as np
from matplotlib.axes import Axes

from calibration.statistics import calibration_error as errors
from calibration.statistics.cross_validation import cross_validated_gains, random_folds
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE
from calibration.statistics.recalibration import MapKind, fit_recalibration, recalibrated
from calibration.statistics.reliability import equal_mass_curve, equal_width_curve
from docs.figures.decisions import boastful, generate, honest
from docs.figures.sheet import DIAMOND, DOT, GUIDE, NUMBER, RING, Palette, interval, name, note, percent

TENTHS = np.arange(11) / 10
SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000)


def _boastful() -> Groups:
    return generate(3_000, boastful, seed=41, shape=(5, 2))


def reliability(axes: Axes, palette: Palette) -> None:
    """Reliability: claimed confidence against observed success, in bins of equal mass side by side."""
    bins = [each for each in equal_mass_curve(_boastful()).bins if each.n]
    claimed = [each.mean_confidence for each in bins]
    axes.vlines(range(len(bins)), [each.success_rate for each in bins], claimed, color=palette.now, linestyles=":")
    for place, each in enumerate(bins):
        low, high = each.wilson
        interval(
            axes, place, low, each.success_rate, high, palette.proposed, "" if place else "succeeded, 95 % interval"
        )
    axes.plot(claimed, color=palette.now, label="claimed (mean confidence)", **RING)
    name(axes, f"bins of {bins[0].n} labelled decisions, named by their lowest confidence", "success rate")
    axes.set(ylim=(0.1, 1))
    axes.set_xticks(range(len(bins)), [f"{each.low:.3g}" for each in bins])


def reliability_diagram(axes: Axes, palette: Palette) -> None:
    """Reliability diagram: success rate over confidence, ten bins of equal width."""
    axes.plot([0, 1], [0, 1], color=palette.quiet, label="as often as claimed")
    bins = [each for each in equal_width_curve(_boastful()).bins if each.n]
    for place, each in enumerate(bins):
        label = "" if place else "succeeded, 95 % interval"
        interval(axes, each.mean_confidence, each.wilson[0], each.success_rate, each.wilson[1], palette.proposed, label)
    name(axes, "mean confidence of the bin", "success rate")
    axes.set(xlim=(0, 1), ylim=(0, 1))


def calibration_error(axes: Axes, palette: Palette) -> None:
    """Calibration error: the distance in each bin, their mean and their maximum."""
    groups = _boastful()
    found = errors.calibration_error(groups)
    bins = equal_width_curve(groups).bins
    middles = TENTHS[:-1] + 0.05
    distances = [abs(each.success_rate - each.mean_confidence) for each in bins]
    axes.bar(middles, distances, 0.08, color=palette.proposed, alpha=0.6, label="distance, n labelled")
    for middle, distance, each in zip(middles, distances, bins, strict=True):
        note(axes, middle, distance, f"{each.n}" if each is not bins[0] else f"n {each.n}", away=(0, 7))
    axes.axhline(found.ece, color=palette.limit, label=f"ECE {percent(found.ece)}", **GUIDE)
    worst = middles[int(np.argmax(distances))]
    axes.plot(worst, found.mce, color=palette.now, label=f"MCE {percent(found.mce)}, n {found.mce_n}", **DIAMOND)
    name(axes, "confidence", "distance of success rate and mean confidence")
    axes.set(xlim=(0, 1), ylim=(0, 0.3), xticks=TENTHS, yticks=(0, 0.1, 0.2, 0.3))


@cache
def _noise_floors() -> list[errors.NoiseFloor]:
    return [errors.noise_floor(generate(size, honest, seed=51, shape=(5, 2))) for size in SIZES]


def noise_floor(axes: Axes, palette: Palette) -> None:
    """ECE of an honest and of a boastful model, with what chance alone shows."""
    floors = _noise_floors()
    axes.fill_between(
        SIZES, 0, [floor.q95 for floor in floors], color=palette.quiet, alpha=0.2, lw=0, label="noise, up to 95 %"
    )
    axes.plot(SIZES, [floor.mean for floor in floors], color=palette.quiet)
    for label, succeed, seed, color, shift in (
        ("boastful", boastful, 42, palette.now, 0.96),
        ("honest", honest, 51, palette.proposed, 1.04),
    ):
        found = [errors.calibration_error(generate(size, succeed, seed=seed, shape=(5, 2))) for size in SIZES]
        at = np.multiply(SIZES, shift)
        axes.plot(at, [each.ece for each in found], color=color, label=label, **DOT)
        axes.plot(at, [each.ece_debiased for each in found], color=color, **RING)
    axes.plot([], color=palette.ink, label="the same, debiased", **RING)
    name(axes, "labelled decisions", "ECE")
    axes.set(xscale="log", xlim=(70, 43_000), ylim=(-0.05, 0.2))
    axes.set_xticks(SIZES, [f"{size:,}" for size in SIZES])
    axes.minorticks_off()


def recalibration(axes: Axes, palette: Palette) -> None:
    """Recalibration: from the stated to a truer confidence."""
    groups = generate(2_000, boastful, seed=61, shape=(5, 2))
    gains = {gain.kind: gain.brier_gain for gain in cross_validated_gains(random_folds(groups))}
    value = np.arange(1_500, LATTICE + 1, 50)
    axes.plot([0, 1], [0, 1], color=palette.quiet, linewidth=1)
    colors = (palette.now, palette.proposed, palette.limit)
    for kind, color, dash in zip(get_args(MapKind), colors, ("-", "--", "-."), strict=True):
        label = f"{kind} {gains[kind]:+.4f}"
        axes.plot(value / LATTICE, recalibrated(fit_recalibration(groups, kind), value), dash, color=color, label=label)
    seen = [each for each in equal_width_curve(groups).bins if each.n >= 10]
    at, rates = zip(*((each.mean_confidence, each.success_rate) for each in seen), strict=True)
    axes.plot(at, rates, color=palette.ink, label="observed", **DOT)
    name(axes, "stated confidence", "recalibrated confidence (in the legend: gain in Brier score)", y_format=NUMBER)
    axes.set(xlim=(0, 1), ylim=(0, 1))


FIGURES = (reliability, reliability_diagram, calibration_error, noise_floor, recalibration)
