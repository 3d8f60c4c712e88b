"""Logs name the route of a request and not its path: in a path a caller may have put anything."""

from __future__ import annotations

import logging

from django.http import HttpRequest


class RouteForPath(logging.Filter):
    """Put the route in place of the path in what Django says about a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            route = f"/{request.resolver_match.route}" if request.resolver_match else "(no route)"
            record.args = tuple(route if value == request.path else value for value in record.args)
        return True
