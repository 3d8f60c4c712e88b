"""Whether confidences are to be believed: reliability, calibration errors, and corrections."""

from __future__ import annotations

from typing import get_args

import numpy as np

from calibration.statistics.calibration_error import calibration_error, noise_floor
from calibration.statistics.cross_validation import cross_validated_gains, random_folds
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE
from calibration.statistics.recalibration import MapKind, fit_recalibration, recalibrated
from calibration.statistics.reliability import equal_mass_curve, equal_width_curve
from confidence_project.desk.pictures import reliability
from confidence_project.desk.pictures.drawing import Palette
from confidence_project.handbook.evidence import boastful, drawn, honest, known
from confidence_project.handbook.frame import Axis, Frame, percent, plain

TENTHS = (0, 0.2, 0.4, 0.6, 0.8, 1)
SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000)


def _boastful() -> Groups:
    return drawn(3_000, boastful, seed=41, shape=(5, 2))


def reliability_side_by_side(palette: Palette) -> bytes:
    """Bins of about equal size beside each other: the desk's own picture."""
    return known(reliability(equal_mass_curve(_boastful()), palette)) + b"\n"


def reliability_diagram(palette: Palette) -> bytes:
    """Success rate over mean confidence, ten bins of equal width."""
    bins = [each for each in equal_width_curve(_boastful()).bins if each.n]
    frame = Frame(
        palette,
        title="Reliability diagram: success rate over confidence, ten bins of equal width",
        description="Most points lie below the diagonal: the model is more confident than it is right.",
        x=Axis(low=0, high=1, at=TENTHS, label="mean confidence of the bin", form=plain),
        y=Axis(low=0, high=1, at=TENTHS, label="success rate"),
    )
    frame.legend("line", "as often as claimed", palette.quiet)
    frame.legend("dot", "succeeded, 95 % interval", palette.proposed)
    frame.line([(0, 0), (1, 1)], palette.quiet, width=1.5)
    for each in bins:
        frame.interval(known(each.mean_confidence), *known(each.wilson), palette.proposed)
        frame.dot(known(each.mean_confidence), known(each.success_rate), palette.proposed)
    return frame.as_svg()


def error_by_bin(palette: Palette) -> bytes:
    """The distance in each bin, with ECE and MCE."""
    groups = _boastful()
    found = calibration_error(groups)
    ece, mce = known(found.ece), known(found.mce)
    frame = Frame(
        palette,
        title="Calibration error: the distance in each bin, their mean and their maximum",
        description=f"ECE {ece:.3f}: the distances weighted by the decisions of the bins. MCE {mce:.3f}: "
        f"the largest, set by a bin of {found.mce_n} decisions.",
        x=Axis(low=0, high=1, at=[place / 10 for place in range(11)], label="confidence", form=plain),
        y=Axis(low=0, high=0.3, at=(0, 0.1, 0.2, 0.3), label="distance of success rate and mean confidence"),
    )
    frame.legend("band", "distance, n labelled", palette.proposed)
    frame.legend("dash", f"ECE {percent(ece)}", palette.limit)
    frame.legend("diamond", f"MCE {percent(mce)}, n {found.mce_n}", palette.now)
    for place, each in enumerate(equal_width_curve(groups).bins):
        distance = abs(known(each.success_rate) - known(each.mean_confidence))
        is_worst = np.isclose(distance, mce)
        frame.bar(place / 10 + 0.05, 0, distance, palette.proposed, width=36)
        frame.note(place / 10 + 0.05, distance, f"n {each.n}", anchor="middle", up=12 if is_worst else 5)
        if is_worst:
            frame.diamond(place / 10 + 0.05, distance, palette.now)
    frame.across(ece, "", palette.limit)
    return frame.as_svg()


def floor_of_noise(palette: Palette) -> bytes:
    """ECE of an honest and of a boastful model at growing numbers of decisions, with what chance alone shows."""
    frame = Frame(
        palette,
        title="ECE against its noise floor",
        description="With few decisions even an honest model shows an ECE of several percentage points. Only an ECE "
        "above the 95 % point of the noise floor speaks against the confidences.",
        x=Axis(low=70, high=43_000, at=SIZES, label="labelled decisions", form=plain, is_log=True),
        y=Axis(low=-0.05, high=0.2, at=(-0.05, 0, 0.05, 0.1, 0.15, 0.2), label="ECE"),
    )
    frame.legend("band", "noise, up to 95 %", palette.quiet)
    frame.legend("dot", "boastful", palette.now)
    frame.legend("dot", "honest", palette.proposed)
    frame.legend("ring", "the same, debiased", palette.ink)
    floors = [noise_floor(drawn(size, honest, seed=51, shape=(5, 2))) for size in SIZES]
    upper = [(size, known(floor.q95)) for size, floor in zip(SIZES, floors, strict=True)]
    frame.band([*upper, (SIZES[-1], 0), (SIZES[0], 0)], palette.quiet)
    frame.line([(size, known(floor.mean)) for size, floor in zip(SIZES, floors, strict=True)], palette.quiet, width=1.5)
    for succeed, seed, color, shift in ((boastful, 42, palette.now, -5), (honest, 51, palette.proposed, 5)):
        for size in SIZES:
            found = calibration_error(drawn(size, succeed, seed=seed, shape=(5, 2)))
            frame.dot(size, known(found.ece_debiased), color, is_hollow=True, shift=shift)
            frame.dot(size, known(found.ece), color, shift=shift)
    return frame.as_svg()


def recalibration(palette: Palette) -> bytes:
    """Three maps from stated to corrected confidence, and what they gain on decisions that they were not fitted on."""
    groups = drawn(2_000, boastful, seed=61, shape=(5, 2))
    gains = {gain.kind: known(gain.brier_gain) for gain in cross_validated_gains(random_folds(groups))}
    frame = Frame(
        palette,
        title="Recalibration: from the stated to a truer confidence",
        description="All three maps lie below the diagonal, as the model claims too much. Gains in Brier score on "
        "held-out decisions: " + ", ".join(f"{kind} {gain:+.4f}" for kind, gain in gains.items()),
        x=Axis(low=0, high=1, at=TENTHS, label="stated confidence", form=plain),
        y=Axis(low=0, high=1, at=TENTHS, label="recalibrated confidence (in the legend: gain in Brier score)"),
    )
    value = np.arange(1_500, LATTICE + 1, 50)
    frame.line([(0, 0), (1, 1)], palette.quiet, width=1)
    for kind, color in zip(get_args(MapKind), (palette.now, palette.proposed, palette.limit), strict=True):
        fitted = fit_recalibration(groups, kind)
        frame.legend("line", f"{kind} {gains[kind]:+.4f}", color)
        frame.line(list(zip(value / LATTICE, recalibrated(fitted, value), strict=True)), color)
    frame.legend("dot", "observed", palette.ink)
    for each in equal_width_curve(groups).bins:
        if each.n >= 10:
            frame.dot(known(each.mean_confidence), known(each.success_rate), palette.ink)
    return frame.as_svg()
