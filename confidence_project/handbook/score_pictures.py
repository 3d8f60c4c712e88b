"""Scores of single forecasts, and what they consist of."""

from __future__ import annotations

import numpy as np

from calibration.statistics.groups import Groups
from calibration.statistics.reliability import equal_width_curve
from calibration.statistics.scores import HALF_STEP, auroc, brier_score, confidence_bias, log_loss
from confidence_project.desk.pictures.drawing import Palette
from confidence_project.handbook.evidence import boastful, drawn, honest, known
from confidence_project.handbook.frame import Axis, Frame, percent, plain, power_of_ten


def _models() -> dict[str, Groups]:
    return {
        "honest": drawn(40_000, honest, seed=71, shape=(5, 2), decimals=2),
        "boastful": drawn(40_000, boastful, seed=72, shape=(5, 2), decimals=2),
    }


def brier(palette: Palette) -> bytes:
    """The Brier score from its three parts, for two models."""
    frame = Frame(
        palette,
        title="Brier score: uncertainty, less resolution, plus reliability",
        description="The honest model adds almost nothing to what it resolves; the boastful one pays for claiming too "
        "much.",
        x=Axis(low=0.3, high=9.7, at=(), label=""),
        y=Axis(low=0, high=0.3, at=(0, 0.1, 0.2, 0.3), label="mean squared distance", form=plain),
    )
    frame.legend("band", "uncertainty", palette.quiet)
    frame.legend("band", "− resolution", palette.proposed)
    frame.legend("band", "+ reliability", palette.now)
    frame.legend("diamond", "score", palette.limit)
    for offset, (name, groups) in zip((0, 5), _models().items(), strict=True):
        found = brier_score(groups)
        uncertainty, reliability, score = known(found.uncertainty), known(found.reliability), known(found.score)
        resolved = uncertainty - known(found.resolution)
        frame.bar(offset + 1, 0, uncertainty, palette.quiet, width=40, opacity=0.35)
        frame.bar(offset + 2, resolved, uncertainty, palette.proposed, width=40)
        frame.bar(offset + 3, resolved, resolved + reliability, palette.now, width=40)
        frame.diamond(offset + 4, score, palette.limit)
        frame.note(offset + 1, uncertainty, f"{uncertainty:.3f}", anchor="middle", up=5)
        frame.note(offset + 2, uncertainty, f"−{found.resolution:.3f}", anchor="middle", up=5)
        frame.note(offset + 3, resolved + reliability, f"+{reliability:.3f}", anchor="middle", up=5)
        frame.note(offset + 4, score, f"{score:.3f}", anchor="middle", up=12)
        frame.note(offset + 2.5, 0, f"{name} model", anchor="middle", up=-18)
    return frame.as_svg()


def log_loss_by_clip(palette: Palette) -> bytes:
    """The log loss over the clip, without and with failures at confidence 1."""
    clean = drawn(2_000, honest, seed=73, shape=(5, 2)).below(10_000)
    spoilt = Groups.merge([clean, Groups.from_arrays([1.0], [20], [0])])
    clips = np.geomspace(1e-9, 1e-1, 60)
    frame = Frame(
        palette,
        title="Log loss: what 20 failures at confidence 1 make of 2,000 decisions",
        description="Without a failure at confidence 1 the clip hardly matters. With 20 of them the log loss grows "
        "without end as the clip shrinks.",
        x=Axis(
            low=1e-9, high=1e-1, at=(1e-9, 1e-7, 1e-5, 1e-3, 1e-1), label="distance kept from 0 and 1 (the clip)",
            form=power_of_ten, is_log=True,
        ),
        y=Axis(low=0.4, high=0.8, at=(0.4, 0.5, 0.6, 0.7, 0.8), label="log loss in nats", form=plain),
    )  # fmt: skip
    frame.legend("line", "20 failures at 1.0000", palette.now)
    frame.legend("line", "without them", palette.proposed)
    for groups, color in ((spoilt, palette.now), (clean, palette.proposed)):
        frame.line([(clip, known(log_loss(groups, clip=clip).score)) for clip in clips], color)
    frame.upright(HALF_STEP, palette.limit, f"clip of the report: {HALF_STEP:.5f}")
    return frame.as_svg()


def roc(palette: Palette) -> bytes:
    """The ROC curve of a model whose confidences rank, and of one whose do not."""
    frame = Frame(
        palette,
        title="AUROC: the area under the curve",
        description="As the threshold falls, more successes and more failures are allowed. A model that ranks well "
        "reaches most successes first; one that knows nothing follows the diagonal.",
        x=Axis(low=0, high=1, at=(0, 0.25, 0.5, 0.75, 1), label="share of the failures that are allowed"),
        y=Axis(low=0, high=1, at=(0, 0.25, 0.5, 0.75, 1), label="share of the successes that are allowed"),
    )
    ranks = drawn(3_000, boastful, seed=74, shape=(2, 1))
    knows_nothing = drawn(3_000, lambda confidence: np.full_like(confidence, 0.7), seed=75)
    for name, groups, color in (("ranks", ranks, palette.proposed), ("knows nothing", knows_nothing, palette.now)):
        frame.legend("line", f"{name}: {auroc(groups).score:.3f}", color)
        won, lost = (np.append(0, np.cumsum(each[::-1])) for each in (groups.successes, groups.failures))
        points = list(zip(lost / lost[-1], won / won[-1], strict=True))[::4]
        frame.line([*points, (1, 1)], color)
        if groups is ranks:
            frame.band([*points, (1, 1), (1, 0)], color, opacity=0.1)
    frame.line([(0, 0), (1, 1)], palette.quiet, width=1)
    return frame.as_svg()


def bias(palette: Palette) -> bytes:
    """The ECE divided into what is claimed too much and too little."""
    groups = drawn(4_000, lambda confidence: 0.45 + 0.4 * confidence, seed=76, shape=(3, 2))
    found = confidence_bias(groups)
    over, under, net = known(found.over), known(found.under), known(found.net)
    frame = Frame(
        palette,
        title="Over- and under-confidence: how far confidence exceeds the success rate, by bin",
        description=f"Over-confidence {over:.3f}, under-confidence {under:.3f}, net {net:+.3f}.",
        x=Axis(low=0, high=1, at=[place / 10 for place in range(11)], label="confidence", form=plain),
        y=Axis(low=-0.6, high=0.2, at=(-0.6, -0.4, -0.2, 0, 0.2), label="mean confidence − success rate"),
    )
    frame.legend("band", f"over {percent(over)}", palette.now)
    frame.legend("band", f"under {percent(under)}", palette.proposed)
    frame.legend("dash", f"net {percent(net)}", palette.limit)
    for place, each in enumerate(equal_width_curve(groups).bins):
        if each.mean_confidence is not None and each.success_rate is not None:
            gap = each.mean_confidence - each.success_rate
            frame.bar(place / 10 + 0.05, 0, gap, palette.now if gap > 0 else palette.proposed, width=36)
            frame.note(place / 10 + 0.05, max(gap, 0), f"n {each.n}", anchor="middle", up=5)
    frame.across(net, "", palette.limit)
    return frame.as_svg()
