"""Who calls the HTTP API: API keys, the scopes that they carry, and how often they may call."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from django.core.cache import cache
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

from confidence_project.foundation.errors import PermissionRefused
from governance.models import ApiKey, Workspace

if TYPE_CHECKING:
    from rest_framework.views import APIView

REALM = 'Bearer realm="api"'
INVALID_KEY = "The API key is not valid. Ask an admin of the workspace for a new one."


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY` or `X-API-Key: KEY`; `request.auth` becomes the `ApiKey` with its workspace.

    Revoked, expired and unknown keys get the same answer, so that it says nothing about the key.
    """

    headers: tuple[str, ...] = ("X-API-Key",)
    """Where a key may stand that does not come as a bearer."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        key = self._key_of(request)
        if key is None:
            return None
        api_key = usable_key(key)
        if api_key is None:
            raise AuthenticationFailed(INVALID_KEY)
        return None, api_key

    def authenticate_header(self, request: Request) -> str:
        return REALM

    def _key_of(self, request: Request) -> str | None:
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return credentials.strip()
        return next((request.headers[name] for name in self.headers if name in request.headers), None)


def usable_key(plain: str) -> ApiKey | None:
    """Return the key of this plain text with its workspace; None for a revoked, an expired and an unknown one."""
    # One indexed query: the prefix is unique. It is ASCII, so what no database takes never gets that far.
    prefix = plain.partition(".")[0]
    if not (prefix.isalnum() and plain.isascii()):
        return None
    api_key = ApiKey.objects.get_usable_keys().select_related("workspace").filter(prefix=prefix).first()
    return api_key if api_key and api_key.is_valid(plain) and not api_key.has_expired else None


def api_key_of(request: Request) -> ApiKey:
    """Return the key that the request was authenticated with."""
    return cast(ApiKey, request.auth)


def workspace_of(request: Request) -> Workspace:
    """Return the workspace that the request's key belongs to."""
    return api_key_of(request).workspace


class HasScope(BasePermission):
    """Lets a key through that carries the scope which the view declares for the method.

    A view declares `required_scopes`, from method to scope. A method that it handles without declaring a scope is
    refused: fail closed.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.auth is None:
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        required: Mapping[str, str] = getattr(view, "required_scopes", {})
        if method not in required:
            # Without a handler the answer is 405, which the view gives itself.
            return not hasattr(view, method.lower())
        scope = str(required[method])
        if scope not in api_key_of(request).scopes:
            raise PermissionRefused(f"The API key lacks the scope {scope!r}.")
        return True


class ApiKeyThrottle(SimpleRateThrottle):
    """So many calls per key and window, counted in the cache: one atomic increment per call.

    The windows are fixed (a minute is a minute of the clock), so the memory per key is one number whatever the rate.
    """

    scope = "api_key"
    seconds_left: int | None = None

    def get_rate(self) -> str | None:
        return cast("str | None", api_settings.DEFAULT_THROTTLE_RATES[self.scope])

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return f"throttle:{api_key_of(request).prefix}" if request.auth else None

    def allow_request(self, request: Request, view: APIView) -> bool:
        key = self.get_cache_key(request, view)
        limit, seconds = self.parse_rate(self.rate)
        if key is None or limit is None or seconds is None:
            return True
        now = self.timer()
        window = int(now // seconds)
        self.seconds_left = math.ceil((window + 1) * seconds - now)
        counter = f"{key}:{window}"
        cache.add(counter, 0, timeout=seconds * 2)
        try:
            return cache.incr(counter) <= limit
        except ValueError:
            # A full cache dropped the counter just now; the next call starts it anew.
            return True

    def wait(self) -> float | None:
        return self.seconds_left
