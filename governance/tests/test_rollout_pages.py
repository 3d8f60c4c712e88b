"""Rollouts over HTTP and in the admin: the same services, the same refusals."""

from __future__ import annotations

import pytest

from governance.tests.browser import page, signed_in, text, words
from governance.tests.callers import Person
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, approved, in_canary, viewer_of

pytestmark = pytest.mark.django_db


def test_api__shadow_canary_withdraw__the_rollout_with_flips_and_events():
    workspace = WorkspaceFactory()
    superuser = Person(SuperuserFactory(), workspace)
    path = f"proposals/{approved(workspace).pk}/rollout"
    assert superuser.get(path).status_code == 404
    started = superuser.post(path, {"reason": "Let us see."})
    assert (started.status_code, started.json()["status"]) == (201, "SHADOW")
    raised = superuser.post(f"{path}/canary", {"share": 0.05}).json()
    assert (raised["status"], raised["share"]) == ("CANARY", 0.05)
    assert raised["flips"] == {"compared": 0, "to_block": 0, "to_allow": 0, "canary": 0}
    assert superuser.post(f"{path}/withdraw", {"reason": "Enough."}).json()["status"] == "WITHDRAWN"
    shown = Person(viewer_of(workspace), workspace).get(path).json()
    assert [event["verb"] for event in shown["events"]] == ["shadow", "canary", "withdraw"]


@pytest.mark.parametrize(
    "verb, body",
    [
        ("", {"share": 0.1}),
        ("/canary", {}),
        ("/canary", {"share": "0.1"}),
        ("/canary", {"share": None}),
        ("/canary", {"share": 1}),
        ("/withdraw", {}),
    ],
)
def test_api__body_that_is_not_sound__422_or_400(verb, body):
    workspace = WorkspaceFactory()
    superuser = Person(SuperuserFactory(), workspace)
    response = superuser.post(f"proposals/{approved(workspace).pk}/rollout{verb}", body)
    assert response.status_code in (400, 409, 422)
    assert response.headers["Content-Type"] == "application/problem+json"


def test_api__admin_and_stranger__refused_and_not_found():
    workspace = WorkspaceFactory()
    path = f"proposals/{approved(workspace).pk}/rollout"
    assert Person(admin_of(workspace), workspace).post(path).status_code == 403
    assert Person(admin_of(WorkspaceFactory()), workspace).post(path).status_code == 404


def test_admin__buttons__follow_the_rollout():
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    proposal = approved(workspace)
    browser = signed_in(superuser)
    assert page(proposal, "shadow") in text(browser.get(page(proposal)))
    assert browser.post(page(proposal, "shadow"), {"reason": ""}).status_code == 302
    shown = text(browser.get(page(proposal)))
    assert page(proposal, "shadow") not in shown
    assert page(proposal, "canary") in shown
    assert browser.post(page(proposal, "canary"), {"share": "0.25"}).status_code == 302
    assert "Rollout: canary, 25 % of the cases" in words(browser.get(page(proposal)))
    assert browser.post(page(proposal, "withdraw"), {"reason": "Enough."}).status_code == 302
    assert "Rollout: withdrawn" in words(browser.get(page(proposal)))


def test_admin__workspace_admin__sees_the_trial_and_no_button():
    workspace = WorkspaceFactory()
    rollout = in_canary(workspace)
    browser = signed_in(admin_of(workspace))
    shown = browser.get(page(rollout.proposal))
    assert "A superuser may roll out" in words(shown)
    assert page(rollout.proposal, "withdraw") not in text(shown)
    assert browser.post(page(rollout.proposal, "withdraw"), {"reason": "No."}).status_code == 403


def test_admin__lists_of_rollouts__own_workspaces_only():
    rollout = in_canary(WorkspaceFactory())
    event = rollout.events.first()
    stranger = signed_in(admin_of(WorkspaceFactory()))
    for row in (rollout, event):
        assert signed_in(admin_of(rollout.workspace)).get(page(row)).status_code == 200
        assert stranger.get(page(row)).status_code == 302
