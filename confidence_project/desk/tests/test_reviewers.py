"""The page of reviewers: agreement, errors on known cases and overrides, to whom they concern."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from governance.models import Workspace
from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of, reviewer_of, viewer_of
from ledger.labelling.answering import answer_task
from ledger.labelling.queue import next_task
from ledger.labelling.rules import mark_known, set_labelling_rules
from ledger.tests.test_workbench import drawn

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:reviewers")


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="post")


def answer(person, workspace, given):
    task = next_task(person=person, workspace=workspace)
    return answer_task(person=person, workspace=workspace, claim_id=task.claim.pk, answer=given)


def test_page__agreement_errors_and_overrides__are_counted(workspace):
    admin, one, other = admin_of(workspace), reviewer_of(workspace), reviewer_of(workspace)
    rules = {"actor": admin, "workspace": workspace, "policy_key": "confidence_gate", "reason": "Test."}
    set_labelling_rules(**rules, twice_share=Decimal(1))
    drawn(workspace, 10)
    for place in range(10):
        answer(one, workspace, "right" if place < 5 else "wrong")
    for place in range(10):
        answer(other, workspace, "right" if place in (0, 1, 2, 3, 9) else "wrong")
    set_labelling_rules(**rules, known_share=Decimal(1))
    for known in drawn(workspace, 2, audit_selected=False):
        mark_known(actor=admin, decision=known, success=False, reason="Settled.")
    drawn(workspace)
    assert {answer(one, workspace, given).purpose for given in ("right", "wrong")} == {"known"}
    said = words(signed_in(admin).get(f"{PAGE}?workspace=post"))
    assert "the same answer about 8 of 10 decisions" in said
    assert "kappa 0.60" in said
    # Answered, cannot tell, seconds; 5 of 10 blocked ones should have been allowed; one of two failures was missed.
    assert f"{one.get_username()} 12 0 0 5 of 10" in said
    assert "1 of 2 1.26 % to 98.7 %" in said
    assert f"{other.get_username()} 10 0 0 5 of 10" in said


def test_page__reviewer__sees_themselves_alone(workspace):
    one, other = reviewer_of(workspace), reviewer_of(workspace)
    drawn(workspace, 2)
    answer(one, workspace, "right")
    answer(other, workspace, "right")
    said = words(signed_in(one).get(f"{PAGE}?workspace=post"))
    assert one.get_username() in said
    assert other.get_username() not in said


def test_page__of_another_workspace__is_nothing(workspace):
    drawn(workspace)
    answer(reviewer_of(workspace), workspace, "right")
    said = words(signed_in(admin_of(WorkspaceFactory())).get(f"{PAGE}?workspace=post"))
    assert "You belong to no workspace of this name" in said


def test_page__where_nobody_answered__says_so(workspace):
    assert "Nobody has answered" in words(signed_in(viewer_of(workspace)).get(f"{PAGE}?workspace=post"))
