"""What SDKs list models by is passed on, and a body that is not read is refused in the SDK's own words."""

from __future__ import annotations

import openai
import pytest

from governance.tests.factories import admin_of
from governance.workspaces.services import revoke_api_key
from ledger.tests.through_the_gateway import KEY, PATHS, ask, bind, connect, reply_of, request_of

pytestmark = pytest.mark.django_db

LISTED = {"object": "list", "data": [{"id": "acme-1", "object": "model", "created": 1, "owned_by": "acme"}]}


def test_models__of_the_connected_server__as_it_lists_them__with_its_own_key(caller, model, dialect):
    connect(caller, model, dialect)
    model.reply = LISTED
    reply = caller.client.get("/v1beta/models" if dialect == "google" else "/v1/models")
    assert (reply.status_code, reply.json()) == (200, LISTED)
    ((path, headers, body),) = model.requests
    assert (path, body) == ("/v1/models", b"")
    assert KEY in headers["x-goog-api-key" if dialect == "google" else "authorization"]
    assert caller.key.plain not in str(headers)


def test_models__nothing_connected_or_no_list_beside_the_address__404_in_the_form_of_the_sdk(caller, model):
    assert caller.client.get("/v1/models").json()["error"]["code"] == "not_found"
    connect(caller, model, "openai")
    model.status = 404
    assert caller.client.get("/v1/models").status_code == 404
    model.status = 500
    assert caller.client.get("/v1/models").status_code == 503
    assert caller.client.get("/v1/models", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_models__openai_sdk__lists_them(caller, model, live_server):
    connect(caller, model, "openai")
    model.reply = LISTED
    client = openai.OpenAI(base_url=f"{live_server.url}/v1", api_key=caller.key.plain, max_retries=0)
    assert [each.id for each in client.models.list()] == ["acme-1"]


def test_key__revoked_between_two_requests__opens_nothing(caller, model, dialect):
    connect(caller, model, dialect)
    bind(caller, "refund", "team")
    model.reply = reply_of(dialect)
    assert ask(caller, dialect).status_code == 200
    revoke_api_key(actor=admin_of(caller.workspace), workspace=caller.workspace, prefix=caller.key.prefix)
    asked = len(model.requests)
    assert ask(caller, dialect).status_code == 401
    assert len(model.requests) == asked


@pytest.mark.parametrize(
    "content_type, encoding",
    [
        ("multipart/form-data; boundary=x", ""),
        ("text/plain", ""),
        ("application/json", "zstd"),
        ("application/json", "br"),
    ],
)
def test_body__that_is_not_read__415_in_the_form_of_the_sdk(caller, model, dialect, content_type, encoding):
    connect(caller, model, dialect)
    headers = {"x-goog-api-key": caller.key.plain} if dialect == "google" else {}
    headers |= {"Content-Encoding": encoding} if encoding else {}
    body = str(request_of(dialect)).encode()
    reply = caller.client.post(PATHS[dialect], body, content_type=content_type, headers=headers)
    assert reply.status_code == 415
    said = reply.json()
    message = said["detail"]["message"] if dialect == "system_one" else said["error"]["message"]
    assert "application/json" in message if not encoding else "gzip" in message
    assert not model.requests
