"""Bodies that a server has to deal with before the application sees them whole, on both servers that are documented."""

from __future__ import annotations

import gzip
import json
import os
import socket

import httpx
import pytest
from django.db import connection

from confidence_project.demo import client as demo
from governance.tests.callers import Caller
from telemetry.models import AIDraft
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db(transaction=True)


def _post(live_server, content):
    headers = {**Caller().headers, "Content-Type": "application/json"}
    return httpx.post(f"{live_server.url}/api/v1/drafts", content=content, headers=headers, timeout=60)


def test_body__of_50_mb__413(live_server):
    reply = _post(live_server, b" " * 50 * 1024**2)
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")


def test_body__in_chunks__411_that_says_what_to_send(live_server):
    reply = _post(live_server, iter([json.dumps(bodies.draft()).encode()]))
    assert (reply.status_code, reply.json()["code"]) == (411, "length_required")
    assert not AIDraft.objects.exists()


def test_server_for_development__unread_chunks__closes_the_connection(live_server):
    with httpx.Client(base_url=live_server.url) as kept:
        assert kept.post("/api/v1/drafts", content=iter([b"GET /healthz HTTP/1.1"])).headers["Connection"] == "close"
        assert kept.get("/healthz").status_code == 200


LIMIT = 100_000


@pytest.fixture
def gunicorn(monkeypatch):
    if connection.vendor != "sqlite":
        pytest.skip("The server is started on the file of a SQLite database.")
    monkeypatch.setitem(os.environ, "DATABASE_URL", f"sqlite:///{connection.settings_dict['NAME']}")
    monkeypatch.setitem(os.environ, "CONFIDENCE_MAX_BODY_BYTES", str(LIMIT))
    with demo.running_server() as url:
        yield url


def _exchange(url, request):
    """Send bytes as they are and no more; return all that comes back."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connected:
        connected.sendall(request)
        connected.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connected.recv(65_536), b""))


def _head(key, *lines, path="/api/v1/drafts"):
    common = ["Host: localhost", f"Authorization: Bearer {key}", "Content-Type: application/json"]
    return "\r\n".join([f"POST {path} HTTP/1.1", *common, *lines, "", ""]).encode()


CHUNKED = "Transfer-Encoding: chunked"


def test_gunicorn__bodies_in_chunks__are_read_like_others(gunicorn):
    headers = {**Caller().headers, "Content-Type": "application/json"}
    with httpx.Client(base_url=gunicorn, headers=headers, timeout=60) as kept:
        whole = [json.dumps(bodies.draft(), ensure_ascii=False).encode() for _ in range(3)]
        assert kept.post("/api/v1/drafts", content=iter([whole[0]])).status_code == 201
        assert kept.post("/api/v1/drafts", content=(bytes([byte]) for byte in whole[1])).status_code == 201
        packed = iter([gzip.compress(whole[2])])
        assert kept.post("/api/v1/drafts", content=packed, headers={"Content-Encoding": "gzip"}).status_code == 201
        spans = [b'{"resourceSpans":[],"\xc3', b'\xa4":1}']
        assert kept.post("/v1/traces", content=iter(spans)).status_code == 200
        protobuf = {"Content-Type": "application/x-protobuf"}
        assert kept.post("/v1/logs", content=iter([]), headers=protobuf).status_code == 200
        assert kept.post("/ofrep/v1/evaluate/flags", content=iter([b'{"context":', b"{}}"])).status_code == 200
        bomb = gzip.compress(b" " * (LIMIT + 1))
        for content, encoding in (([b" " * LIMIT, b" "], "identity"), ([bomb], "gzip")):
            reply = kept.post("/api/v1/drafts", content=iter(content), headers={"Content-Encoding": encoding})
            assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")
        assert kept.get("/healthz").status_code == 200
    assert AIDraft.objects.count() == 3


def test_gunicorn__chunks_that_are_not_sound__400_and_nothing_is_kept(gunicorn):
    key, body = Caller().key.plain, json.dumps(bodies.draft()).encode()
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    for sent in (chunk, chunk[:-9], b"zz\r\n" + chunk):
        assert _exchange(gunicorn, _head(key, CHUNKED) + sent).startswith(b"HTTP/1.1 400 ")
    both = _exchange(gunicorn, _head(key, CHUNKED, f"Content-Length: {len(chunk)}") + chunk + b"0\r\n\r\n")
    assert both.startswith(b"HTTP/1.1 400 ")
    assert not AIDraft.objects.exists()
