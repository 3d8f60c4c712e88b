"""A sheet to draw on: a few marks, as SVG that holds neither style nor script, so that a strict policy lets it pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

Point = tuple[float, float]
Scale = Callable[[float], float]

FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours of one theme. `now` and `proposed` differ in lightness, too, and every mark in shape."""

    ink: str
    quiet: str
    grid: str
    surface: str
    now: str
    proposed: str
    limit: str


LIGHT = Palette(
    ink="#1b2433",
    quiet="#57606f",
    grid="#e3e7ee",
    surface="#ffffff",
    now="#b8530a",
    proposed="#1d5fb4",
    limit="#7a3e9d",
)
DARK = Palette(
    ink="#e8ecf3",
    quiet="#a9b4c4",
    grid="#303a4b",
    surface="#1a2230",
    now="#f2a65a",
    proposed="#7db4f5",
    limit="#cf9fec",
)


def linear(domain: Point, to: Point) -> Scale:
    """Return the scale that maps `domain` onto `to`."""
    (low, high), (start, end) = domain, to
    return lambda value: start + (value - low) / (high - low) * (end - start)


def ticks(high: float, steps: int = 4) -> list[float]:
    """Return round numbers from 0 up to the first that is at least `high` > 0, some `steps` of them."""
    magnitude = 10.0 ** math.floor(math.log10(high / steps))
    step = next(magnitude * factor for factor in (1, 2, 2.5, 5, 10) if magnitude * factor * steps >= high - 1e-9)
    return [round(step * place, 10) for place in range(math.ceil((high - 1e-9) / step) + 1)]


class Drawing:
    """An SVG picture with a title and a description for those who cannot see it."""

    def __init__(self, width: int, height: int, *, title: str, description: str, palette: Palette) -> None:
        self.palette = palette
        self._root = ElementTree.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {width} {height}",
                "width": str(width),
                "height": str(height),
                "role": "img",
                "aria-labelledby": "title desc",
                "font-family": FONT,
            },
        )
        ElementTree.SubElement(self._root, "title", {"id": "title"}).text = title
        ElementTree.SubElement(self._root, "desc", {"id": "desc"}).text = description
        self._add("rect", width=width, height=height, fill=palette.surface)

    def line(self, start: Point, end: Point, *, color: str, width: float = 1, dash: str = "") -> None:
        """Draw a straight line; `dash` as in SVG, "4 3"."""
        extra = {"stroke_dasharray": dash} if dash else {}
        self._add("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], stroke=color, stroke_width=width, **extra)

    def path(self, points: Sequence[Point], *, color: str, width: float = 2) -> None:
        """Draw a line through points."""
        self._add(
            "polyline", points=_points(points), fill="none", stroke=color, stroke_width=width, stroke_linejoin="round"
        )

    def area(self, points: Sequence[Point], *, color: str, opacity: float = 0.16) -> None:
        """Fill the polygon of points."""
        self._add("polygon", points=_points(points), fill=color, fill_opacity=opacity)

    def circle(self, at: Point, *, color: str, radius: float = 5, is_hollow: bool = False) -> None:
        """Draw a dot, or a ring."""
        fill = self.palette.surface if is_hollow else color
        self._add("circle", cx=at[0], cy=at[1], r=radius, fill=fill, stroke=color, stroke_width=2)

    def diamond(self, at: Point, *, color: str, radius: float = 7) -> None:
        """Draw a square on its corner."""
        (x, y), r = at, radius
        corners = [(x, y - r), (x + r, y), (x, y + r), (x - r, y)]
        self._add("polygon", points=_points(corners), fill=color, stroke=self.palette.surface, stroke_width=1.5)

    def text(
        self, at: Point, content: str, *, color: str = "", anchor: str = "start", size: float = 13, bold: bool = False
    ) -> None:
        """Write on one line; `anchor` is start, middle or end."""
        extra = {"font_weight": "600"} if bold else {}
        element = self._add(
            "text", x=at[0], y=at[1], fill=color or self.palette.quiet, text_anchor=anchor, font_size=size, **extra
        )
        element.text = content

    def as_svg(self) -> bytes:
        """Return the picture as a file."""
        svg: bytes = ElementTree.tostring(self._root, encoding="utf-8", xml_declaration=True)
        return svg

    def _add(self, tag: str, **attributes: str | float) -> ElementTree.Element:
        written = {name.replace("_", "-"): _number(value) for name, value in attributes.items()}
        return ElementTree.SubElement(self._root, tag, written)


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
