"""How a person sees the desk: in which time zone, and whether single keys are shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from governance.models import Preferences

DESK = "admin"
"""Namespace of the desk's addresses."""


@cache
def time_zones() -> tuple[str, ...]:
    """Return the zones that a person may choose: UTC, and the places of the IANA database."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return ("UTC", *sorted(places))


def preferences_of(person: Any) -> Preferences:
    """Return what an account has set, or the defaults, which also hold for whoever is not signed in."""
    if not person.is_authenticated:
        return Preferences()
    stored: Preferences | None = getattr(person, "preferences", None)
    # Kept with the person, so that whoever has none is not looked up again.
    return stored or Preferences(user=person)


def set_preferences(*, actor: User, time_zone: str, single_keys: bool) -> Preferences:
    """Show the desk to `actor` in this zone, the server's where it is blank, and have single keys do things or not.

    Raises
    ------
    InvalidInput
        There is no such zone.
    """
    if time_zone and time_zone not in time_zones():
        detail = "is the IANA name of a place, such as Europe/Berlin, or UTC"
        raise InvalidInput(f"The time zone {detail}.", [FieldProblem("/time_zone", "value", f"time_zone {detail}")])
    chosen = {"time_zone": time_zone, "single_keys": single_keys}
    stored, _ = Preferences.objects.update_or_create(user=actor, defaults=chosen)
    return stored


class TimeZoneMiddleware:
    """Shows pages of the desk in the time zone of whoever looks; everything else says its times in UTC."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()

    def process_view(self, request: HttpRequest, *view: Any) -> None:
        match = request.resolver_match
        if match is None or match.app_name != DESK or not request.user.is_authenticated:
            return
        name = preferences_of(request.user).time_zone
        if name:
            _activate(name)


def _activate(name: str) -> None:
    """Use a zone; one that the machine does not know (any more) is the server's."""
    try:
        timezone.activate(ZoneInfo(name))
    except ZoneInfoNotFoundError:
        timezone.deactivate()
