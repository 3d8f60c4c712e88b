"""Many at the same instant, on connections of their own: one wins, the others lose clearly, history holds one line."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from django.db import connection

from governance.controls.services import engage_kill_switch
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, ConfidencePolicyRevision, KillSwitch
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, applied, approved, pending
from governance.tests.simultaneous import at_once
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    reject_confidence_policy_proposal,
    rollback_confidence_policy_revision,
)

pytestmark = pytest.mark.django_db(transaction=True)
Origin = ConfidencePolicyProposal.Origin


def applying(workspace, proposal):
    actor = SuperuserFactory()
    return lambda: apply_confidence_policy_proposal(
        actor=actor, workspace=workspace, proposal_id=proposal.pk, acknowledge_uncertified=True
    )


def test_fifty_at_once__each_on_a_connection_of_its_own():
    used = []
    assert at_once([lambda: used.append(connection.connection) for _ in range(50)]) == {"won": 50}
    assert len({id(each) for each in used}) == 50


def test_fifty_appliers__one_wins__forty_nine_conflicts_one_revision():
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    assert at_once([applying(workspace, proposal) for _ in range(50)]) == {"won": 1, "conflict": 49}
    revisions = ConfidencePolicyRevision.objects.filter(action="APPLY_PROPOSAL")
    assert [revision.version for revision in revisions] == [1]
    assert ConfidencePolicy.objects.get().version == 1
    assert proposal.events.filter(verb="apply").count() == 1


def test_two_proposals_of_one_policy__applied_together__one_wins_the_other_is_superseded():
    workspace = WorkspaceFactory()
    mine = approved(workspace, 0.85, origin=Origin.PERSON, author=admin_of(workspace))
    theirs = approved(workspace, 0.8)
    assert at_once([applying(workspace, mine), applying(workspace, theirs)]) == {"won": 1, "conflict": 1}
    assert sorted(workspace.proposals.values_list("status", flat=True)) == ["APPLIED", "SUPERSEDED"]


def test_approve_and_reject_together__the_history_is_one_line_of_events():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    one, other = admin_of(workspace), admin_of(workspace)
    results = at_once(
        [
            lambda: approve_confidence_policy_proposal(actor=one, workspace=workspace, proposal_id=proposal.pk),
            lambda: reject_confidence_policy_proposal(
                actor=other, workspace=workspace, proposal_id=proposal.pk, reason="No."
            ),
        ]
    )
    assert results in ({"won": 2}, {"won": 1, "conflict": 1})  # an approved proposal can still be rejected
    steps = list(proposal.events.values_list("from_status", "to_status"))
    assert all(before[1] == after[0] for before, after in itertools.pairwise(steps))
    proposal.refresh_from_db()
    assert steps[-1][1] == proposal.status == "REJECTED"


def test_rollbacks_of_what_was_seen__one_wins():
    workspace = WorkspaceFactory()
    baseline = applied(workspace).policy.revisions.get(version=0)
    actors = [SuperuserFactory() for _ in range(5)]

    def rolling_back(actor):
        return lambda: rollback_confidence_policy_revision(
            actor=actor, workspace=workspace, revision_id=baseline.pk, reason="Back.", expected_version=1
        )

    assert at_once([rolling_back(actor) for actor in actors]) == {"won": 1, "conflict": 4}
    assert ConfidencePolicy.objects.get().version == 2


def test_openers_of_one_origin__all_open__one_stays_open():
    workspace = WorkspaceFactory()
    values = [0.8 + place / 100 for place in range(8)]
    assert at_once([lambda value=value: pending(workspace, round(value, 2)) for value in values]) == {"won": 8}
    statuses = Counter(workspace.proposals.values_list("status", flat=True))
    assert statuses == {"PENDING": 1, "SUPERSEDED": 7}


def test_openers_of_the_same__all_open__the_first_is_kept():
    workspace = WorkspaceFactory()
    assert at_once([lambda: pending(workspace) for _ in range(8)]) == {"won": 8}
    assert workspace.proposals.get().status == "PENDING"


def test_openers_and_appliers__no_deadlock():
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    acts = [applying(workspace, proposal)]
    for origin in (Origin.CALIBRATION, Origin.BOOTSTRAP):
        acts += [lambda origin=origin: pending(workspace, 0.85, origin=origin) for _ in range(5)]
    assert at_once(acts)["won"] >= 10


def test_kill_switch__engaged_twice_at_once__one_row():
    workspace = WorkspaceFactory()
    actor = admin_of(workspace)
    results = at_once([lambda: engage_kill_switch(actor=actor, workspace=workspace, reason="Smoke.") for _ in range(4)])
    assert results == {"won": 1, "conflict": 3}
    assert KillSwitch.objects.count() == 1
