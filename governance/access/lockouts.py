"""When a sign-in is locked: by account and address, by address, and by account for browsers that it does not know."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing
from django.db.models import Q, Sum
from django.http import HttpRequest, HttpResponse

LONGEST_NAME = 100
KNOWN_BROWSER = "known_browser"
KNOWN_SECONDS = 365 * 24 * 3600


def counted_name(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """Return the name under which a failed sign-in is counted; from a browser that the account knows, one of its own.

    Cut, because a name longer than its column would make PostgreSQL refuse the count, and the sign-in with it.
    """
    name = str((credentials or {}).get("username") or request.POST.get("username", ""))
    return f"{name[:LONGEST_NAME]} {_known_as(request, name)}".strip()


def remember_browser(response: HttpResponse, person: Any) -> None:
    """Have the browser say from now on that `person` signed in with it before."""
    response.set_signed_cookie(
        KNOWN_BROWSER,
        f"{person.pk}:{secrets.token_urlsafe(12)}",
        salt=KNOWN_BROWSER,
        max_age=KNOWN_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _known_as(request: HttpRequest, name: str) -> str:
    """Return what the browser is known as to this account; "" of one that it does not know."""
    try:
        value = request.get_signed_cookie(KNOWN_BROWSER, salt=KNOWN_BROWSER, max_age=KNOWN_SECONDS)
    except (KeyError, signing.BadSignature):
        return ""
    owner, _, label = str(value).partition(":")
    if "\0" in name or not get_user_model().objects.filter(pk=owner, username=name).exists():
        return ""
    return label


class LockoutHandler(AxesDatabaseHandler):
    """Counts what the library keeps against three limits; a browser that the account knows has but its own.

    So who guesses is stopped, one account from everywhere or everybody from one address, and yet whoever wants to keep
    people out does not: they come in from an address of their own, and from browsers that they used before, whatever
    is tried elsewhere.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """As many as there are of this account from this address, or as lock where another limit is reached."""
        username = (credentials or {}).get("username") or request.POST.get("username", "")
        name, address = counted_name(request, credentials), request.axes_ip_address  # type: ignore[attr-defined]
        recent = AccessAttempt.objects.filter(attempt_time__gte=get_cool_off_threshold(request))
        failures = "failures_since_start"
        if name != str(username)[:LONGEST_NAME].strip():
            return int(recent.filter(username=name).aggregate(sum=Sum(failures))["sum"] or 0)
        here, of_name = Q(ip_address=address), Q(username=name)
        sums = recent.filter(here | of_name).aggregate(
            both=Sum(failures, filter=here & of_name),
            address=Sum(failures, filter=here),
            account=Sum(failures, filter=of_name),
        )
        both, of_address, of_account = (sums[key] or 0 for key in ("both", "address", "account"))
        if of_address >= settings.SIGN_IN_ADDRESS_LIMIT or of_account >= settings.SIGN_IN_ACCOUNT_LIMIT:
            return max(both, int(settings.AXES_FAILURE_LIMIT))
        return int(both)

    def user_login_failed(self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
        """Count it, and keep nothing of what was sent beside name and address."""
        super().user_login_failed(sender, credentials, request, **kwargs)
        if request is not None:
            sent = AccessAttempt.objects.filter(ip_address=request.axes_ip_address).exclude(get_data="", post_data="")
            sent.update(get_data="", post_data="")
