"""The workflow over HTTP, for people."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from freezegun import freeze_time

from governance.access.people import PersonThrottle
from governance.models import ConfidencePolicy, ConfidencePolicyProposal
from governance.tests.callers import Caller, Person
from governance.tests.factories import (
    KEY,
    SuperuserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    config_of,
    pending,
    viewer_of,
)

pytestmark = pytest.mark.django_db
PROBLEM = "application/problem+json"


def new_proposal(**fields):
    return {
        "policy_key": KEY,
        "title": "Lower it",
        "rationale": "It blocks too much.",
        "config": config_of(0.85),
        **fields,
    }


def test_propose_approve_apply_roll_back__three_people():
    workspace = WorkspaceFactory()
    author, reviewer = Person(admin_of(workspace), workspace), Person(admin_of(workspace), workspace)
    superuser = Person(SuperuserFactory(), workspace)
    made = author.post("proposals", new_proposal())
    assert made.status_code == 201
    proposal = made.json()
    assert (proposal["status"], proposal["origin"], proposal["author_name"]) == (
        "PENDING",
        "person",
        author.user.username,
    )
    path = f"proposals/{proposal['id']}"
    assert author.post(f"{path}/approve").status_code == 403
    assert reviewer.post(f"{path}/approve").status_code == 422
    known = {"acknowledge_uncertified": True}
    assert reviewer.post(f"{path}/approve", known).json()["status"] == "APPROVED"
    assert reviewer.post(f"{path}/apply", known).status_code == 403
    assert superuser.post(f"{path}/apply").status_code == 422
    revision = superuser.post(f"{path}/apply", known).json()
    assert (revision["version"], revision["config_after"]) == (1, config_of(0.85))
    revisions = superuser.get("revisions", policy_key=KEY).json()["results"]
    assert [row["version"] for row in revisions] == [1, 0]
    back = superuser.post(f"revisions/{revisions[-1]['id']}/roll-back", {"reason": "Worse.", "expected_version": 1})
    assert (back.status_code, back.json()["action"]) == (200, "ROLLBACK")
    assert ConfidencePolicy.objects.get().version == 2


def test_list__status_filter_and_one_proposal_with_evidence():
    workspace = WorkspaceFactory()
    applied(workspace)
    proposal = pending(workspace, 0.75, evidence={"n": 5})
    viewer = Person(viewer_of(workspace), workspace)
    assert [row["id"] for row in viewer.get("proposals", status="PENDING").json()["results"]] == [proposal.pk]
    assert len(viewer.get("proposals").json()["results"]) == 2
    assert viewer.get("proposals", status="NONSENSE").status_code == 400
    assert viewer.get(f"proposals/{proposal.pk}").json()["evidence"] == {"n": 5}


@pytest.mark.parametrize("path", ["proposals", "proposals/{id}", "revisions"])
def test_get__foreign_workspace_or_none__the_same_404(path):
    foreign = WorkspaceFactory()
    proposal = pending(foreign)
    stranger = Person(admin_of(WorkspaceFactory()), foreign)
    one = stranger.get(path.format(id=proposal.pk))
    stranger.root = "/api/v1/governance/workspaces/no-such-workspace"
    other = stranger.get(path.format(id=proposal.pk))
    assert one.status_code == other.status_code == 404
    assert one.json() == other.json()


@pytest.mark.parametrize("verb", ["approve", "reject", "apply"])
def test_post__proposal_of_a_foreign_workspace__404_by_either_door(verb):
    own, foreign = WorkspaceFactory(), WorkspaceFactory()
    proposal = pending(foreign)
    person = Person(admin_of(own), own)
    body = {"reason": "Mine."}
    assert person.post(f"proposals/{proposal.pk}/{verb}", body).status_code == 404
    person.root = f"/api/v1/governance/workspaces/{foreign.slug}"
    assert person.post(f"proposals/{proposal.pk}/{verb}", body).status_code == 404
    proposal.refresh_from_db()
    assert proposal.status == "PENDING"


@pytest.mark.parametrize("method, path", [("get", "proposals"), ("post", "proposals"), ("post", "proposals/1/apply")])
def test_api_key__is_never_enough(method, path):
    caller = Caller()
    url = f"/api/v1/governance/workspaces/{caller.workspace.slug}/{path}"
    for client in (caller.client, Client(headers={"X-API-Key": caller.key.plain}), Client()):
        reply = getattr(client, method)(url)
        assert (reply.status_code, reply["Content-Type"]) == (401, PROBLEM)
        assert reply["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("token", ["", "x", "x y", "\x80\xff", "é", "a" * 64, "a" * 5000])
def test_token__unknown_or_malformed__401(token):
    workspace = WorkspaceFactory()
    client = Client(headers={"Authorization": f"Token {token}"})
    assert client.get(f"/api/v1/governance/workspaces/{workspace.slug}/proposals").status_code == 401


def test_token__of_a_machine_endpoint__does_not_open_it():
    workspace = WorkspaceFactory()
    person = Person(SuperuserFactory(), workspace)
    assert person.client.get("/api/v1/decisions").status_code == 401


def test_token__after_its_hours_or_of_a_deactivated_account__401():
    workspace = WorkspaceFactory()
    person = Person(admin_of(workspace), workspace)
    assert person.get("proposals").status_code == 200
    with freeze_time(timezone.now() + timedelta(hours=13)):
        assert person.get("proposals").status_code == 401
    person = Person(admin_of(workspace), workspace)
    User.objects.filter(pk=person.user.pk).update(is_active=False)
    assert person.get("proposals").status_code == 401


def test_session__with_csrf_token__works_and_without__refused():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_of(workspace))
    url = f"/api/v1/governance/workspaces/{workspace.slug}/proposals/{proposal.pk}/approve"
    refused = client.post(url, b"{}", content_type="application/json")
    assert (refused.status_code, refused["Content-Type"]) == (403, PROBLEM)
    token = client.get(reverse("admin:governance_killswitch_add")).cookies["csrftoken"].value
    reply = client.post(url, b"{}", content_type="application/json", headers={"X-CSRFToken": token})
    assert reply.json()["status"] == "APPROVED"


@pytest.mark.parametrize(
    "body, pointer",
    [
        ({"policy_key": KEY}, "/title"),
        (new_proposal(extra=1), "/extra"),
        (new_proposal(title=None), "/title"),
        (new_proposal(title="a\x00b"), "/title"),
        (new_proposal(rationale=""), "/rationale"),
        (new_proposal(config=[]), "/config"),
        (new_proposal(config={"value": {}}), "/config"),
        (new_proposal(config=config_of(1.5)), "/config/values/confidence_threshold"),
        (new_proposal(config=config_of(1.5, model="m")), "/config/overrides/0/values/confidence_threshold"),
        (new_proposal(config={"overrides": [{"match": {}, "values": {}}]}), "/config/overrides/0"),
        (new_proposal(acknowledge_large_step="yes"), "/acknowledge_large_step"),
    ],
)
def test_propose__not_valid__422_that_points_at_the_field(body, pointer):
    workspace = WorkspaceFactory()
    reply = Person(admin_of(workspace), workspace).post("proposals", body)
    assert (reply.status_code, reply["Content-Type"]) == (422, PROBLEM)
    assert pointer in [error["pointer"] for error in reply.json()["errors"]]
    assert not ConfidencePolicyProposal.objects.exists()


@pytest.mark.parametrize("body", [b" ", b"{", b"[" * 50_000, b"\xff"])
def test_post__not_json__400(body):
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    person = Person(admin_of(workspace), workspace)
    assert person.post(f"proposals/{proposal.pk}/approve", body).status_code == 400
    assert person.post(f"proposals/{proposal.pk}/approve", b"{}", "text/plain").status_code == 415


def test_propose__lone_surrogate__422():
    workspace = WorkspaceFactory()
    body = json.dumps(new_proposal(title="a\ud800")).encode()
    assert Person(admin_of(workspace), workspace).post("proposals", body).status_code == 422


def test_propose__unknown_key_or_large_step__422_that_says_what_to_do():
    workspace = WorkspaceFactory()
    person = Person(admin_of(workspace), workspace)
    assert "Known keys" in person.post("proposals", new_proposal(policy_key="nope")).json()["detail"]
    large = new_proposal(config=config_of(0.5))
    assert "acknowledge" in person.post("proposals", large).json()["detail"]
    assert person.post("proposals", {**large, "acknowledge_large_step": True}).json()["large_step_acknowledged"]


def test_verbs__wrong_state__409_that_names_it():
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    reply = Person(admin_of(workspace), workspace).post(f"proposals/{proposal.pk}/approve")
    assert (reply.status_code, reply.json()["code"]) == (409, "wrong_state")
    assert "is APPROVED" in reply.json()["detail"]


def test_roll_back__without_the_version_seen__422():
    workspace = WorkspaceFactory()
    baseline = applied(workspace).policy.revisions.get(version=0)
    person = Person(SuperuserFactory(), workspace)
    assert person.post(f"revisions/{baseline.pk}/roll-back", {"reason": "Back."}).status_code == 422


@pytest.mark.parametrize("number", ["0", "99999999999999999999999999"])
def test_ids__that_no_row_has__404(number):
    workspace = WorkspaceFactory()
    person = Person(SuperuserFactory(), workspace)
    assert person.get(f"proposals/{number}").status_code == 404
    assert person.post(f"proposals/{number}/approve").status_code == 404
    body = {"reason": "x", "expected_version": 1}
    assert person.post(f"revisions/{number}/roll-back", body).status_code == 404


def test_propose__without_a_run__says_that_nothing_is_known():
    workspace = WorkspaceFactory()
    made = Person(admin_of(workspace), workspace).post("proposals", new_proposal()).json()
    assert made["evidence"]["run"] is None
    assert made["evidence"]["reason"].startswith("No completed calibration run has looked at this policy")


def test_rate_limit__per_person__429(monkeypatch):
    monkeypatch.setattr(PersonThrottle, "get_rate", lambda self: "2/min")
    monkeypatch.setattr(PersonThrottle, "timer", staticmethod(lambda: 1_000_000.0))
    cache.clear()
    workspace = WorkspaceFactory()
    person, other = Person(viewer_of(workspace), workspace), Person(viewer_of(workspace), workspace)
    assert [person.get("proposals").status_code for _ in range(3)] == [200, 200, 429]
    assert other.get("proposals").status_code == 200
