"""Where a request comes from, as far as proxies are trusted to say so."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.core import checks
from django.http import HttpRequest

# Whoever is given one address of version 6 is given so many of them.
OF_ONE_LINE = 64


def client_address(request: HttpRequest) -> str:
    """Return the address that failed sign-ins count under: of IPv6, the network of its line.

    `X-Forwarded-For` is read from its end, and only as far as each address before was a proxy of ours: what stands
    further left is the client's own words.
    """
    said = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if settings.CONFIDENCE_TRUSTED_PROXIES else []
    address: str = request.META.get("REMOTE_ADDR", "")
    while said and _is_ours(address):
        address = said.pop().strip()
    return _line_of(address)


def _is_ours(address: str) -> bool:
    if not address:
        return True  # the socket of a proxy on this machine
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in ip_network(network) for network in settings.CONFIDENCE_TRUSTED_PROXIES)


def _line_of(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        # A column for addresses takes nothing else; nobody else counts under it.
        return "0.0.0.0"  # noqa: S104
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, OF_ONE_LINE), strict=False).network_address)


def check_proxies(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Behind a proxy that nobody named, everybody comes from one address, and one of them can lock it."""
    if not settings.SECURE_PROXY_SSL_HEADER or settings.CONFIDENCE_TRUSTED_PROXIES:
        return []
    hint = "Name the addresses or networks of the proxy in CONFIDENCE_TRUSTED_PROXIES; it has to set X-Forwarded-For."
    return [checks.Warning("Behind a proxy, all sign-ins count under its address.", hint=hint, id="governance.W001")]
