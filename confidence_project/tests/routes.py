"""Every route of the system, and those of lists."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, get_resolver


def _views(patterns, prefix=""):
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)


ROUTES = list(_views(get_resolver().url_patterns))

LISTS = sorted({route for route, view in ROUTES if getattr(view, "pagination_class", None)})
