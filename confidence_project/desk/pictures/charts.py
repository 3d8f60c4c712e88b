"""The two pictures of a finding: is the confidence to be believed, and what does a threshold cost?

Both read a finding as it is stored, in JSON types, so that what is drawn is what was proposed and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confidence_project.desk.pictures.drawing import Drawing, Palette, Point, Scale, linear, ticks

Finding = Mapping[str, Any]

WIDTH, HEIGHT = 480, 330
LEFT, RIGHT, TOP, BOTTOM = 52, 456, 44, 262
MOST_NAMES = 7
"""So many names of bins fit side by side."""


def reliability(finding: Finding, palette: Palette) -> bytes | None:
    """Draw what the model claimed and what came true, bin by bin from the least to the most confident.

    The bins hold about equally many labelled decisions and stand side by side, as a model that mostly says 0.99 would
    crowd the usual diagram into one corner. Intervals are 95 % Wilson intervals. None without a labelled decision.
    """
    bins = _labelled_bins(finding)
    if not bins:
        return None
    drawing = Drawing(
        WIDTH,
        HEIGHT,
        title="Reliability: claimed confidence against observed success",
        description=_reliability_in_words(bins),
        palette=palette,
    )
    lowest = min(min(each["wilson"][0], each["mean_confidence"]) for each in bins)
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


def risk_coverage(finding: Finding, palette: Palette, *, target: float | None) -> bytes | None:
    """Draw the failure rate among what is allowed over the share that is allowed, with the thresholds marked.

    Intervals are pointwise. None without a labelled decision.
    """
    curve = labelled_part(finding)
    if not curve:
        return None
    share = share_of_all(finding)
    current, recommended = finding["at_current"], finding["at_recommended"]
    drawing = Drawing(
        WIDTH,
        HEIGHT,
        title="Coverage and risk: failure rate among what is allowed, over the share that is allowed",
        description=_curve_in_words(finding, target),
        palette=palette,
    )
    worst = max(point["failure_rate"] for point in curve)
    rates = ticks(min(max(1.4 * worst, 1.4 * (target or 0), 0.01), 1.0))
    x, y = linear((0.0, 1.0), (LEFT, RIGHT)), linear((0.0, rates[-1]), (BOTTOM, TOP))
    _legend(drawing, "ring", f"now {_mark(current)}", palette.now, LEFT)
    if recommended:
        _legend(drawing, "diamond", f"proposed {_mark(recommended)}", palette.proposed, LEFT + 118)
    _legend(drawing, "band", "95 % interval", palette.quiet, LEFT + 268)
    _y_axis(drawing, y, rates)
    for tick in (0, 0.25, 0.5, 0.75, 1):
        drawing.text((x(tick), BOTTOM + 18), f"{tick * 100:g} %", anchor="middle", size=12)
    _curve(drawing, x, y, curve, share)
    if target is not None:
        drawing.line((LEFT, y(target)), (RIGHT, y(target)), color=palette.limit, width=1.5, dash="6 4")
        drawing.text((LEFT + 4, y(target) - 6), f"at most {target * 100:.3g} % wanted", color=palette.limit, size=12)
    for point, color in ((current, palette.now), (recommended, palette.proposed)):
        if point and point["failure_rate"] is not None and point["coverage"] is not None:
            at = (x(point["coverage"]), y(min(point["failure_rate"], rates[-1])))
            drawing.line(at, (at[0], BOTTOM), color=color, dash="2 3")
            if color == palette.now:
                drawing.circle(at, color=color, radius=6, is_hollow=True)
            else:
                drawing.diamond(at, color=color)
    drawing.text((LEFT, BOTTOM + 40), "Share of all decisions that is allowed", size=12)
    return drawing.as_svg()


def labelled_part(finding: Finding) -> list[Mapping[str, float]]:
    """Return the operating curve down to the threshold that was in force: labels below it are no fair sample."""
    floor = finding["cohort"]["threshold_in_force"]
    return [point for point in finding["operating_curve"] or () if floor is None or point["threshold"] >= floor]


def share_of_all(finding: Finding) -> float:
    """Return which share of the cohort's decisions the operating curve is about: those that the risk lets pass."""
    left_out = finding["left_out"]
    everything = finding["decisions"] + left_out["blocked_by_risk"] + left_out["without_risk"]
    return finding["decisions"] / everything if everything else 1.0


def _labelled_bins(finding: Finding) -> list[Mapping[str, Any]]:
    curves = finding["reliability"]
    return [each for each in curves["equal_mass"]["bins"] if each["n"]] if curves else []


def _bin(drawing: Drawing, x: float, y: Scale, each: Mapping[str, Any], *, is_named: bool) -> None:
    palette, (low, high) = drawing.palette, each["wilson"]
    drawing.line((x, y(each["mean_confidence"])), (x, y(each["success_rate"])), color=palette.now, dash="2 3")
    drawing.line((x, y(low)), (x, y(high)), color=palette.proposed, width=2)
    for end in (low, high):
        drawing.line((x - 5, y(end)), (x + 5, y(end)), color=palette.proposed, width=2)
    drawing.circle((x, y(each["mean_confidence"])), color=palette.now, is_hollow=True)
    drawing.circle((x, y(each["success_rate"])), color=palette.proposed, radius=4)
    if not is_named:
        return
    name = f"{each['low']:.4f}".rstrip("0").rstrip(".") if each["low"] >= 0.99 else f"{each['low']:.3g}"
    drawing.text((x, BOTTOM + 18), name, anchor="middle", size=12)
    drawing.text((x, BOTTOM + 34), f"n {each['n']:,}", anchor="middle", size=11)


def _curve(drawing: Drawing, x: Scale, y: Scale, curve: Sequence[Mapping[str, float]], share: float) -> None:
    def points(name: str) -> list[Point]:
        return [(x(point["coverage"] * share), max(y(point[name]), TOP)) for point in curve]

    drawing.area(points("high") + points("low")[::-1], color=drawing.palette.quiet)
    drawing.path(points("failure_rate"), color=drawing.palette.ink)


def _y_axis(drawing: Drawing, y: Scale, values: Sequence[float]) -> None:
    for value in values:
        drawing.line((LEFT, y(value)), (RIGHT, y(value)), color=drawing.palette.grid)
        drawing.text((LEFT - 8, y(value) + 4), f"{value * 100:.3g} %", anchor="end", size=12)


def _legend(drawing: Drawing, shape: str, text: str, color: str, x: float) -> None:
    at = (x + 6, 18.0)
    if shape == "band":
        drawing.area([(x, 12), (x + 12, 12), (x + 12, 24), (x, 24)], color=color, opacity=0.3)
    elif shape == "diamond":
        drawing.diamond(at, color=color, radius=6)
    else:
        drawing.circle(at, color=color, is_hollow=shape == "ring")
    drawing.text((x + 18, 22), text, color=drawing.palette.ink)


def _mark(point: Mapping[str, Any]) -> str:
    return f"{point['threshold']:.4f}"


def _reliability_in_words(bins: Sequence[Mapping[str, Any]]) -> str:
    return " ".join(
        f"Confidence {each['low']:.4f} to {each['high']:.4f}: claimed {each['mean_confidence']:.1%}, succeeded "
        f"{each['success_rate']:.1%} (95 % interval {each['wilson'][0]:.1%} to {each['wilson'][1]:.1%}) "
        f"of {each['n']:,}."
        for each in bins
    )


def _curve_in_words(finding: Finding, target: float | None) -> str:
    sentences = [] if target is None else [f"Wanted: a failure rate of at most {target * 100:.3g} %."]
    for name, point in (("Now", finding["at_current"]), ("Proposed", finding["at_recommended"])):
        if point and point["failure_rate"] is not None and point["coverage"] is not None:
            sentences.append(
                f"{name}, at {_mark(point)}: {point['coverage']:.1%} of all decisions are allowed, and "
                f"{point['failure_rate']:.2%} of the labelled ones among them failed."
            )
    return " ".join(sentences)
