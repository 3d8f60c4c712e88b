"""How figures are written, in commands, sentences, pages and pictures alike; also a library of template filters.

None is a dash: undefined is not 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from django import template

register = template.Library()

DASH = "–"

UNSAID = ("", "unspecified")
"""Values of a segment that stand for what the host did not say."""


@register.filter
def percent(share: float | Literal[""] | None, digits: int = 3) -> str:
    """Write a share as a percentage of so many significant digits; "" is what a template finds in None."""
    return DASH if share is None or share == "" else f"{float(f'{share * 100:.{digits}g}'):g} %"


def rate(share: float | None, places: int = 2, unknown: str = DASH) -> str:
    """Write a share as a percentage of so many decimals, so that those of a column or a sentence line up."""
    return unknown if share is None else f"{share:.{places}%}"


@register.filter
def count(number: int | Literal[""] | None) -> str:
    """Write a number of things, thousands apart."""
    return DASH if number is None or number == "" else f"{number:,}"


@register.filter
def threshold(value: float | None) -> str:
    """Write a value of a policy: up to four decimals, none of them idle, thousands apart."""
    return DASH if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")


def decimals(value: float | None) -> str:
    """Write a number with the four decimals that thresholds are stored with."""
    return DASH if value is None else f"{value:.4f}"


@register.filter
def segment(values: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """Name a segment: provider and model first, and nothing for what the host did not say beside it."""
    named, order = dict(values), ["provider", "model"]
    keys = sorted(named, key=lambda key: (order.index(key) if key in order else len(order), key))
    words = [_named(key, named[key]) for key in keys if named[key] not in UNSAID]
    blank = [key.replace("_", " ") for key in keys if named[key] == ""]
    # Decisions that name none are a part of all, and not all of them.
    return " · ".join(words) or (f"no {' or '.join(blank)} named" if blank else "every decision")


def _named(key: str, value: str) -> str:
    """Shorten digests: the ends of them say nothing to people."""
    number, _, digest = value.partition(":")
    if key == "options" and number.isdecimal():
        return f"{number} options{f' ({digest[:8]})' if digest else ''}"
    if key == "confidence_kind":
        return _SIDES.get(value, value)
    return f"wording {value[:8]}" if key == "prompt_hash" else value


_SIDES = {"predicate_yes": "P(yes)", "predicate_no": "P(no)"}


@register.filter
def milliseconds(duration: float | None) -> str:
    """Write a duration, in seconds from one second on."""
    if duration is None:
        return DASH
    return f"{duration / 1000:,.2f} s" if duration >= 1000 else f"{duration:.0f} ms"


@register.filter
def said(value: bool | None) -> str:
    """Write a yes or a no."""
    return DASH if value is None else "yes" if value else "no"
