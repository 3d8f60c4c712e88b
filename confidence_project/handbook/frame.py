"""Two axes, a legend and the marks between them, on the sheet that the desk draws on, too."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from confidence_project.desk.pictures.drawing import Drawing, Palette, Point

WIDTH, HEIGHT = 560, 330
LEFT, RIGHT, TOP, BOTTOM = 58, 540, 58, 266

Form = Callable[[float], str]


def percent(share: float) -> str:
    """Write a share of 1 as a percentage."""
    return _minus(f"{share * 100:.3g} %")


def plain(number: float) -> str:
    """Write a number as short as it is."""
    return _minus(f"{number:,.6g}")


def power_of_ten(number: float) -> str:
    """Write 0.001 as 10⁻³."""
    exponent = round(math.log10(number))
    return "1" if exponent == 0 else "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _minus(text: str) -> str:
    return text.replace("-", "−")


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What runs along one side: its ends, the values to name, and how they are written."""

    low: float
    high: float
    at: Sequence[float]
    label: str
    form: Form = percent
    is_log: bool = False

    def share(self, value: float) -> float:
        """Return where a value lies, 0 to 1 from end to end; outside of the ends it stays at the end."""
        low, high = (math.log(self.low), math.log(self.high)) if self.is_log else (self.low, self.high)
        at = math.log(max(value, 1e-300)) if self.is_log else value
        return min(max((at - low) / (high - low), 0.0), 1.0)


class Frame:
    """A picture under construction; positions are given in the units of the axes."""

    def __init__(self, palette: Palette, *, title: str, description: str, x: Axis, y: Axis) -> None:
        self.palette = palette
        self.drawing = Drawing(WIDTH, HEIGHT, title=title, description=description, palette=palette)
        self.x_axis, self.y_axis = x, y
        self._legend_end = float(LEFT)
        self._name_axes()

    def at(self, x: float, y: float) -> Point:
        """Return the place of a point on the sheet."""
        return (LEFT + (RIGHT - LEFT) * self.x_axis.share(x), BOTTOM - (BOTTOM - TOP) * self.y_axis.share(y))

    def legend(self, shape: str, text: str, color: str) -> None:
        """Add an entry to the legend: a dot, ring, diamond, line, dash or band, and what it stands for."""
        x = self._legend_end
        self._sample(shape, x, color)
        self.drawing.text((x + 24, 22), text, color=self.palette.ink, size=12)
        # Wide enough for the fonts that a reader may have.
        self._legend_end = x + 24 + 6.3 * len(text) + 16

    def line(self, points: Iterable[Point], color: str, *, width: float = 2) -> None:
        """Draw a line through points."""
        self.drawing.path([self.at(*point) for point in points], color=color, width=width)

    def steps(self, points: Sequence[Point], color: str) -> None:
        """Draw a line that keeps each value up to the next point."""
        corners = [points[0]]
        for before, after in pairwise(points):
            corners += [(after[0], before[1]), after]
        self.line(corners, color)

    def band(self, points: Sequence[Point], color: str, *, opacity: float = 0.16) -> None:
        """Fill the polygon of points."""
        self.drawing.area([self.at(*point) for point in points], color=color, opacity=opacity)

    def bar(self, x: float, low: float, high: float, color: str, *, width: float, opacity: float = 0.55) -> None:
        """Fill from `low` to `high` around `x`; `width` in pixels."""
        (middle, bottom), (_, top) = self.at(x, low), self.at(x, high)
        corners = [(middle - width / 2, bottom), (middle + width / 2, bottom), (middle + width / 2, top)]
        self.drawing.area([*corners, (middle - width / 2, top)], color=color, opacity=opacity)

    def interval(self, x: float, low: float, high: float, color: str, *, shift: float = 0) -> None:
        """Draw an interval upright at `x`, `shift` pixels to the right."""
        (middle, bottom), (_, top) = self.at(x, low), self.at(x, high)
        middle += shift
        self.drawing.line((middle, bottom), (middle, top), color=color, width=2)
        for end in (bottom, top):
            self.drawing.line((middle - 5, end), (middle + 5, end), color=color, width=2)

    def dot(self, x: float, y: float, color: str, *, is_hollow: bool = False, shift: float = 0) -> None:
        """Draw a dot, or a ring."""
        at = self.at(x, y)
        self.drawing.circle((at[0] + shift, at[1]), color=color, radius=4.5, is_hollow=is_hollow)

    def diamond(self, x: float, y: float, color: str) -> None:
        """Draw the mark of what is recommended."""
        self.drawing.diamond(self.at(x, y), color=color)

    def across(self, y: float, text: str, color: str) -> None:
        """Draw a limit from side to side and name it at its left end."""
        start, end = self.at(self.x_axis.low, y), self.at(self.x_axis.high, y)
        self.drawing.line(start, end, color=color, width=1.5, dash="6 4")
        self.drawing.text((start[0] + 4, start[1] - 6), text, color=color, size=12)

    def upright(self, x: float, color: str, text: str = "", *, anchor: str = "start") -> None:
        """Draw a line from top to bottom and name it at its upper end."""
        top = self.at(x, self.y_axis.high)
        self.drawing.line(top, (top[0], BOTTOM), color=color, width=1.5, dash="2 3")
        away = {"start": 5, "middle": 0, "end": -5}[anchor]
        self.drawing.text((top[0] + away, top[1] + 11), text, color=color, anchor=anchor, size=12)

    def note(
        self, x: float, y: float, text: str, *, anchor: str = "start", color: str = "", up: float = 0, right: float = 0
    ) -> None:
        """Write beside a point, some pixels above it and to the right of it."""
        at = self.at(x, y)
        self.drawing.text((at[0] + right, at[1] - up), text, anchor=anchor, color=color, size=12)

    def under(self, x: float, text: str) -> None:
        """Write a second line under the axis."""
        self.drawing.text((self.at(x, self.y_axis.low)[0], BOTTOM + 33), text, anchor="middle", size=11)

    def as_svg(self) -> bytes:
        """Return the picture as a file that ends with a line end."""
        return self.drawing.as_svg() + b"\n"

    def _name_axes(self) -> None:
        for value in self.y_axis.at:
            (start, height), (end, _) = self.at(self.x_axis.low, value), self.at(self.x_axis.high, value)
            self.drawing.line((start, height), (end, height), color=self.palette.grid)
            self.drawing.text((LEFT - 8, height + 4), self.y_axis.form(value), anchor="end", size=12)
        for value in self.x_axis.at:
            place = self.at(value, self.y_axis.low)[0]
            self.drawing.text((place, BOTTOM + 18), self.x_axis.form(value), anchor="middle", size=12)
        self.drawing.text((8, TOP - 14), self.y_axis.label, size=12)
        self.drawing.text((RIGHT, HEIGHT - 12), self.x_axis.label, anchor="end", size=12)

    def _sample(self, shape: str, x: float, color: str) -> None:
        if shape in ("line", "dash"):
            self.drawing.line((x, 18), (x + 18, 18), color=color, width=2, dash="6 4" if shape == "dash" else "")
        elif shape == "band":
            self.drawing.area([(x + 3, 11), (x + 17, 11), (x + 17, 25), (x + 3, 25)], color=color, opacity=0.4)
        elif shape == "diamond":
            self.drawing.diamond((x + 9, 18), color=color, radius=6)
        else:
            self.drawing.circle((x + 9, 18), color=color, radius=4.5, is_hollow=shape == "ring")
