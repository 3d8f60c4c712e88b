"""A loosening that a person writes stands outside of the promise, and says so wherever it is shown."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from governance.models import ConfidencePolicyProposal
from governance.tests.browser import signed_in, words
from governance.tests.callers import Person
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, applied, config_of, pending
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    rollback_confidence_policy_revision,
)
from governance.workflow.review import is_uncertified

pytestmark = pytest.mark.django_db

Origin = ConfidencePolicyProposal.Origin
IN_A_SEGMENT = {"overrides": [{"match": {"model": "m"}, "values": {"confidence_threshold": 0.8}}]}
RISK = {"policy_key": "decision_gate"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"config": config_of(0.85)}, True),
        ({"config": config_of(0.95)}, False),
        ({"config": IN_A_SEGMENT}, True),
        ({**RISK, "config": {"values": {"ml_risk_threshold": 0.8}}}, True),
        ({**RISK, "config": {"values": {"ml_risk_threshold": 0.6}}}, False),
        ({"config": config_of(0.85), "origin": Origin.CALIBRATION, "author": None}, False),
        ({"config": config_of(0.85), "origin": Origin.CANDIDATE, "author": None}, False),
        ({"config": config_of(0.85), "origin": Origin.ALARM, "author": None}, True),
    ],
)  # fmt: skip
def test_proposal__loosens_without_a_certificate(change, expected):
    workspace = WorkspaceFactory()
    if "author" not in change:
        change = {"origin": Origin.PERSON, "author": admin_of(workspace), **change}
    assert is_uncertified(pending(workspace, **change)) is expected


def test_pages__of_a_loosening_by_a_person__say_not_certified():
    workspace = WorkspaceFactory(slug="acme")
    author, approver = admin_of(workspace), admin_of(workspace)
    proposal = pending(workspace, 0.85, origin=Origin.PERSON, author=author)
    client = signed_in(approver)
    pages = [
        reverse("admin:governance_confidencepolicyproposal_change", args=[proposal.pk]),
        reverse("admin:governance_confidencepolicyproposal_changelist"),
        reverse("admin:index"),
    ]
    for page in pages:
        assert "not certified" in words(client.get(page)).lower(), page
    assert Person(approver, workspace).get(f"proposals/{proposal.pk}").json()["not_certified"] is True
    out = StringIO()
    call_command("list_proposals", "--workspace", "acme", stdout=out)
    assert "(not certified)" in out.getvalue()
    known = {"workspace": workspace, "proposal_id": proposal.pk, "acknowledge_uncertified": True}
    approve_confidence_policy_proposal(actor=approver, **known)
    revision = apply_confidence_policy_proposal(actor=SuperuserFactory(), **known)
    of_policy = reverse("admin:governance_confidencepolicy_change", args=[revision.policy_id])
    assert "not certified" in words(client.get(of_policy))


def test_pages__of_a_tightening__do_not():
    workspace = WorkspaceFactory()
    revision = applied(workspace, 0.95)
    client = signed_in(admin_of(workspace))
    pages = [
        reverse("admin:governance_confidencepolicyproposal_change", args=[revision.proposal_id]),
        reverse("admin:governance_confidencepolicy_change", args=[revision.policy_id]),
    ]
    for page in pages:
        assert "not certified" not in words(client.get(page)).lower()


@pytest.mark.parametrize(("first", "second", "expected"), [(0.85, 0.95, True), (0.95, 0.85, False)])
def test_rollback__to_a_looser_version__is_not_certified(first, second, expected):
    workspace, superuser = WorkspaceFactory(), SuperuserFactory()
    certified = {"origin": Origin.CALIBRATION, "author": None}
    back_to = applied(workspace, first, **certified)
    applied(workspace, second, **certified)
    client = signed_in(superuser)
    asked = reverse("admin:governance_confidencepolicyrevision_roll-back", args=[back_to.pk])
    assert ("going back loosens what is in force now" in words(client.get(asked))) is expected
    revision = rollback_confidence_policy_revision(
        actor=superuser, workspace=workspace, revision_id=back_to.pk, reason="Back.", acknowledge_uncertified=expected
    )
    of_policy = reverse("admin:governance_confidencepolicy_change", args=[revision.policy_id])
    assert ("not certified" in words(client.get(of_policy))) is expected
    listed = Person(superuser, workspace).get("revisions").json()["results"]
    assert [each["not_certified"] for each in listed if each["id"] == revision.pk] == [expected]
    out = StringIO()
    call_command("list_revisions", workspace=workspace.slug, policy_key="confidence_gate", stdout=out)
    assert ("(not certified)" in out.getvalue()) is expected
