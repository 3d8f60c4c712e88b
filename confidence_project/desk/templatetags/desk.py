"""What the templates of the desk ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.db.models.options import Options
from django.utils.text import capfirst

from confidence_project.desk import menu
from confidence_project.foundation.formatting import percent
from governance.definitions import title_of

register = template.Library()

register.filter("policy_title", title_of)


@register.filter
def page_name(opts: Options[Any]) -> str:
    """Return the heading of a model's list: as the menu calls it."""
    return menu.page_name(str(opts.model_name)) or str(capfirst(opts.verbose_name_plural))


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
