"""Proposals beside each other: the same is kept, what is about other values stands, the rest is superseded."""

from __future__ import annotations

import pytest

from confidence_project.foundation.errors import Conflict
from governance.models import ConfidencePolicyProposal
from governance.tests.browser import page, signed_in, words
from governance.tests.factories import (
    FIELD,
    SuperuserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    config_of,
    pending,
)
from governance.workflow import apply_confidence_policy_proposal

pytestmark = pytest.mark.django_db

PERSON = ConfidencePolicyProposal.Origin.PERSON


def statuses(workspace):
    return dict(workspace.proposals.order_by("pk").values_list("pk", "status"))


def by_a_person(workspace, config, make=pending):
    return make(workspace, origin=PERSON, author=admin_of(workspace), config=config)


def test_newer_run__says_the_same__the_approved_one_is_kept_with_its_approval():
    workspace = WorkspaceFactory()
    first = approved(workspace)
    again = pending(workspace, evidence={"n": 2000, "failures": 5})
    assert again == first
    assert statuses(workspace) == {first.pk: "APPROVED"}
    assert again.approver_id is not None


def test_newer_run__says_the_same_of_another_version__opens_a_new_one():
    workspace = WorkspaceFactory()
    applied(workspace, 0.85)
    first = pending(workspace, 0.8)
    applied(workspace, 0.88, origin=PERSON, author=admin_of(workspace))
    assert pending(workspace, 0.8) != first


def test_newer_run__says_something_else__supersedes_and_both_link():
    workspace = WorkspaceFactory()
    first, second = approved(workspace), pending(workspace, 0.83)
    first.refresh_from_db()
    assert (first.status, first.superseded_by) == ("SUPERSEDED", second)
    client = signed_in(admin_of(workspace))
    assert f"Proposal {second.pk} took its place." in words(client.get(page(first)))
    newer = words(client.get(page(second)))
    assert f"It took the place of proposal {first.pk}" in newer
    assert f", which {first.approver_name} had approved" in newer


def test_person__about_another_segment__stands_side_by_side():
    workspace = WorkspaceFactory()
    one = by_a_person(workspace, config_of(0.85, model="m1"), make=approved)
    two = by_a_person(workspace, config_of(0.85, model="m2"))
    assert statuses(workspace) == {one.pk: "APPROVED", two.pk: "PENDING"}


def test_person__about_the_same_segment__supersedes():
    workspace = WorkspaceFactory()
    one = by_a_person(workspace, config_of(0.85, model="m1"))
    two = by_a_person(workspace, config_of(0.84, model="m1"))
    assert statuses(workspace) == {one.pk: "SUPERSEDED", two.pk: "PENDING"}


def test_person__about_one_segment_in_common__supersedes():
    workspace = WorkspaceFactory()
    overrides = [{"match": {"model": name}, "values": {FIELD: 0.85}} for name in ("m1", "m2")]
    one = by_a_person(workspace, {"values": {}, "overrides": overrides[:1]})
    two = by_a_person(workspace, {"values": {}, "overrides": overrides})
    assert statuses(workspace) == {one.pk: "SUPERSEDED", two.pk: "PENDING"}


def test_person__just_the_same_again__is_led_to_the_one_that_is_open():
    workspace = WorkspaceFactory()
    one = by_a_person(workspace, config_of(0.85))
    with pytest.raises(Conflict, match=f"Proposal {one.pk} proposes just these values"):
        by_a_person(workspace, config_of(0.85))
    assert statuses(workspace) == {one.pk: "PENDING"}


def test_applied__the_one_beside_it_is_superseded_by_it():
    workspace = WorkspaceFactory()
    one = by_a_person(workspace, config_of(0.85, model="m1"), make=approved)
    two = by_a_person(workspace, config_of(0.85, model="m2"))
    apply_confidence_policy_proposal(
        actor=SuperuserFactory(), workspace=workspace, proposal_id=one.pk, acknowledge_uncertified=True
    )
    two.refresh_from_db()
    assert (two.status, two.superseded_by) == ("SUPERSEDED", one)


def test_superseded__author_and_approver_are_told_on_their_first_page_and_others_are_not():
    workspace = WorkspaceFactory()
    author, bystander = admin_of(workspace), admin_of(workspace)
    first = approved(workspace, 0.85, origin=PERSON, author=author)
    second = pending(workspace, 0.84, origin=PERSON, author=bystander)
    first.refresh_from_db()
    told = f"proposal {second.pk} took the place of proposal {first.pk}"
    for person, role in [(author, "which you wrote"), (first.approver, "which you approved")]:
        assert f"{told} , {role}" in words(signed_in(person).get("/admin/"))
    assert told not in words(signed_in(bystander).get("/admin/"))
