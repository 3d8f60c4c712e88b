"""Connections to hosts that the operator allowed, on addresses that were looked at: for webhooks and the gateway.

A name is resolved once, and the connection goes to the very address that was checked, so that a name which changes its
mind in between (DNS rebinding) gains nothing. The certificate is checked against the name.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

import httpcore2
from django.conf import settings
from django.http.request import validate_host

from confidence_project.foundation.errors import InvalidInput

_IPV4_IN_IPV6 = (IPv6Network("::/96"), IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


class NotReached(Exception):
    """There was no reply. The text is one of a few fixed ones and names neither host nor content."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where requests of one purpose may go, by two settings, which are read at every use.

    Parameters
    ----------
    hosts
        Name of the setting that lists the hosts; `.example.org` stands for all of its subdomains.
    private
        Name of the setting that also allows loopback, private and link-local addresses, and plain HTTP.
    """

    hosts: str
    private: str

    @property
    def allow_private(self) -> bool:
        return bool(getattr(settings, self.private))

    def check_url(self, url: str) -> None:
        """Raise `InvalidInput` unless requests may go to `url`; its address is looked at on each connection."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError as error:
            raise InvalidInput("The URL cannot be read.") from error
        schemes = ("https", "http") if self.allow_private else ("https",)
        if parts.scheme not in schemes or not host:
            raise InvalidInput("The URL starts with https:// and a host name.")
        if not (url.isascii() and url.isprintable()) or " " in url:
            raise InvalidInput("The URL is printable ASCII without spaces; percent-encode the rest.")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise InvalidInput("The URL holds no user name, password or fragment.")
        if not validate_host(host, [name for name in getattr(settings, self.hosts) if name != "*"]):
            raise InvalidInput(f"The host is not one of {self.hosts}. Ask the operator to add it.")

    def checked_addresses(self, host: str, port: int) -> list[str]:
        """Resolve `host` and return its addresses that may be connected to; raise `NotReached` when none may."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NotReached("name not resolved") from error
        allowed = [str(address[0]) for *_, address in found if self._may_connect(str(address[0]))]
        if not allowed:
            raise NotReached("address not allowed")
        return allowed

    def _may_connect(self, address: str) -> bool:
        return self.allow_private or is_public(ip_address(address.partition("%")[0]))


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


class CheckedBackend(httpcore2.NetworkBackend):
    """Connects to checked addresses only, and holds every step to the `deadline` of the thread that takes it."""

    def __init__(self, destinations: Destinations) -> None:
        self.destinations = destinations

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        *others, last = self.destinations.checked_addresses(host, port)
        for address in others:
            try:
                return self._connect(address, port)
            except httpcore2.ConnectError:
                continue  # a host can have an address that this network has no way to
        return self._connect(last, port)

    def _connect(self, address: str, port: int) -> httpcore2.NetworkStream:
        return _TimedStream(httpcore2.SyncBackend().connect_tcp(address, port, _left()))


class _TimedStream(httpcore2.NetworkStream):
    """A stream whose every step ends at the deadline, whichever request it serves."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self.stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _left())

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _TimedStream(self.stream.start_tls(ssl_context, server_hostname, _left()))

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


_CLOCK = threading.local()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Give what this thread sends and reads inside so long in all, however slowly a reply trickles in.

    Raises
    ------
    NotReached
        In place of what the client library raises when there is no reply, or none in time.
    """
    _CLOCK.ends = time.monotonic() + seconds
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise NotReached("no reply in time") from error
    except httpcore2.ConnectError as error:
        raise NotReached("no connection") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise NotReached("broken reply") from error


def _left() -> float:
    left: float = _CLOCK.ends - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("The deadline of the attempt is over.")
    return left
