"""Before a control is put in force, its page says what that brings about; what was not read is not done."""

from __future__ import annotations

import re

import pytest

from governance.models import BlockedSource, KillSwitch
from governance.tests.browser import signed_in, text, url, words
from governance.tests.factories import WorkspaceFactory, admin_of, in_canary
from governance.webhooks.services import add_webhook_endpoint
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace():
    return WorkspaceFactory(name="Post room")


def asked(workspace, model, client=None, **data):
    client = client or signed_in(admin_of(workspace))
    data = {"workspace": workspace.pk, "policy_key": "", "reason": "Smoke.", **data}
    return client.post(url(model, "add"), data)


def digest(response):
    found = re.search(r'name="read" value="([0-9a-f]{64})"', text(response))
    return found and found.group(1)


def test_kill_switch__before__what_stops_what_ends_for_good_and_who_is_told(workspace, settings):
    settings.CONFIDENCE_WEBHOOK_HOSTS = ["hooks.example.org", "other.example.org"]
    rollout = in_canary(workspace, share="0.25")
    admin = admin_of(workspace)
    for host, event in [("hooks", "kill_switch.engaged"), ("other", "proposal.opened")]:
        address = f"https://{host}.example.org/a"
        add_webhook_endpoint(actor=admin, workspace=workspace, url=address, events=[event])
    said = words(asked(workspace, KillSwitch))
    assert "From the next call on every decision in Post room is blocked, until somebody releases the switch." in said
    assert f"that of proposal {rollout.proposal_id} of Confidence gate" in said
    assert "25 % of the cases" in said
    assert "end for good" in said
    assert "Told at once by webhook: hooks.example.org." in said
    assert "Nothing was done yet." in said
    assert not KillSwitch.objects.exists()
    rollout.refresh_from_db()
    assert rollout.is_active


def test_kill_switch__of_another_policy__ends_no_rollout_and_nobody_is_told(workspace):
    in_canary(workspace)
    said = words(asked(workspace, KillSwitch, policy_key="decision_gate"))
    assert "every decision under Decision gate in Post room is blocked" in said
    assert "It ends nothing for good" in said
    assert "Nobody is told by webhook." in said


def test_kill_switch__what_was_read_has_changed__is_asked_again(workspace):
    client = signed_in(admin_of(workspace))
    read = digest(asked(workspace, KillSwitch, client))
    in_canary(workspace)
    again = asked(workspace, KillSwitch, client, read=read)
    assert "end for good" in words(again)
    assert not KillSwitch.objects.exists()
    asked(workspace, KillSwitch, client, read=digest(again))
    assert KillSwitch.objects.in_force().exists()


def test_block__name_that_was_seen__is_offered_and_blocked_at_once(workspace):
    DecisionRecordFactory(workspace=workspace, provider="acme", model="clerk-1")
    client = signed_in(admin_of(workspace))
    assert '<option value="clerk-1">Model, Post room</option>' in text(client.get(url(BlockedSource, "add")))
    assert asked(workspace, BlockedSource, client, kind="model", value="clerk-1").status_code == 302
    assert BlockedSource.objects.in_force().get().value == "clerk-1"


def test_block__name_that_never_was__says_so_and_names_those_that_were(workspace):
    DecisionRecordFactory(workspace=workspace, provider="acme", model="clerk-1")
    client = signed_in(admin_of(workspace))
    said = asked(workspace, BlockedSource, client, kind="model", value="Clerk-1")
    assert "No decision in Post room ever named a model of just this name" in words(said)
    assert "Seen were: clerk-1." in words(said)
    assert not BlockedSource.objects.exists()
    asked(workspace, BlockedSource, client, kind="model", value="Clerk-1", read=digest(said))
    assert BlockedSource.objects.in_force().get().value == "Clerk-1"


def test_block__names_of_a_foreign_workspace__are_not_offered(workspace):
    DecisionRecordFactory(workspace=WorkspaceFactory(), model="secret-model")
    page = text(signed_in(admin_of(workspace)).get(url(BlockedSource, "add")))
    assert "secret-model" not in page
    assert "secret-model" not in words(asked(workspace, BlockedSource, kind="model", value="secret-model-2"))
