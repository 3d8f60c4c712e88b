"""Bodies that a server has to deal with before the application sees them whole."""

from __future__ import annotations

import json

import httpx
import pytest

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
