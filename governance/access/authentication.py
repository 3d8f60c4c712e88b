"""Who calls the HTTP API: API keys, the scopes that they carry, and how often they may call."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django.core.cache import cache
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

from confidence_project.foundation.errors import PermissionRefused
from confidence_project.foundation.kept import Kept
from governance.models import ApiKey, GoverningVersion, Workspace

if TYPE_CHECKING:
    from rest_framework.views import APIView

COUNTED = "confidence.counted"
"""In the environment of a request that a fast lane counted before it handed it on."""

REALM = 'Bearer realm="api"'
INVALID_KEY = "The API key is not valid. Ask an admin of the workspace for a new one."

_VERSION = Subquery(GoverningVersion.objects.filter(workspace_id=OuterRef("workspace_id")).values("version"))

_KEPT: Kept[bytes, ApiKey] = Kept(1024)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY` or `X-API-Key: KEY`; `request.auth` becomes the `ApiKey` with its workspace.

    Revoked, expired and unknown keys get the same answer, so that it says nothing about the key.
    """

    headers: tuple[str, ...] = ("X-API-Key",)
    """Where a key may stand that does not come as a bearer."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        key = self.plain_key_of(request)
        if key is None:
            return None
        api_key = usable_key(key)
        if api_key is None:
            raise AuthenticationFailed(INVALID_KEY)
        return None, api_key

    def authenticate_header(self, request: Request) -> str:
        return REALM

    def plain_key_of(self, request: Request | HttpRequest) -> str | None:
        """Return the key that came with a request, None when none did."""
        sent = request.META
        scheme, _, credentials = sent.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() == "bearer":
            return str(credentials.strip())
        names = (f"HTTP_{header.upper().replace('-', '_')}" for header in self.headers)
        return next((sent[name] for name in names if name in sent), None)


def key_last_read(request: HttpRequest) -> ApiKey | None:
    """Return the key of a request as it was when its last use was authenticated, None when it is not kept.

    It may be revoked since: whoever acts on it has the database compare the version that it is `governed_by`.
    """
    key = ApiKeyAuthentication().plain_key_of(request)
    kept = _KEPT.get(_digest(key)) if key else None
    return None if kept is None or kept.has_expired else kept


def require_usable(key: ApiKey) -> None:
    """Raise `AuthenticationFailed` unless the key may still be used, with the scopes that it had."""
    current = ApiKey.objects.get_usable_keys().filter(pk=key.pk).first()
    if current is None or current.has_expired or not set(key.scopes) <= set(current.scopes):
        raise AuthenticationFailed(INVALID_KEY)


def _digest(key: str) -> bytes:
    # A kept key is found by what it is, and a copy of the memory does not tell it.
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()


def usable_key(plain: str) -> ApiKey | None:
    """Return the key of this plain text with its workspace; None for a revoked, an expired and an unknown one."""
    # One indexed query: the prefix is unique. It is ASCII, so what no database takes never gets that far.
    prefix = plain.partition(".")[0]
    if not (prefix.isalnum() and plain.isascii()):
        return None
    usable = ApiKey.objects.get_usable_keys().select_related("workspace").annotate(governed_by=_VERSION)
    api_key: ApiKey | None = usable.filter(prefix=prefix).first()
    if api_key is None or not api_key.is_valid(plain) or api_key.has_expired:
        return None
    api_key.workspace.asked_by = api_key
    _KEPT.put(_digest(plain), api_key)
    return api_key


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
        return self.counter_of(api_key_of(request)) if request.auth else None

    @staticmethod
    def counter_of(key: ApiKey) -> str:
        """Return the name under which the calls of a key are counted, whatever they come by."""
        return f"throttle:{key.prefix}"

    def allow_request(self, request: Any, view: Any) -> bool:
        if COUNTED in request.META:
            return True
        name = self.get_cache_key(request, view)
        return name is None or self.count(name)

    def count(self, name: str) -> bool:
        """Count a call under `name`; False when that is one too many, with `seconds_left` until the next window."""
        limit, seconds = self.parse_rate(self.rate)
        if limit is None or seconds is None:
            return True
        now = self.timer()
        window = int(now // seconds)
        self.seconds_left = math.ceil((window + 1) * seconds - now)
        counter = f"{name}:{window}"
        try:
            return cache.incr(counter) <= limit
        except ValueError:
            # The first of its window. Where two are, one adds it and both count.
            cache.add(counter, 0, timeout=seconds * 2)
        try:
            return cache.incr(counter) <= limit
        except ValueError:
            # A full cache dropped the counter just now; the next call starts it anew.
            return True

    def wait(self) -> float | None:
        return self.seconds_left
