"""A loosening that nothing bears out takes an explicit yes of approver and applier; both are kept."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.management import call_command

from confidence_project.foundation.commands import CommandError
from confidence_project.foundation.errors import InvalidInput
from governance.models import ConfidencePolicyProposal
from governance.tests.browser import page, signed_in, words
from governance.tests.callers import Person
from governance.tests.factories import (
    SuperuserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    in_shadow,
    pending,
)
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    promote_rollout,
    set_canary_share,
)

pytestmark = pytest.mark.django_db

Origin = ConfidencePolicyProposal.Origin
BOX = "acknowledge_uncertified"


def by_a_person(make, workspace, value=0.85, **fields):
    return make(workspace, value, origin=Origin.PERSON, author=admin_of(workspace), **fields)


def test_approve__not_acknowledged__refused_and_pending():
    workspace = WorkspaceFactory()
    proposal = by_a_person(pending, workspace)
    with pytest.raises(InvalidInput, match="Acknowledge explicitly"):
        approve_confidence_policy_proposal(actor=admin_of(workspace), workspace=workspace, proposal_id=proposal.pk)
    proposal.refresh_from_db()
    assert proposal.status == "PENDING"


@pytest.mark.parametrize("verb", [apply_confidence_policy_proposal, promote_rollout])
def test_apply_and_promote__not_acknowledged__refused_though_the_approver_did(verb):
    workspace = WorkspaceFactory()
    proposal = by_a_person(in_shadow, workspace).proposal
    with pytest.raises(InvalidInput, match="Acknowledge explicitly"):
        verb(actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk)
    proposal.refresh_from_db()
    assert proposal.status == "APPROVED"
    assert not workspace.policies.exists()


def test_both_acknowledged__each_step_of_the_history_says_so():
    workspace = WorkspaceFactory()
    proposal = by_a_person(approved, workspace)
    apply_confidence_policy_proposal(
        actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk, acknowledge_uncertified=True
    )
    steps = dict(proposal.events.values_list("verb", "acknowledged_uncertified"))
    assert steps == {"open": False, "approve": True, "apply": True}
    shown = words(signed_in(admin_of(workspace)).get(page(proposal)))
    assert shown.count("knowing that nothing bears it out") == 2


@pytest.mark.parametrize("origin, value", [(Origin.CALIBRATION, 0.85), (Origin.CANDIDATE, 0.85), (Origin.PERSON, 0.95)])
def test_certified_or_stricter__asks_nothing_and_marks_nothing(origin, value):
    workspace = WorkspaceFactory()
    author = admin_of(workspace) if origin == Origin.PERSON else None
    proposal = pending(workspace, value, origin=origin, author=author)
    client = signed_in(admin_of(workspace))
    assert BOX not in client.get(page(proposal, "approve")).content.decode()
    assert client.post(page(proposal, "approve")).status_code == 302
    assert not proposal.events.filter(acknowledged_uncertified=True).exists()


def test_canary__not_acknowledged__decides_for_nobody():
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    rollout = by_a_person(in_shadow, workspace)
    step = {"actor": superuser, "workspace": workspace, "proposal_id": rollout.proposal_id, "share": Decimal("0.1")}
    with pytest.raises(InvalidInput, match="Acknowledge explicitly"):
        set_canary_share(**step)
    rollout.refresh_from_db()
    assert (rollout.status, rollout.share) == ("SHADOW", 0)
    assert set_canary_share(**step, acknowledge_uncertified=True).share == Decimal("0.1")


def test_canary__page_api_and_command__ask_for_it():
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    proposal = by_a_person(in_shadow, workspace).proposal
    client, asked = signed_in(superuser), page(proposal, "canary")
    assert f'name="{BOX}"' in client.get(asked).content.decode()
    assert "Acknowledge explicitly" in words(client.post(asked, {"share": "0.1"}))
    assert client.post(asked, {"share": "0.1", BOX: "on"}).status_code == 302
    path, person = f"proposals/{proposal.pk}/rollout/canary", Person(superuser, workspace)
    assert person.post(path, {"share": 0.2}).status_code == 422
    assert person.post(path, {"share": 0.2, BOX: True}).json()["share"] == 0.2
    command = ["start_canary", str(proposal.pk), "--as", superuser.get_username(), "--share", "0.3"]
    with pytest.raises(CommandError, match="Acknowledge explicitly"):
        call_command(*command)
    call_command(*command, "--acknowledge-uncertified")
    assert proposal.rollouts.get().share == Decimal("0.3")


def test_canary__certified__asks_nothing():
    rollout = in_shadow(WorkspaceFactory(), 0.85)
    assert BOX not in signed_in(SuperuserFactory()).get(page(rollout.proposal, "canary")).content.decode()


def test_rollback__to_a_looser_version__page_api_and_command_ask_for_it():
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    loose, strict = (applied(workspace, value) for value in (0.85, 0.95))
    client, asked = signed_in(superuser), page(loose, "roll-back")
    assert f'name="{BOX}"' in client.get(asked).content.decode()
    sent = {"reason": "Back.", f"version_seen_{loose.pk}": 2}
    assert "Acknowledge explicitly" in words(client.post(asked, sent))
    assert client.post(asked, {**sent, BOX: "on"}).status_code == 302
    assert BOX not in client.get(page(strict, "roll-back")).content.decode()
    assert client.post(page(strict, "roll-back"), {"reason": "On.", f"version_seen_{strict.pk}": 3}).status_code == 302
    path, person = f"revisions/{loose.pk}/roll-back", Person(superuser, workspace)
    sent = {"reason": "Back.", "expected_version": 4}
    assert person.post(path, sent).status_code == 422
    assert person.post(path, {**sent, BOX: True}).json()["version"] == 5
    applied(workspace, 0.95)
    command = ["rollback_revision", str(loose.pk), "--as", superuser.get_username(), "--reason", "Back."]
    with pytest.raises(CommandError, match="Acknowledge explicitly"):
        call_command(*command)
    call_command(*command, "--acknowledge-uncertified")
    assert workspace.policies.get().version == 7


def test_pages__the_box_is_there_and_has_to_be_ticked():
    workspace = WorkspaceFactory()
    proposal = by_a_person(pending, workspace)
    approver, applier = signed_in(admin_of(workspace)), signed_in(SuperuserFactory())
    for client, name in [(approver, "approve"), (applier, "apply")]:
        assert f'name="{BOX}"' in client.get(page(proposal, name)).content.decode()
        refused = client.post(page(proposal, name), {"reason": "Because."})
        assert "Acknowledge explicitly" in words(refused)
        assert client.post(page(proposal, name), {"reason": "Because.", BOX: "on"}).status_code == 302
    proposal.refresh_from_db()
    assert proposal.status == "APPLIED"


def test_commands__take_the_acknowledgement_as_an_option():
    workspace = WorkspaceFactory()
    proposal = by_a_person(pending, workspace)
    admin, superuser = admin_of(workspace), SuperuserFactory()
    for command, person in [("approve_proposal", admin), ("apply_proposal", superuser)]:
        arguments = [command, str(proposal.pk), "--as", person.get_username()]
        with pytest.raises(CommandError, match="Acknowledge explicitly"):
            call_command(*arguments)
        call_command(*arguments, "--acknowledge-uncertified")
    proposal.refresh_from_db()
    assert proposal.status == "APPLIED"


def test_headline__is_generated__and_the_authors_words_stand_below_as_theirs():
    workspace = WorkspaceFactory()
    proposal = by_a_person(pending, workspace, title="Make the gate safer", summary="It is about time.")
    client = signed_in(admin_of(workspace))
    shown = words(client.get(page(proposal)))
    generated = "Confidence gate would allow more: least confidence that is allowed from 0.9 to 0.85, 0.05 lower"
    assert shown.index(generated) < shown.index("No evidence bears this out.") < shown.index("Make the gate safer")
    assert f"{proposal.author_name} wrote: Make the gate safer" in shown
    for address in ("/admin/", "/admin/governance/confidencepolicyproposal/"):
        listed = words(client.get(address))
        assert generated in listed
        assert "Make the gate safer" not in listed
    assert generated in words(client.get(page(proposal, "approve")))
