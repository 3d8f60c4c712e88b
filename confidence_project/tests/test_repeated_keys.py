"""A JSON object that names a key twice is refused: readers disagree about which of the values counts."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from governance.models import ConfidencePolicyProposal
from governance.tests.callers import Caller
from governance.tests.factories import WorkspaceFactory, admin_of, pending
from telemetry.models import AIDraft
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db


def repeated(body, name="confidence", value=0.1):
    """The body as JSON with one more member of a name that it has."""
    return (json.dumps(body)[:-1] + f', "{name}": {json.dumps(value)}}}').encode()


@pytest.mark.parametrize(
    "body",
    [
        repeated(bodies.draft()),
        b"[" + json.dumps(bodies.draft()).encode() + b"," + repeated(bodies.draft()) + b"]",
        b'{"a": {"secret-name": 1, "secret-name": 1}}',
        b'{"\\u0061": 1, "a": 2}',
    ],
)
def test_body__key_twice__400_that_repeats_nothing__and_nothing_is_kept(body):
    reply = Caller().post("drafts", body)
    assert (reply.status_code, reply.json()["code"]) == (400, "parse_error")
    assert "names a key twice" in reply.json()["detail"]
    assert b"secret-name" not in reply.content
    assert not AIDraft.objects.exists()


def test_ndjson__line_with_a_key_twice__is_refused_alone():
    first, second = bodies.draft(), bodies.draft() | {"external_id": "another"}
    reply = Caller().post_lines("drafts", [first, repeated(second | {"external_id": "third"}), second])
    assert reply.status_code == 207
    assert [(error["index"], error["code"]) for error in reply.json()["errors"]] == [(1, "repeated_key")]
    assert AIDraft.objects.count() == 2


def test_workflow__key_twice__changes_nothing():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    client = Client()
    client.force_login(admin_of(workspace))
    path = f"/api/v1/governance/workspaces/{workspace.slug}/proposals/{proposal.pk}/reject"
    reply = client.post(path, b'{"reason": "a", "reason": "b"}', content_type="application/json")
    assert reply.status_code == 400
    assert ConfidencePolicyProposal.objects.get().status == "PENDING"
