"""Logs name the route of a request and not its path, and a refusal by its kind: a caller may have put in anything."""

from __future__ import annotations

import logging

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

REFUSALS = (BadRequest, PermissionDenied, SuspiciousOperation, MultiPartParserError)


class RouteForPath(logging.Filter):
    """Put the route in place of the path in what Django says about a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            route = f"/{request.resolver_match.route}" if request.resolver_match else "(no route)"
            record.args = tuple(route if value == request.path else value for value in record.args)
        return True


class RefusalsInOneLine(logging.Filter):
    """Leave the traceback out where a request was refused: it is the caller's doing, and no fault of a line of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, REFUSALS):
            record.exc_info = record.exc_text = None
            if isinstance(error, SuspiciousOperation):
                # Its message quotes what was sent.
                record.msg, record.args = "request refused: %s", (type(error).__name__,)
        return True
