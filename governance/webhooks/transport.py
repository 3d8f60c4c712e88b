"""One POST to a host that was allowed, on an address that was looked at: no redirects, no proxies, a deadline.

The name is resolved once, and the connection goes to the very address that was checked, so that a name which changes
its mind in between (DNS rebinding) gains nothing. The certificate is checked against the name.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

import httpcore2
from django.conf import settings
from django.http.request import validate_host

from confidence_project.foundation.errors import InvalidInput

_IPV4_IN_IPV6 = (IPv6Network("::/96"), IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


class DeliveryFailed(Exception):
    """The message did not arrive. The text is one of a few fixed ones and names neither host nor content."""


def check_url(url: str) -> None:
    """Raise `InvalidInput` unless messages may be sent to `url`; its address is looked at on each connection."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidInput("The URL cannot be read.") from error
    schemes = ("https", "http") if settings.CONFIDENCE_WEBHOOK_ALLOW_PRIVATE else ("https",)
    if parts.scheme not in schemes or not host:
        raise InvalidInput("The URL starts with https:// and a host name.")
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise InvalidInput("The URL is printable ASCII without spaces; percent-encode the rest.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidInput("The URL holds no user name, password or fragment.")
    if not validate_host(host, [name for name in settings.CONFIDENCE_WEBHOOK_HOSTS if name != "*"]):
        raise InvalidInput("The host is not one of CONFIDENCE_WEBHOOK_HOSTS. Ask the operator to add it.")


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """POST `body` and return the status of the reply, whose body is not read; all of it within the time-out.

    Raises
    ------
    DeliveryFailed
        The URL or its address is not allowed (any more), or there was no reply in time.
    """
    try:
        check_url(url)
    except InvalidInput as error:
        raise DeliveryFailed("host not allowed") from error
    backend = _CheckedBackend(time.monotonic() + settings.CONFIDENCE_WEBHOOK_TIMEOUT_SECONDS)
    try:
        with (
            httpcore2.ConnectionPool(network_backend=backend) as pool,
            pool.stream("POST", url, headers=list(headers.items()), content=body) as response,
        ):
            return response.status
    except httpcore2.TimeoutException as error:
        raise DeliveryFailed("no reply in time") from error
    except httpcore2.ConnectError as error:
        raise DeliveryFailed("no connection") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise DeliveryFailed("broken reply") from error


def is_success(status: int) -> bool:
    """True for 2xx. A redirect is none: it could lead anywhere."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def checked_addresses(host: str, port: int) -> list[str]:
    """Resolve `host` and return its addresses that may be connected to; raise `DeliveryFailed` when none may."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DeliveryFailed("name not resolved") from error
    allowed = [str(address[0]) for *_, address in found if _may_connect(str(address[0]))]
    if not allowed:
        raise DeliveryFailed("address not allowed")
    return allowed


def _may_connect(address: str) -> bool:
    return settings.CONFIDENCE_WEBHOOK_ALLOW_PRIVATE or is_public(ip_address(address.partition("%")[0]))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """False for loopback, private, link-local and reserved addresses, and for IPv6 that carries an IPv4 address."""
    if isinstance(address, IPv6Address) and _carries_ipv4(address):
        return False
    return address.is_global and not address.is_multicast


def _carries_ipv4(address: IPv6Address) -> bool:
    """True for IPv4-mapped, -compatible, 6to4, Teredo and NAT64 (RFC 4291, 3056, 4380, 6052) addresses."""
    return bool(
        address.ipv4_mapped
        or address.sixtofour
        or address.teredo
        or any(address in network for network in _IPV4_IN_IPV6)
    )


class _CheckedBackend(httpcore2.NetworkBackend):
    """Connects to a checked address only, and gives every stream what is left of the deadline."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        *others, last = checked_addresses(host, port)
        for address in others:
            try:
                return self._connect(address, port)
            except httpcore2.ConnectError:
                continue  # a host can have an address that this network has no way to
        return self._connect(last, port)

    def _connect(self, address: str, port: int) -> httpcore2.NetworkStream:
        stream = httpcore2.SyncBackend().connect_tcp(address, port, _left(self.deadline))
        return _TimedStream(stream, self.deadline)


class _TimedStream(httpcore2.NetworkStream):
    """A stream whose every step ends at the same deadline."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: float) -> None:
        self.stream = stream
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _left(self.deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _left(self.deadline))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _TimedStream(self.stream.start_tls(ssl_context, server_hostname, _left(self.deadline)), self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("The deadline of the attempt is over.")
    return left
