"""Forms that work once: a page that is loaded again sends its form again, and must not make a second key.

Each form carries a random name. Once what it asks for is done, the session keeps that name, and nothing else.
"""

from __future__ import annotations

import secrets

from django.http import HttpRequest

FIELD = "form_sent_once"
"""Name of the hidden field."""

REMEMBERED = 100
"""Names that a session keeps, the last ones."""

SENT_BEFORE = (
    "This form was sent before, and what it asked for was done then. Nothing was done a second time. What was shown "
    "once cannot be shown again: if it was not kept, revoke it and make another."
)

_KEY = "forms_sent"


def new_name() -> str:
    """Return the name of a form that is about to be shown."""
    return secrets.token_urlsafe(16)


def was_sent(request: HttpRequest) -> bool:
    """True when the form of this request was sent and done before."""
    name = request.POST.get(FIELD)
    return bool(name) and name in request.session.get(_KEY, ())


def remember(request: HttpRequest) -> None:
    """Keep that the form of this request was done."""
    name = request.POST.get(FIELD)
    if name:
        request.session[_KEY] = [*request.session.get(_KEY, ()), name][-REMEMBERED:]
