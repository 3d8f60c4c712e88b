"""What is recommended and what that certifies: the curve, the walk, risks, segments and pairs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from calibration.findings.parts import CurvePoint
from calibration.statistics.fixed_sequence import failure_p_values, spread_starts
from calibration.statistics.groups import Groups
from calibration.statistics.intervals import clopper_pearson
from calibration.statistics.joint import recommend_pair
from calibration.statistics.lattice import LATTICE
from calibration.statistics.operating_points import operating_curve, operating_point
from calibration.statistics.segments import recommend_for_segments
from calibration.statistics.thresholds import recommend_for_groups
from confidence_project.desk.pictures import risk_coverage
from confidence_project.desk.pictures.drawing import Palette
from confidence_project.handbook.evidence import ALPHA, DELTA, drawn, known, modest
from confidence_project.handbook.frame import Axis, Frame, plain, power_of_ten

TRIALS, CASES = 400, 1_000


def _cohort() -> Groups:
    return drawn(6_000, modest, seed=3)


def threshold(palette: Palette) -> bytes:
    """Coverage and failure rate with the certified threshold: the desk's own picture."""
    groups = _cohort()
    answer = recommend_for_groups(groups, alpha=ALPHA, delta=DELTA)
    curve = operating_curve(groups)
    kept = np.unique(np.linspace(0, curve.threshold.size - 1, 101).astype(int))
    names = ("threshold", "coverage", "failure_rate", "low", "high")
    picture = risk_coverage(
        [CurvePoint(**{name: float(getattr(curve, name)[i]) for name in names}) for i in kept[1:]],
        palette,
        share=1.0,
        current=operating_point(groups, 0.9),
        recommended=operating_point(groups, known(answer.threshold)),
        target=ALPHA,
    )
    return known(picture) + b"\n"


def fixed_sequence(palette: Palette) -> bytes:
    """P-values over the share of decisions, the starts, and the level that each stretch has to stay below."""
    groups = _cohort()
    answer = recommend_for_groups(groups, alpha=ALPHA, delta=DELTA)
    reached, failed = np.cumsum(groups.n[::-1]), np.cumsum(groups.failures[::-1])
    p_values = failure_p_values(failed, reached, ALPHA)
    starts = spread_starts(reached, ALPHA, DELTA)
    share = reached / groups.labelled
    frame = Frame(
        palette,
        title="The walk: a p-value for each threshold, and the level that it has to stay below",
        description=f"From each of {len(starts)} starts the tests go down one confidence at a time, until the first "
        f"p-value above the level. The walk ends at the threshold {answer.threshold}.",
        x=Axis(low=0, high=1, at=(0, 0.25, 0.5, 0.75, 1), label="share of decisions at or above the threshold"),
        y=Axis(low=1e-16, high=1, at=(1e-16, 1e-12, 1e-8, 1e-4, 1), label="p-value", form=power_of_ten, is_log=True),
    )
    frame.legend("line", "p-value", palette.ink)
    frame.legend("line", "level of the stretch", palette.limit)
    frame.legend("diamond", f"certified: {answer.threshold}", palette.proposed)
    frame.line(list(zip(share, p_values, strict=True)), palette.ink, width=1.5)
    run = 0
    for start, stop in pairwise([*starts, len(share)]):
        run += 1
        level = run * DELTA / len(starts)
        frame.upright(share[start], palette.quiet, "start")
        frame.line([(share[start], level), (share[stop - 1], level)], palette.limit)
        run = 0 if (p_values[start:stop] > level).any() else run
    best = int(np.searchsorted(-groups.confidence[::-1], -known(answer.threshold)))
    frame.diamond(share[best], p_values[best], palette.proposed)
    return frame.as_svg()


def clusters(palette: Palette) -> bytes:
    """How often a threshold is certified wrongly when each case is counted several times."""
    frame = Frame(
        palette,
        title="Copies of one case: how often the promise breaks",
        description="Every threshold in truth fails a little more often than is wanted, so each certificate is wrong. "
        "With one decision per case that happens seldom; with copies of them often.",
        x=Axis(low=-1, high=4, at=(), label="times that each case is counted"),
        y=Axis(low=0, high=0.6, at=(0, 0.2, 0.4, 0.6), label="wrong certificates"),
    )
    frame.legend("dot", f"simulated, {TRIALS} times {CASES:,} cases, 95 % interval", palette.now)
    for place, copies in enumerate((1, 3, 10), start=1):
        wrong = sum(_certified_wrongly(trial, copies) for trial in range(TRIALS))
        low, high = clopper_pearson([wrong], [TRIALS])
        frame.interval(place, low[0], high[0], palette.now)
        frame.dot(place, wrong / TRIALS, palette.now)
        frame.note(place, high[0], f"{wrong / TRIALS:.1%}", anchor="middle", up=8)
        frame.under(place, "once" if copies == 1 else f"{copies} times")
    frame.across(DELTA, "at most 5 % promised", palette.limit)
    return frame.as_svg()


def _certified_wrongly(trial: int, copies: int) -> bool:
    """Whether a threshold is certified although every threshold fails just more often than alpha."""
    value = np.arange(7_000, 10_000, 100)
    uniform = np.random.default_rng([7, trial]).random(CASES)
    place = np.random.default_rng([8, trial]).integers(value.size, size=CASES)
    n = np.bincount(place, minlength=value.size) * copies
    won = np.bincount(place[uniform >= ALPHA * 1.0001], minlength=value.size) * copies
    groups = Groups.from_arrays(value / LATTICE, n, won)
    return recommend_for_groups(groups, alpha=ALPHA, delta=DELTA).threshold is not None


def risk(palette: Palette) -> bytes:
    """Failure rate below each risk threshold."""
    scores = drawn(5_000, lambda confidence: 1.0 - (1.0 - confidence) / 4, seed=5, shape=(5, 2))
    groups = Groups.from_arrays(((LATTICE - scores.value) / LATTICE)[::-1], scores.n[::-1], scores.successes[::-1])
    answer = recommend_for_groups(groups, alpha=ALPHA, delta=DELTA, direction="below")
    curve = operating_curve(groups, direction="below")
    kept = slice(60, None, 8)
    frame = Frame(
        palette,
        title="A risk threshold: failure rate among the decisions with a lower risk",
        description=f"The failure rate rises with the risk threshold. Certified is {answer.threshold}: with it the "
        f"gate allows what has a lower risk.",
        x=Axis(low=0, high=1, at=(0, 0.2, 0.4, 0.6, 0.8, 1), label="risk threshold", form=plain),
        y=Axis(low=0, high=0.1, at=(0, 0.025, 0.05, 0.075, 0.1), label="failure rate of what is allowed"),
    )
    frame.legend("line", "failure rate", palette.ink)
    frame.legend("band", "95 % interval", palette.quiet)
    frame.legend("diamond", f"certified: {answer.threshold}", palette.proposed)
    up = list(zip(curve.threshold[kept], curve.high[kept], strict=True))
    frame.band(up + list(zip(curve.threshold[kept], curve.low[kept], strict=True))[::-1], palette.quiet)
    frame.line(list(zip(curve.threshold[kept], curve.failure_rate[kept], strict=True)), palette.ink)
    frame.across(ALPHA, "at most 5 % wanted", palette.limit)
    frame.diamond(known(answer.threshold), known(answer.failure_rate), palette.proposed)
    return frame.as_svg()


def segments(palette: Palette) -> bytes:
    """The thresholds of four models, each on its own and so that all of them hold together."""
    parts = {
        "model A": drawn(4_000, modest, seed=11),
        "model B": drawn(1_500, lambda c: 1.0 - (1.0 - c) / 4, seed=12),
        "model C": drawn(600, lambda c: 1.0 - (1.0 - c) / 4, seed=13),
        "model D": drawn(40, modest, seed=14),
    }
    together = recommend_for_segments(parts, alpha=ALPHA, delta=DELTA)
    frame = Frame(
        palette,
        title="Several models in one proposal: they share the probability of being wrong",
        description="Each model that is large enough is tested at a third of 5 %, so its threshold is a little higher "
        "than it would be alone. The model with 40 labels is too small to be tested and takes no share.",
        x=Axis(low=0, high=5, at=(), label=""),
        y=Axis(low=0.5, high=1, at=(0.5, 0.6, 0.7, 0.8, 0.9, 1), label="threshold", form=plain),
    )
    frame.legend("ring", "alone, at 5 %", palette.now)
    frame.legend("diamond", f"together, at {together.segment_delta:.2%} each", palette.proposed)
    for place, (name, groups) in enumerate(parts.items(), start=1):
        alone = recommend_for_groups(groups, alpha=ALPHA, delta=DELTA).threshold
        shared = together.recommendations[name].threshold
        frame.under(place, f"{groups.labelled:,} labels")
        frame.note(place, 0.5, name, anchor="middle", up=-18)
        if alone is None or shared is None:
            frame.note(place, 0.75, "too few labels", anchor="middle")
            continue
        frame.dot(place, alone, palette.now, is_hollow=True)
        frame.diamond(place, shared, palette.proposed)
        frame.note(place, shared, f"{alone:g} → {shared:g}", right=12, up=-4)
    return frame.as_svg()


def pair(palette: Palette) -> bytes:
    """What each risk threshold of the grid would allow, together with the best confidence threshold."""
    generator = np.random.default_rng(21)
    size = 8_000
    risks, confidence = np.round(generator.random(size), 4), np.round(generator.random(size) ** 0.25, 4)
    failing = 0.005 + 0.2 * np.maximum(risks - 0.3, 0.0) + 0.1 * (1.0 - confidence)
    won = generator.random(size) >= failing
    found = recommend_pair(risks, confidence, np.ones(size), won, alpha=ALPHA, delta=DELTA, current_risk=0.7)
    frame = Frame(
        palette,
        title="Two thresholds at once: what each pair allows",
        description=f"For each risk threshold the largest certified share of decisions. The pair with risk "
        f"{found.risk_threshold} and confidence {found.confidence_threshold} allows most.",
        x=Axis(
            low=0, high=1, at=[place / 10 for place in range(1, 10)], label="risk threshold of the pair", form=plain
        ),
        y=Axis(low=0, high=0.8, at=(0, 0.2, 0.4, 0.6, 0.8), label="allowed by the pair"),
    )
    frame.legend("dot", "certified pair", palette.now)
    frame.legend("diamond", f"chosen: confidence {found.confidence_threshold:g}", palette.proposed)
    for threshold_of_risk, answer in sorted(found.grid):
        covered = (answer.coverage or 0.0) * float((risks < threshold_of_risk).mean())
        frame.bar(threshold_of_risk, 0, covered, palette.quiet, width=16, opacity=0.25)
        if answer.threshold is None:
            frame.note(threshold_of_risk, 0, "none", anchor="middle", up=6)
        elif threshold_of_risk == found.risk_threshold:
            frame.diamond(threshold_of_risk, covered, palette.proposed)
        else:
            frame.dot(threshold_of_risk, covered, palette.now)
    return frame.as_svg()
