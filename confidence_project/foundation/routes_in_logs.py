"""Logs name the route of a request and not its path, a refusal by its kind, and of an error where and not what.

A caller may have put anything into a path, and a message of an error may hold a value.
"""

from __future__ import annotations

import logging
from traceback import format_tb
from typing import Any

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


def where(error: BaseException) -> str:
    """Return the traceback of an error and of what caused it, without their messages."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = f"{where(cause)}\nwhich led to\n" if cause else ""
    return f"{before}{''.join(format_tb(error.__traceback__))}{type(error).__name__}"


class WhereAndNotWhat(logging.Formatter):
    """Show tracebacks without the message of the error."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name that logging calls
        return where(ei[1])
