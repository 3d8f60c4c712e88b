"""Clients that send or read slowly, against the server as `gunicorn.conf.py` sets it up: nobody else waits for them."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from contextlib import ExitStack
from statistics import median

import httpx
import pytest
from django.db import connection

from confidence_project.demo import client as demo
from governance.tests.callers import Caller
from telemetry.models import AIDraft
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db(transaction=True)

SLOW = 50
SECONDS = 3
CONNECTIONS = 80


@pytest.fixture
def url(monkeypatch, tmp_path):
    if connection.vendor != "sqlite":
        pytest.skip("The server is started on the file of a SQLite database.")
    monkeypatch.setitem(os.environ, "DATABASE_URL", f"sqlite:///{connection.settings_dict['NAME']}")
    monkeypatch.setitem(os.environ, "CONFIDENCE_CLIENT_SECONDS", str(SECONDS))
    with demo.running_server("--worker-connections", str(CONNECTIONS), "--error-logfile", str(tmp_path / "log")) as url:
        yield url


def _connect(url):
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


POST = b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
WAYS = {
    "nothing": b"",
    "a head, byte by byte": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 99,
    "a body, byte by byte": POST + b"Content-Length: 99\r\n\r\n" + b"a" * 98,
    "chunks, byte by byte": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 16,
}


def _drip(connections, rest):
    """Send each connection its next byte; those that were closed are no longer there."""
    byte, rest = rest[:1], rest[1:]
    for connected in list(connections):
        readable, _, _ = select.select([connected], [], [], 0)
        try:
            if byte:
                connected.sendall(byte)
            if readable:
                connections.remove(connected)
        except OSError:
            connections.remove(connected)
    return rest


@pytest.mark.parametrize("way", WAYS)
def test_slow_requests__others_are_answered_at_once_and_the_slow_are_cut(url, way):
    sent = WAYS[way]
    head, split, body = sent.partition(b"\r\n\r\n")
    with ExitStack() as stack, httpx.Client(base_url=url, headers=Caller().headers, timeout=10) as others:
        connections = [stack.enter_context(_connect(url)) for _ in range(SLOW)]
        slow, begun = list(connections), time.monotonic()
        if split:
            for connected in slow:
                connected.sendall(head + split)
        rest, took, still_there = (body if split else head), [], SLOW
        while slow and time.monotonic() < begun + SECONDS + 5:
            rest = _drip(slow, rest)
            before = time.monotonic()
            assert others.get("/healthz").status_code == 200
            assert others.post("/api/v1/drafts", json=bodies.draft()).status_code == 201
            took.append(time.monotonic() - before)
            if time.monotonic() < begun + SECONDS - 1:
                still_there = len(slow)
            time.sleep(0.1)
        assert (still_there, len(slow)) == (SLOW, 0)
        # All of them within the client's time-out; the middle one, as other work runs beside a test.
        assert median(took) < 1
        if way != "nothing":
            assert connections[0].recv(99).startswith(b"HTTP/1.1 408 ")


def test_slow_readers__others_are_answered_at_once(url):
    # More than a socket holds of replies that nobody reads, and four times as many readers as there are threads.
    asked = b"GET /api/v1/schema HTTP/1.1\r\nHost: localhost\r\n\r\n" * 60
    host, port = url.removeprefix("http://").split(":")
    with ExitStack() as stack, httpx.Client(base_url=url, timeout=10) as others:
        others.get("/api/v1/schema", timeout=60)
        for _ in range(8):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect((host, int(port)))
            reader.sendall(asked)
        for _ in range(20):
            before = time.monotonic()
            assert others.get("/healthz").status_code == 200
            took = time.monotonic() - before
            time.sleep(0.3)
        assert took < 1


def test_connections__more_than_there_may_be__the_oldest_unfinished_goes(url):
    with ExitStack() as stack:
        slow = [stack.enter_context(_connect(url)) for _ in range(CONNECTIONS + 10)]
        before = time.monotonic()
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert time.monotonic() - before < 1
        assert slow[0].recv(1) == b""


def _draft_of(length):
    return json.dumps(bodies.draft()).encode().ljust(length)


def _post_draft(key, body, *lines):
    head = ["POST /api/v1/drafts HTTP/1.1", "Host: localhost", f"X-API-Key: {key}", "Content-Type: application/json"]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", *lines, "", ""]).encode()


def test_large_body__slower_than_the_time_but_steady__is_taken(url):
    body = _draft_of(100_000)
    with _connect(url) as connected:
        connected.sendall(_post_draft(Caller().key.plain, body))
        for start in range(0, len(body), 20_000):
            time.sleep(SECONDS / 4)
            connected.sendall(body[start : start + 20_000])
        assert connected.recv(99).startswith(b"HTTP/1.1 201 ")
    assert AIDraft.objects.count() == 1


def test_requests_one_behind_the_other__are_answered_in_their_order(url):
    key = Caller().key.plain
    both = b"".join(_post_draft(key, body) + body for body in (_draft_of(500), _draft_of(700)))
    with _connect(url) as connected:
        connected.sendall(both[:-9])
        time.sleep(0.5)
        connected.sendall(both[-9:] + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        replies = b"".join(iter(lambda: connected.recv(65_536), b""))
    assert [part[:3] for part in replies.split(b"HTTP/1.1 ")[1:]] == [b"201", b"201", b"200"]


GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _read_reply(connected):
    """Return what comes first of a reply in chunks; all of it is read."""
    first = read = connected.recv(65_536)
    while not read.endswith(b"\r\n0\r\n\r\n"):
        read += connected.recv(65_536)
    return first


@pytest.mark.parametrize(("with_the_first", "after_its_reply"), [(GET + GET[:9], b""), (GET, GET[:9]), (GET, GET)])
def test_next_request_begins_at_once__holds_no_thread_and_is_answered(url, with_the_first, after_its_reply):
    begun = len(with_the_first + after_its_reply) - len(GET)
    with ExitStack() as stack:
        kept = [stack.enter_context(_connect(url)) for _ in range(8)]
        for connected in kept:
            connected.sendall(with_the_first)
            # Head and body leave together.
            assert _read_reply(connected).partition(b"\r\n\r\n")[2]
            connected.sendall(after_its_reply)
        before = time.monotonic()
        assert httpx.get(f"{url}/healthz", timeout=10).status_code == 200
        assert time.monotonic() - before < 1
        for connected in kept:
            connected.sendall(GET[begun:])
            assert _read_reply(connected).startswith(b"HTTP/1.1 200 ")


def test_many_requests_sent_ahead__others_are_answered_in_between(url):
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(_connect(url)).sendall(GET * 2_000)
        before = time.monotonic()
        assert httpx.get(f"{url}/healthz", timeout=60).status_code == 200
        assert time.monotonic() - before < 3


def test_body_announced__continue_is_said_before_it_is_sent(url):
    body = _draft_of(500)
    with _connect(url) as connected:
        connected.sendall(_post_draft(Caller().key.plain, body, "Expect: 100-continue"))
        assert connected.recv(99) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connected.sendall(body)
        assert connected.recv(99).startswith(b"HTTP/1.1 201 ")


def test_body_above_every_limit__413_without_reading_it_and_the_connection_is_closed(url):
    head = _post_draft(Caller().key.plain, b"").replace(b"Content-Length: 0", b"Content-Length: 99999999999999999999")
    with _connect(url) as connected:
        connected.sendall(head + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        replies = b"".join(iter(lambda: connected.recv(65_536), b""))
    assert [part[:3] for part in replies.split(b"HTTP/1.1 ")[1:]] == [b"413"]


def test_request_that_is_no_http__400_and_the_log_does_not_quote_it(url, tmp_path):
    with _connect(url) as connected:
        connected.sendall(b"secret words instead of a request\r\n\r\n")
        assert connected.recv(99).startswith(b"HTTP/1.1 400 ")
    assert "secret" not in (tmp_path / "log").read_text()
