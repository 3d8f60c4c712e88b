"""The two pictures of a finding: is the confidence to be believed, and what does a threshold cost?

Both draw what a finding holds, so that what is drawn is what was proposed and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from calibration.findings.parts import CurvePoint
from calibration.statistics.operating_points import OperatingPoint
from calibration.statistics.reliability import ReliabilityBin, ReliabilityCurve
from confidence_project.desk.pictures.drawing import Drawing, Palette, Point, Scale, linear, ticks
from confidence_project.foundation.formatting import count, decimals, percent, rate, threshold

WIDTH, HEIGHT = 480, 330
LEFT, RIGHT, TOP, BOTTOM = 52, 456, 44, 262
MOST_NAMES = 7
"""So many names of bins fit side by side."""


def reliability(curve: ReliabilityCurve, palette: Palette) -> bytes | None:
    """Draw what the model claimed and what came true, bin by bin from the least to the most confident.

    The bins hold about equally many labelled decisions and stand side by side, as a model that mostly says 0.99 would
    crowd the usual diagram into one corner. Intervals are 95 % Wilson intervals. None without a labelled decision.
    """
    bins = [each for each in curve.bins if each.n]
    if not bins:
        return None
    drawing = Drawing(
        WIDTH,
        HEIGHT,
        title="Reliability: claimed confidence against observed success",
        description=_reliability_in_words(bins),
        palette=palette,
    )
    lowest = min(min(_known(each)) for each in bins)
    floor = max(0.0, int(lowest * 10 - 1e-9) / 10)
    y = linear((floor, 1.0), (BOTTOM, TOP))
    _legend(drawing, "ring", "claimed (mean confidence)", palette.now, LEFT)
    _legend(drawing, "dot", "succeeded, 95 % interval", palette.proposed, LEFT + 206)
    _y_axis(drawing, y, [floor + (1 - floor) * place / 4 for place in range(5)])
    width = (RIGHT - LEFT) / len(bins)
    # Names of many bins would run into each other: the last is named, and every other one before it.
    named = 1 if len(bins) <= MOST_NAMES else 2
    for place, each in enumerate(bins):
        x = LEFT + width * (place + 0.5)
        _bin(drawing, x, y, each, is_named=(len(bins) - 1 - place) % named == 0)
    drawing.text((LEFT, BOTTOM + 58), "Bins by confidence, named by their lowest; n labelled decisions", size=12)
    return drawing.as_svg()


def risk_coverage(
    curve: Sequence[CurvePoint],
    palette: Palette,
    *,
    share: float,
    current: OperatingPoint,
    recommended: OperatingPoint | None,
    target: float,
) -> bytes | None:
    """Draw the failure rate among what is allowed over the share that is allowed, with the thresholds marked.

    The curve is about `share` of all decisions. Intervals are pointwise. None without a labelled decision.
    """
    if not curve:
        return None
    drawing = Drawing(
        WIDTH,
        HEIGHT,
        title="Coverage and risk: failure rate among what is allowed, over the share that is allowed",
        description=_curve_in_words(current, recommended, target),
        palette=palette,
    )
    worst = max(point.failure_rate or 0.0 for point in curve)
    rates = ticks(min(max(1.4 * worst, 1.4 * target, 0.01), 1.0))
    x, y = linear((0.0, 1.0), (LEFT, RIGHT)), linear((0.0, rates[-1]), (BOTTOM, TOP))
    _legend(drawing, "ring", f"now {decimals(current.threshold)}", palette.now, LEFT)
    if recommended:
        _legend(drawing, "diamond", f"proposed {decimals(recommended.threshold)}", palette.proposed, LEFT + 118)
    _legend(drawing, "band", "95 % interval", palette.quiet, LEFT + 268)
    _y_axis(drawing, y, rates)
    for tick in (0, 0.25, 0.5, 0.75, 1):
        drawing.text((x(tick), BOTTOM + 18), percent(tick), anchor="middle", size=12)
    _curve(drawing, x, y, curve, share)
    drawing.line((LEFT, y(target)), (RIGHT, y(target)), color=palette.limit, width=1.5, dash="6 4")
    drawing.text((LEFT + 4, y(target) - 6), f"at most {percent(target)} wanted", color=palette.limit, size=12)
    for point, color in ((current, palette.now), (recommended, palette.proposed)):
        if point and point.failure_rate is not None and point.coverage is not None:
            at = (x(point.coverage), y(min(point.failure_rate, rates[-1])))
            drawing.line(at, (at[0], BOTTOM), color=color, dash="2 3")
            if color == palette.now:
                drawing.circle(at, color=color, radius=6, is_hollow=True)
            else:
                drawing.diamond(at, color=color)
    drawing.text((LEFT, BOTTOM + 40), "Share of all decisions that is allowed", size=12)
    return drawing.as_svg()


def _known(each: ReliabilityBin) -> tuple[float, float, float, float]:
    """Ends of the interval, mean confidence and success rate of a bin with labels, none of which is None."""
    (low, high) = each.wilson or (0.0, 1.0)
    return low, high, each.mean_confidence or 0.0, each.success_rate or 0.0


def _bin(drawing: Drawing, x: float, y: Scale, each: ReliabilityBin, *, is_named: bool) -> None:
    palette, (low, high, claimed, succeeded) = drawing.palette, _known(each)
    drawing.line((x, y(claimed)), (x, y(succeeded)), color=palette.now, dash="2 3")
    drawing.line((x, y(low)), (x, y(high)), color=palette.proposed, width=2)
    for end in (low, high):
        drawing.line((x - 5, y(end)), (x + 5, y(end)), color=palette.proposed, width=2)
    drawing.circle((x, y(claimed)), color=palette.now, is_hollow=True)
    drawing.circle((x, y(succeeded)), color=palette.proposed, radius=4)
    if not is_named:
        return
    # Near 1 confidences differ in their last decimals.
    lowest = each.low or 0.0
    name = threshold(lowest if lowest >= 0.99 else float(f"{lowest:.3g}"))
    drawing.text((x, BOTTOM + 18), name, anchor="middle", size=12)
    drawing.text((x, BOTTOM + 34), f"n {count(each.n)}", anchor="middle", size=11)


def _curve(drawing: Drawing, x: Scale, y: Scale, curve: Sequence[CurvePoint], share: float) -> None:
    def points(name: str, of: Sequence[CurvePoint]) -> list[Point]:
        return [(x((each.coverage or 0.0) * share), max(y(getattr(each, name) or 0.0), TOP)) for each in of]

    # Outside of a review there are no limits below the threshold in force.
    limited = [point for point in curve if point.high is not None]
    drawing.area(points("high", limited) + points("low", limited)[::-1], color=drawing.palette.quiet)
    drawing.path(points("failure_rate", curve), color=drawing.palette.ink)


def _y_axis(drawing: Drawing, y: Scale, values: Sequence[float]) -> None:
    for value in values:
        drawing.line((LEFT, y(value)), (RIGHT, y(value)), color=drawing.palette.grid)
        drawing.text((LEFT - 8, y(value) + 4), percent(value), anchor="end", size=12)


def _legend(drawing: Drawing, shape: str, text: str, color: str, x: float) -> None:
    at = (x + 6, 18.0)
    if shape == "band":
        drawing.area([(x, 12), (x + 12, 12), (x + 12, 24), (x, 24)], color=color, opacity=0.3)
    elif shape == "diamond":
        drawing.diamond(at, color=color, radius=6)
    else:
        drawing.circle(at, color=color, is_hollow=shape == "ring")
    drawing.text((x + 18, 22), text, color=drawing.palette.ink)


def _reliability_in_words(bins: Sequence[ReliabilityBin]) -> str:
    return " ".join(_bin_in_words(each) for each in bins)


def _bin_in_words(each: ReliabilityBin) -> str:
    low, high, claimed, succeeded = (rate(known, 1) for known in _known(each))
    return (
        f"Confidence {decimals(each.low)} to {decimals(each.high)}: claimed {claimed}, succeeded {succeeded} "
        f"(95 % interval {low} to {high}) of {count(each.n)}."
    )


def _curve_in_words(current: OperatingPoint, recommended: OperatingPoint | None, target: float) -> str:
    sentences = [f"Wanted: a failure rate of at most {percent(target)}."]
    for name, point in (("Now", current), ("Proposed", recommended)):
        if point and point.failure_rate is not None and point.coverage is not None:
            sentences.append(
                f"{name}, at {decimals(point.threshold)}: {rate(point.coverage, 1)} of all decisions are allowed, and "
                f"{rate(point.failure_rate)} of the labelled ones among them failed."
            )
    return " ".join(sentences)
