"""Asking a model's server: over pooled connections to checked addresses, within its time and size."""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus

import httpcore2

from confidence_project.foundation.errors import InvalidInput, NotFound, Unavailable
from confidence_project.foundation.outbound import CheckedBackend, NotReached, deadline
from ledger.gateway.lookups import Server
from ledger.gateway.protocols import Dialect, key_headers
from ledger.gateway.services import MODEL_HOSTS

ENDPOINTS = ("/decisions", "/systemone")
CONNECTIONS = 100
IDLE_SECONDS = 30.0

_PASSED_ON = frozenset({400, 404, 409, 413, 415, 422, 429})
"""What a client can mend, or wait for, itself. Anything else of a model's server is between it and us."""


class ModelUnreachable(Unavailable):
    """The model's server gave no answer that can be used. Nothing was recorded, and nothing is allowed."""

    code = "model_unreachable"
    title = "The model did not answer"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model's server said."""

    status: int
    body: bytes
    retry_after: str = ""

    @property
    def is_answer(self) -> bool:
        return self.status == HTTPStatus.OK


@cache
def _pool() -> httpcore2.ConnectionPool:
    # Made by the process that uses it: a server forks its workers after it has read this module.
    pool = httpcore2.ConnectionPool(
        network_backend=CheckedBackend(MODEL_HOSTS),
        max_connections=CONNECTIONS,
        max_keepalive_connections=CONNECTIONS,
        keepalive_expiry=IDLE_SECONDS,
    )
    atexit.register(pool.close)
    return pool


def list_models(server: Server, dialect: Dialect) -> Reply:
    """Return what the server lists as its models, beside the endpoint that is asked. Raises as `ask`.

    Raises
    ------
    NotFound
        The address of the endpoint does not say where the list is.
    """
    beside, found, _ = server.url.rpartition("/")
    if not found or not server.url.endswith(ENDPOINTS):
        raise NotFound("The address of the model's server does not say where it lists its models.")
    return ask(server._replace(url=f"{beside}/models"), dialect, None)


def ask(server: Server, dialect: Dialect, body: bytes | None) -> Reply:
    """Send the request as it came, with the model's key in place of ours, and return what was replied.

    `body` None asks for what is there (GET).

    Raises
    ------
    ModelUnreachable
        The host is not allowed (any more), the key is not set, there was no reply in time, it is too long, or it is an
        error that the client cannot mend. The message names neither host nor key.
    """
    try:
        MODEL_HOSTS.check_url(server.url)
    except InvalidInput as error:
        raise ModelUnreachable("The model's server is not one that the operator allows (any more).") from error
    key = os.environ.get(server.key_variable, "") if server.key_variable else ""
    if server.key_variable and not key:
        raise ModelUnreachable("The model's key is not set in the environment.")
    headers = {
        "content-type": "application/json",
        "accept": "application/json",
        "accept-encoding": "identity",
        **key_headers(dialect, key),
    }
    try:
        return _checked(_sent(server, body, headers))
    except NotReached as error:
        raise ModelUnreachable(f"The model's server did not answer: {error}.") from error


def _sent(server: Server, body: bytes | None, headers: dict[str, str]) -> Reply:
    seconds = server.timeout_seconds
    with (
        deadline(seconds),
        _pool().stream(
            "GET" if body is None else "POST",
            server.url,
            headers=list(headers.items()),
            content=body,
            extensions={"timeout": {"pool": seconds}},
        ) as response,
    ):
        said = {name.lower(): value for name, value in response.headers}
        if said.get(b"content-encoding", b"identity").lower() != b"identity":
            raise NotReached("the reply is compressed, which was not asked for")
        content = bytearray()
        for chunk in response.iter_stream():
            content += chunk
            if len(content) > server.max_reply_bytes:
                raise NotReached("the reply is too long")
        return Reply(response.status, bytes(content), said.get(b"retry-after", b"").decode("ascii", "ignore"))


def _checked(reply: Reply) -> Reply:
    if reply.is_answer or reply.status in _PASSED_ON:
        return reply
    raise NotReached(f"HTTP {reply.status}")
