"""What the templates of the desk ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.db.models.options import Options
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from confidence_project.desk import menu
from confidence_project.foundation.formatting import percent
from governance.definitions import title_of
from governance.workflow.wording import headline

register = template.Library()

register.filter("policy_title", title_of)
register.filter("headline", headline)


@register.filter
def page_name(opts: Options[Any]) -> str:
    """Return the heading of a model's list: as the menu calls it."""
    return menu.page_name(str(opts.model_name)) or str(capfirst(opts.verbose_name_plural))


HEADINGS = {
    "started at": "since",
    "started by name": "by",
    "ended at": "until",
    "ended by name": "ended by",
    "created at": "created",
    "updated at": "changed",
    "declared at": "declared",
    "registered at": "registered",
    "raised at": "raised",
    "set at": "set",
    "last at": "the last",
    "observed at": "observed",
    "recorded at": "recorded",
    "expiry": "until",
    "expires": "until",
    "actor name": "by",
    "author name": "by",
    "computed by name": "by",
    "declared by name": "by",
    "issued by name": "by",
    "registered by name": "by",
    "set by name": "by",
    "policy key": "policy",
    "break glass": "in an emergency",
    "proposals created": "proposals",
    "log e value": "log of the e-value",
    "alpha": "promised",
}
"""What a column is called, by the name that Django derives from its field."""


@register.filter
def column_heading(name: str) -> str:
    """Return the heading of a column; markup, such as the box that selects all rows, as it is."""
    if isinstance(name, SafeString):
        return name
    return str(capfirst(HEADINGS.get(str(name), str(name))))


@register.filter
def with_headings(cells: Sequence[str], headers: Sequence[dict[str, Any]]) -> list[SafeString]:
    """Give each cell of a row, a finished <td> or <th>, the heading of its column."""
    names = ["" if "action" in header.get("class_attrib", "") else header["text"] for header in headers]
    return [_with_heading(cell, name) for cell, name in zip(cells, names, strict=True)]


def _with_heading(cell: str, name: str) -> SafeString:
    start, rest = mark_safe(cell[:3]), mark_safe(cell[3:])  # noqa: S308 - Django's own markup, escaped by it
    return format_html('{} data-heading="{}"{}', start, column_heading(name), rest)


@register.inclusion_tag("desk/sparkline.html")
def sparkline(rates: Sequence[float | None]) -> dict[str, Any]:
    """Draw success rates over the periods of a window, the worst seen at the foot."""
    known = [(place, rate) for place, rate in enumerate(rates) if rate is not None]
    if len(known) < 2:
        return {}
    low, high = min(rate for _, rate in known), max(rate for _, rate in known)
    points = [(4 + 12 * place, 20 - 16 * (rate - low) / ((high - low) or 1)) for place, rate in known]
    return {
        "points": " ".join(f"{x:g},{y:.1f}" for x, y in points),
        "last": points[-1],
        "label": f"Success rate by period: {', '.join(percent(rate) for _, rate in known)}",
    }
