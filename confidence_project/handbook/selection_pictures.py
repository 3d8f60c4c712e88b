"""Labels that exist for a part of the decisions, and how sure a rate is."""

from __future__ import annotations

import numpy as np

from calibration.statistics.audits import recommend_with_audits
from calibration.statistics.groups import Groups
from calibration.statistics.intervals import clopper_pearson, wilson
from calibration.statistics.lattice import LATTICE
from calibration.statistics.reliability import equal_width_curve
from confidence_project.desk.pictures.drawing import Palette
from confidence_project.handbook.evidence import ALPHA, DELTA, careful, drawn, modest
from confidence_project.handbook.frame import Axis, Frame, plain

IN_FORCE = 0.8


def _gated() -> Groups:
    """Nine in ten of the allowed decisions are labelled, and one in ten of the blocked ones."""
    allowed = drawn(5_000, modest, seed=31, labelled=0.9, shape=(6, 2)).at_or_above(int(IN_FORCE * LATTICE))
    blocked = drawn(5_000, modest, seed=32, labelled=0.1, shape=(6, 2)).below(int(IN_FORCE * LATTICE))
    return Groups.merge([allowed, blocked])


def label_coverage(palette: Palette) -> bytes:
    """All decisions and the labelled ones among them, by tenth of confidence."""
    bins = equal_width_curve(_gated()).bins
    frame = Frame(
        palette,
        title="Label coverage: for which decisions an outcome is known",
        description="At and above the threshold in force nine in ten decisions have a label, below it one in ten.",
        x=Axis(low=0, high=1, at=[place / 10 for place in range(11)], label="confidence", form=plain),
        y=Axis(low=0, high=1_600, at=(0, 400, 800, 1_200, 1_600), label="decisions", form=plain),
    )
    frame.legend("band", "all decisions", palette.quiet)
    frame.legend("band", "with a label", palette.proposed)
    for place, each in enumerate(bins):
        if each.total:
            frame.bar(place / 10 + 0.05, 0, each.total, palette.quiet, width=38, opacity=0.25)
            frame.bar(place / 10 + 0.05, 0, each.n, palette.proposed, width=38)
            frame.note(place / 10 + 0.05, each.total, f"{each.label_coverage:.0%}", anchor="middle", up=5)
    frame.upright(IN_FORCE, palette.now, f"in force: {IN_FORCE}", anchor="end")
    return frame.as_svg()


def audits(palette: Palette) -> bytes:
    """The limit of the failure rate at each step below the threshold in force."""
    allowed = drawn(20_000, careful, seed=33, shape=(6, 2)).at_or_above(9_000)
    audited = drawn(20_000, careful, seed=34, labelled=0.2, shape=(6, 2)).below(9_000)
    found = recommend_with_audits(allowed, [audited], in_force=0.9, alpha=ALPHA, delta=DELTA)
    frame = Frame(
        palette,
        title="Audits: how far below the threshold in force the evidence reaches",
        description=f"Below 0.9 every step allows more decisions, and the upper limit of the failure rate rises. The "
        f"last step whose limit is at most 5 % is {found.threshold}.",
        x=Axis(low=0.3, high=1, at=(0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1), label="threshold", form=plain),
        y=Axis(low=0, high=0.08, at=(0, 0.02, 0.04, 0.06, 0.08), label="failure rate, weighted by all decisions"),
    )
    frame.legend("dot", "failure rate", palette.now)
    frame.legend("line", "upper limit", palette.ink)
    frame.legend("diamond", f"certified: {found.threshold}", palette.proposed)
    frame.across(ALPHA, "at most 5 % wanted", palette.limit)
    frame.upright(0.9, palette.quiet, "in force")
    frame.line([(step.threshold, step.upper) for step in found.steps], palette.ink)
    for step in found.steps:
        frame.dot(step.threshold, step.failure_rate or 0.0, palette.now)
        if step.threshold == found.threshold:
            frame.diamond(step.threshold, step.upper, palette.proposed)
        else:
            frame.dot(step.threshold, step.upper, palette.ink, is_hollow=not step.certified)
    return frame.as_svg()


def intervals(palette: Palette) -> bytes:
    """Both intervals of the same rate at growing numbers of decisions."""
    cases = ((0, 20), (2, 20), (5, 50), (20, 200), (100, 1_000))
    failures, decisions = np.array(cases).T
    kinds = (
        (wilson(failures, decisions), palette.proposed, -12),
        (clopper_pearson(failures, decisions), palette.now, 12),
    )
    frame = Frame(
        palette,
        title="Intervals of a failure rate: the more decisions, the shorter",
        description="Wilson intervals are a little shorter than those of Clopper and Pearson, which are never too "
        "short. Without a failure among 20 decisions the rate may still be up to 17 %.",
        x=Axis(low=0.4, high=5.6, at=(), label="failures of decisions"),
        y=Axis(low=0, high=0.4, at=(0, 0.1, 0.2, 0.3, 0.4), label="failure rate"),
    )
    frame.legend("line", "Wilson, 95 %", palette.proposed)
    frame.legend("line", "Clopper-Pearson, 95 %", palette.now)
    for (low, high), color, shift in kinds:
        for place in range(len(cases)):
            frame.interval(place + 1, low[place], high[place], color, shift=shift)
            frame.dot(place + 1, failures[place] / decisions[place], color, shift=shift)
    for place, (lost, tried) in enumerate(cases, start=1):
        frame.note(place, 0, f"{lost} of {tried:,}", anchor="middle", up=-20)
    return frame.as_svg()
