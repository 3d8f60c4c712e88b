"""The page of a decision says how it was labelled: all to admins, to others what is theirs, to nobody too early."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from governance.models import Workspace
from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of, reviewer_of, viewer_of
from ledger.labelling.answering import answer_task, undo_answer
from ledger.labelling.queue import next_task
from ledger.labelling.rules import mark_known, set_labelling_rules
from ledger.models import DecisionRecord, JudgeVerdict
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.django_db

KEY = "confidence_gate"
SECTION = "How it was labelled"


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="post")


@pytest.fixture
def decision(workspace) -> DecisionRecord:
    return DecisionRecordFactory(
        workspace=workspace, gate_verdict="block", gate_reason="llm_confidence_below_threshold",
        llm_confidence="0.8123", audit_selected=True, label_propensity="0.05",
    )  # fmt: skip


def judged(decision: DecisionRecord) -> None:
    JudgeVerdict.objects.create(
        workspace=decision.workspace, decision=decision, success=False, lot=17, share="0.6", is_spared=False,
        recorded_at=timezone.now(), reporter="key of a judge", external_id="judge-1", body_sha256="0" * 64,
    )  # fmt: skip


def say(person: Any, workspace: Workspace, given: str) -> None:
    task = next_task(person=person, workspace=workspace)
    assert task is not None
    answer_task(person=person, workspace=workspace, claim_id=task.claim.pk, answer=given)


def section(person: Any, decision: DecisionRecord) -> str:
    said = words(signed_in(person).get(reverse("admin:ledger_decisionrecord_change", args=[decision.pk])))
    return said.partition(SECTION)[2].partition("Where it comes from")[0]


def test_admin__sees_the_draw_the_judge_and_every_answer_in_order(workspace, decision):
    set_labelling_rules(
        actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="Test.", confirms_wrong=True
    )
    judged(decision)
    one, other = reviewer_of(workspace), reviewer_of(workspace)
    say(one, workspace, "right")
    undo_answer(person=one, workspace=workspace)
    say(one, workspace, "wrong")
    say(other, workspace, "wrong")
    said = section(admin_of(workspace), decision)
    places = [
        said.index(part)
        for part in (
            "Drawn for review, as 5 % of such decisions were",
            "Wrong a judge by machine key of a judge",
            "left to people",
            f"Right {one.username} Its label",
            "taken back",
            "Undone",
            "waits to be confirmed, or was outvoted",
            f"Wrong {other.username} A confirmation",
            "made the label",
        )
    ]
    assert places == sorted(places)


def test_reviewer__sees_nothing_that_was_said_before_they_answer(workspace, decision):
    judged(decision)
    one = reviewer_of(workspace)
    for _ in range(2):
        said = section(one, decision)
        assert "shown after your answer" in said
        assert "judge by machine" not in said
        # Before it lies before them, and while it does.
        next_task(person=one, workspace=workspace)
    say(one, workspace, "right")
    said = section(one, decision)
    assert "Wrong a judge by machine" in said
    assert f"Right {one.username}" in said
    assert "Its label" not in said


def test_admin__before_whom_it_lies__sees_it_after_their_answer(workspace, decision):
    judged(decision)
    admin = admin_of(workspace)
    assert next_task(person=admin, workspace=workspace)
    assert "judge by machine" not in section(admin, decision)


def test_others__see_neither_answers_of_others_nor_which_cases_are_known(workspace, decision):
    one, other = reviewer_of(workspace), reviewer_of(workspace)
    mark_known(actor=admin_of(workspace), decision=decision, success=True, reason="Seen.")
    say(one, workspace, "right")
    for person in (other, viewer_of(workspace)):
        said = section(person, decision)
        assert one.username not in said
        assert "You have not answered it" in said
    assert "known" not in section(one, decision).lower()


def test_not_drawn_and_never_asked__is_not_told_of(workspace):
    assert section(admin_of(workspace), DecisionRecordFactory(workspace=workspace)) == ""
