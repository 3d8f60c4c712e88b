"""All figures by file name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.axes import Axes

from docs.figures import calibrated, certified, over_time, partly_labelled, scored
from docs.figures.sheet import THEMES, Palette, render

FOLDER = Path(__file__).resolve().parents[1] / "images" / "statistics"

FIGURES: Mapping[str, Callable[[Axes, Palette], None]] = {
    draw.__name__.replace("_", "-"): draw
    for room in (certified, partly_labelled, calibrated, scored, over_time)
    for draw in room.FIGURES
}


def draw_all() -> dict[str, bytes]:
    """Draw every figure for a light and for a dark page."""
    return {
        f"{name}-{theme}.svg": render(draw, palette)
        for name, draw in FIGURES.items()
        for theme, palette in THEMES.items()
    }
