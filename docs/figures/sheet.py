"""The sheet that every figure is drawn on: matplotlib in the colours of the desk, and the marks that recur."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from confidence_project.desk.pictures.drawing import DARK, LIGHT, Palette

THEMES = {"light": LIGHT, "dark": DARK}
PERCENT = FuncFormatter(lambda share, _: percent(share))
NUMBER = FuncFormatter(lambda number, _: f"{number:,.6g}".replace("-", "−"))

DIAMOND: dict[str, Any] = {"marker": "D", "markersize": 8, "linestyle": "none", "zorder": 5, "clip_on": False}
DOT: dict[str, Any] = {"marker": "o", "markersize": 5.5, "linestyle": "none", "zorder": 4, "clip_on": False}
RING: dict[str, Any] = {**DOT, "markersize": 6.5, "markerfacecolor": "none", "markeredgewidth": 1.6}
GUIDE: dict[str, Any] = {"linestyle": (0, (4, 3)), "linewidth": 1.2}


def render(draw: Callable[[Axes, Palette], None], palette: Palette) -> bytes:
    """Return the figure as SVG: its text as text, its title the docstring, the same bytes each time."""
    with matplotlib.rc_context(_style(palette)):
        figure = Figure(figsize=(5.9, 3.5), layout="constrained")
        axes = figure.subplots()
        draw(axes, palette)
        _, labels = axes.get_legend_handles_labels()
        if labels:
            figure.legend(loc="outside upper left", ncols=len(labels))
        file = BytesIO()
        title = (draw.__doc__ or "").split("\n")[0].rstrip(".")
        figure.savefig(file, format="svg", metadata={"Title": title, "Date": None, "Creator": None})
    return file.getvalue()


def percent(share: float) -> str:
    """Write a share of 1 as a percentage, of three digits at most."""
    return f"{share * 100:.3g} %".replace("-", "−")


def name(axes: Axes, x: str, y: str, *, x_format: FuncFormatter = NUMBER, y_format: FuncFormatter = PERCENT) -> None:
    """Name both axes, the upright one horizontally above its end, and say how their values are written."""
    axes.set_xlabel(x, loc="right")
    axes.set_title(y)
    axes.xaxis.set_major_formatter(x_format)
    axes.yaxis.set_major_formatter(y_format)


def limit(axes: Axes, palette: Palette, y: float, text: str, *, ha: str = "left") -> None:
    """Draw what is wanted or promised from side to side, and name it at one end."""
    axes.axhline(y, color=palette.limit, **GUIDE)
    x = 0.01 if ha == "left" else 0.99
    note(axes, x, y, text, color=palette.limit, transform=axes.get_yaxis_transform(), ha=ha)


def upright(axes: Axes, palette: Palette, x: float, text: str, *, ha: str = "left", color: str = "") -> None:
    """Draw a line from top to bottom and name it at its upper end."""
    axes.axvline(x, color=color or palette.quiet, linestyle=":", linewidth=1.2)
    away = 4 if ha == "left" else -4
    note(axes, x, 1, text, color=color, transform=axes.get_xaxis_transform(), ha=ha, va="top", away=(away, -2))


def note(
    axes: Axes, x: float, y: float, text: str, *, away: tuple[float, float] = (0, 4), transform: Any = None, **how: Any
) -> None:
    """Write beside a point, `away` from it in points to the right and up."""
    how = {"ha": "center", "va": "bottom", **how, "color": how.get("color") or matplotlib.rcParams["xtick.color"]}
    axes.annotate(text, (x, y), away, xycoords=transform or "data", textcoords="offset points", fontsize=8.5, **how)


def interval(axes: Axes, x: float, low: float, middle: float, high: float, color: str, label: str = "") -> None:
    """Draw a dot with its interval; an empty label keeps it out of the legend."""
    axes.errorbar(
        x, middle, [[middle - low], [high - middle]], color=color, fmt="o", markersize=5.5, capsize=3.5, clip_on=False,
        label=label or "_",
    )  # fmt: skip


def _style(palette: Palette) -> dict[str, Any]:
    return {
        "figure.facecolor": palette.surface,
        "axes.facecolor": palette.surface,
        "axes.edgecolor": palette.quiet,
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": palette.grid,
        "axes.labelcolor": palette.quiet,
        "axes.titlecolor": palette.quiet,
        "axes.titlelocation": "left",
        "axes.titlesize": 9,
        "xtick.color": palette.quiet,
        "ytick.color": palette.quiet,
        "ytick.major.size": 0,
        "ytick.minor.size": 0,
        "text.color": palette.ink,
        "font.size": 9,
        # Verdana has the widths that DejaVu Sans was measured with, where that is missing.
        "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
        "legend.frameon": False,
        "legend.borderpad": 0,
        "legend.columnspacing": 1.4,
        "legend.handletextpad": 0.6,
        "legend.numpoints": 1,
        "lines.linewidth": 1.6,
        "path.simplify": False,
        "svg.fonttype": "none",
        # Names of clip paths would be random without it.
        "svg.hashsalt": "docs",
    }
