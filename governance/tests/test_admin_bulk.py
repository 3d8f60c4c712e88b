"""Many rows at once: the facts of each first, then a report of what was done and what was skipped."""

from __future__ import annotations

import pytest

from governance.models import (
    ConfidencePolicy,
    ConfidencePolicyProposal,
    ConfidencePolicyRevision,
)
from governance.tests.browser import signed_in, text, url, words
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


def act(client, model, action, rows, **data):
    posted = {"action": action, "_selected_action": [row.pk for row in rows], **data}
    return client.post(url(model, "changelist"), posted, follow=True)


def test_bulk__apply__facts_first_then_a_report_of_applied_and_skipped():
    one, other, third = WorkspaceFactory(), WorkspaceFactory(), WorkspaceFactory()
    fresh = [approved(one), approved(other)]
    stale = approved(third)
    ConfidencePolicy.objects.create(workspace=third, policy_key=KEY, config=config_of(0.5), version=4)
    client = signed_in(SuperuserFactory())
    asked = act(client, ConfidencePolicyProposal, "apply", [*fresh, stale])
    assert words(asked).count("0.9 0.8") == 2
    assert ConfidencePolicyRevision.objects.count() == 0
    done = act(client, ConfidencePolicyProposal, "apply", [*fresh, stale], confirmed="yes")
    assert "Applied 2, skipped 1: Stale: made for version 0" in text(done)


def test_bulk__roll_back__carries_the_versions_seen():
    workspace = WorkspaceFactory()
    baseline = applied(workspace).policy.revisions.get(version=0)
    client = signed_in(SuperuserFactory())
    assert f'name="version_seen_{baseline.pk}" value="1"' in text(
        act(client, ConfidencePolicyRevision, "roll-back", [baseline])
    )
    data = {"confirmed": "yes", "reason": "Back.", f"version_seen_{baseline.pk}": 1}
    assert "Brought back 1" in text(act(client, ConfidencePolicyRevision, "roll-back", [baseline], **data))


def test_bulk__reject__needs_a_reason_for_all():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    client = signed_in(admin_of(workspace))
    assert "This field is required" in text(
        act(client, ConfidencePolicyProposal, "reject", [proposal], confirmed="yes")
    )
    act(client, ConfidencePolicyProposal, "reject", [proposal], confirmed="yes", reason="No.")
    proposal.refresh_from_db()
    assert proposal.status == "REJECTED"


@pytest.mark.parametrize("who", [viewer_of, admin_of])
def test_bulk__action_of_others__is_not_offered_and_a_forged_one_does_nothing(who):
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    client = signed_in(who(workspace))
    assert 'value="apply"' not in text(client.get(url(ConfidencePolicyProposal, "changelist")))
    act(client, ConfidencePolicyProposal, "apply", [proposal], confirmed="yes")
    proposal.refresh_from_db()
    assert proposal.status == "APPROVED"


def test_bulk__rows_of_another_workspace__are_not_reached():
    foreign = WorkspaceFactory()
    proposal = pending(foreign)
    client = signed_in(admin_of(WorkspaceFactory()))
    data = {"confirmed": "yes", "select_across": "1"}
    act(client, ConfidencePolicyProposal, "approve", [proposal], **data)
    proposal.refresh_from_db()
    assert proposal.status == "PENDING"
