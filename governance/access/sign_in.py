"""When a password is not enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from governance.access.second_factor import needs_second_factor, shown_at_provider


class SecondFactorMiddleware:
    """Makes nobody of a session that lacks the second factor which its person needs, in the admin and the API alike.

    Whose password it was stays in `request.password_only`, for the page that sets the second factor up.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        signed_in = request.user
        # Lazy: requests with an API key never ask for the session's person.
        request.user = SimpleLazyObject(lambda: _known_well_enough(request, signed_in))  # type: ignore[assignment]
        return self.get_response(request)


def _known_well_enough(request: HttpRequest, person: Any) -> Any:
    if not person.is_authenticated or person.is_verified() or shown_at_provider(request):
        return person
    if not needs_second_factor(person):
        return person
    request.password_only = person  # type: ignore[attr-defined]
    return AnonymousUser()
