"""A proposal that a person writes carries what the newest run knows of its values, sealed like a run's own."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.urls import reverse

from calibration.tests.factories import HONEST, OVERCONFIDENT, WINDOW, history, review
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.browser import signed_in, words
from governance.tests.callers import Person
from governance.tests.factories import WorkspaceFactory, admin_of
from governance.workflow import approve_confidence_policy_proposal

pytestmark = pytest.mark.django_db

SEGMENT = {"provider": "acme", "model": "m1", "confidence_kind": "unspecified"}


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme")


def proposed(workspace: Workspace, value: float, **change: Any) -> dict[str, Any]:
    body = {
        "policy_key": "confidence_gate",
        "title": "Let more through",
        "rationale": "The queue is long.",
        "config": {"values": {"confidence_threshold": value}, "overrides": []},
        "acknowledge_large_step": True,
        **change,
    }
    reply = Person(admin_of(workspace), workspace).post("proposals", body)
    assert reply.status_code == 201, reply.content
    return reply.json()


def calibrated(workspace: Workspace, counts: dict[float, tuple[int, int]]) -> Any:
    history(workspace, counts)
    return review(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW)


def test_value__below_what_is_certified__says_what_was_seen_there(workspace: Workspace) -> None:
    run = calibrated(workspace, HONEST)
    evidence = proposed(workspace, 0.8)["evidence"]
    assert evidence["run"]["id"] == run.pk
    (place,) = evidence["proposed"]
    assert (place["segment"], place["current"], place["value"], place["certified"]) == (SEGMENT, 0.9, 0.8, 0.95)
    # 4 of 500, 10 of 300 and 40 of 200 failed.
    assert place["curve_point"]["failure_rate"] == pytest.approx(54 / 1000)
    assert evidence["findings_of_the_run"][0]["recommended"] == 0.95


def test_value__that_no_run_certified__page_says_so_under_the_authors_name(workspace: Workspace) -> None:
    calibrated(workspace, OVERCONFIDENT)
    made = proposed(workspace, 0.7)
    url = reverse("admin:governance_confidencepolicyproposal_change", args=[made["id"]])
    seen = words(signed_in(admin_of(workspace)).get(url))
    assert "Lower confidence_threshold for acme · m1 from 0.9 to 0.7." in seen
    assert "No run certified this value." in seen
    assert " wrote: Let more through The queue is long." in seen
    assert "Confidence gate would allow more: least confidence that is allowed from 0.9 to 0.7, 0.2 lower." in seen
    assert "No evidence bears this out." in seen


def test_value__that_changes_nothing_for_the_segment__has_no_finding(workspace: Workspace) -> None:
    calibrated(workspace, HONEST)
    same = {"match": SEGMENT, "values": {"confidence_threshold": 0.9}}
    evidence = proposed(workspace, 0.8, config={"values": {"confidence_threshold": 0.8}, "overrides": [same]})[
        "evidence"
    ]
    assert evidence["proposed"] == evidence["findings_of_the_run"] == []


def test_evidence__is_bound_by_the_approvers_hash(workspace: Workspace) -> None:
    calibrated(workspace, HONEST)
    proposal = ConfidencePolicyProposal.objects.get(pk=proposed(workspace, 0.8)["id"])
    assert json.loads(proposal.evidence)["proposed"]
    approved = approve_confidence_policy_proposal(
        actor=admin_of(workspace),
        workspace=workspace,
        proposal_id=proposal.pk,
        acknowledge_large_step=True,
        acknowledge_uncertified=True,
    )
    sealed = hashlib.sha256(proposal.evidence.encode()).hexdigest()
    assert approved.approved_evidence_sha256 == proposal.evidence_sha256 == sealed


def test_run__of_another_workspace__is_not_seen(workspace: Workspace) -> None:
    calibrated(WorkspaceFactory(), HONEST)
    assert proposed(workspace, 0.8)["evidence"]["run"] is None
