"""What is given to one person comes to them first, and to nobody else; what is late is said and reminded of."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import StringIO
from itertools import count
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.core import mail
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from confidence_project.foundation.errors import InvalidInput, NotFound, PermissionRefused, WrongState
from governance.models import Notice, Workspace
from governance.notices.services import set_notices
from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of, reviewer_of, viewer_of
from ledger.labelling.answering import answer_task
from ledger.labelling.assigning import assign_labels
from ledger.labelling.due import count_overdue
from ledger.labelling.queue import next_task
from ledger.labelling.rules import set_labelling_rules
from ledger.models import DecisionRecord, LabelAssignment
from ledger.models.decisions import least_decision_id
from ledger.tests.factories import RECORDED_AT, DecisionRecordFactory

pytestmark = pytest.mark.django_db

KEY = "confidence_gate"
LIST = reverse("admin:ledger_labelassignment_changelist")
ADD = reverse("admin:ledger_labelassignment_add")
HOME = reverse("admin:index")

_PLACE = count(1)


def drawn(workspace: Workspace, number: int = 1, **values: Any) -> list[DecisionRecord]:
    told = {
        "workspace": workspace, "gate_verdict": "block", "gate_reason": "llm_confidence_below_threshold",
        "audit_selected": True, "label_propensity": "0.05", **values,
    }  # fmt: skip
    at = least_decision_id(RECORDED_AT).int
    return [DecisionRecordFactory(decision_id=UUID(int=at + next(_PLACE)), **told) for _ in range(number)]


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="post", name="Post")


def shown(person: Any, workspace: Workspace) -> DecisionRecord | None:
    task = next_task(person=person, workspace=workspace)
    return task.decision if task else None


# --- given to a person ----------------------------------------------------------------------------------------------


def test_assigned__comes_first_and_to_nobody_else_until_it_is_answered(workspace):
    one, other = reviewer_of(workspace), reviewer_of(workspace)
    first, second, third = drawn(workspace, 3)
    given = {"actor": admin_of(workspace), "workspace": workspace, "person": one, "days": 3}
    assign_labels(**given, decision=third)
    assign_labels(**given, decision=first)
    task = next_task(person=one, workspace=workspace)
    assert task.decision == first
    assert shown(other, workspace) == second
    answer_task(person=one, workspace=workspace, claim_id=task.claim.pk, answer="skipped")
    assert shown(one, workspace) == third
    assert LabelAssignment.objects.get().decision == third
    with mock.patch("django.utils.timezone.now", return_value=timezone.now() + timedelta(days=3, seconds=1)):
        assert shown(other, workspace) == first


def test_assigned__a_share_of_what_is_nobodys(workspace):
    drawn(workspace, 60)
    one, admin = reviewer_of(workspace), admin_of(workspace)
    held = shown(admin, workspace)
    given = assign_labels(actor=admin, workspace=workspace, person=one, days=7, share=Decimal("0.5"), policy_key=KEY)
    # Outside of these less than once in 10,000 runs.
    assert 14 <= len(given) <= 45
    assert held.pk not in {each.decision_id for each in given}
    rest = assign_labels(actor=admin, workspace=workspace, person=admin, days=7)
    assert len(given) + len(rest) == 59


def test_assigned__by_form__and_taken_back(workspace):
    drawn(workspace, 2)
    one, admin = reviewer_of(workspace), admin_of(workspace)
    client = signed_in(admin)
    body = {"workspace": workspace.pk, "person": one.pk, "share": "1", "days": "7", "policy_key": "", "decision": ""}
    assert "2 decisions given to" in words(client.post(ADD, body, follow=True))
    row = LabelAssignment.objects.first()
    client.post(reverse("admin:ledger_labelassignment_take_back", args=[row.pk]), {"confirmed": "1"})
    assert LabelAssignment.objects.count() == 1
    assert one.get_username() in words(client.get(LIST))


def test_assigned__who_may_and_what_can_be(workspace):
    (decision,) = drawn(workspace)
    (undrawn,) = drawn(workspace, audit_selected=False)
    (foreign,) = drawn(WorkspaceFactory())
    one, admin = reviewer_of(workspace), admin_of(workspace)
    given = {"workspace": workspace, "person": one, "days": 7, "decision": decision}
    with pytest.raises(PermissionRefused):
        assign_labels(actor=one, **given)
    with pytest.raises(NotFound):
        assign_labels(actor=admin_of(WorkspaceFactory()), **given)
    with pytest.raises(InvalidInput, match="person"):
        assign_labels(actor=admin, **{**given, "person": viewer_of(workspace)})
    with pytest.raises(InvalidInput, match="days"):
        assign_labels(actor=admin, **{**given, "days": 0})
    with pytest.raises(InvalidInput, match="share"):
        assign_labels(actor=admin, **{**given, "decision": None, "share": Decimal("1.1")})
    with pytest.raises(WrongState):
        assign_labels(actor=admin, **{**given, "decision": undrawn})
    with pytest.raises(NotFound):
        assign_labels(actor=admin, **{**given, "decision": foreign})
    assert not LabelAssignment.objects.exists()
    assert signed_in(one).get(ADD).status_code == 403


# --- due ------------------------------------------------------------------------------------------------------------


def test_overdue__by_the_rules_of_each_policy(workspace):
    drawn(workspace)
    drawn(workspace, policy_key="decision_gate")
    other = WorkspaceFactory()
    drawn(other)
    admin = admin_of(workspace)
    with mock.patch("django.utils.timezone.now", return_value=RECORDED_AT + timedelta(days=8)):
        assert count_overdue([workspace, other]) == {workspace.pk: 2, other.pk: 1}
        set_labelling_rules(actor=admin, workspace=workspace, policy_key=KEY, reason="Slow.", due_days=30)
        assert count_overdue([workspace, other]) == {workspace.pk: 1, other.pk: 1}
    with mock.patch("django.utils.timezone.now", return_value=RECORDED_AT + timedelta(days=6)):
        assert count_overdue([workspace, other]) == {workspace.pk: 0, other.pk: 0}
    assert "2 overdue" in words(signed_in(admin).get(HOME))
    assert "2 overdue" in words(signed_in(admin).get(reverse("admin:ledger_judgement_workbench")))


def remind() -> str:
    said = StringIO()
    call_command("remind_of_labels", stdout=said)
    return said.getvalue()


def test_reminder__once_a_day_to_who_may_answer_and_wants_it(workspace, settings):
    settings.CONFIDENCE_SENDS_MAIL = True
    settings.CONFIDENCE_SITE_URL = "https://confidence.example.org"
    drawn(workspace)
    WorkspaceFactory()
    people = [reviewer_of(workspace), admin_of(workspace), viewer_of(workspace), reviewer_of(WorkspaceFactory())]
    silent = reviewer_of(workspace)
    for person in [*people, silent]:
        person.email = f"{person.username}@example.org"
        person.save()
    set_notices(actor=silent, pace="at_once", kinds=["alarms"])
    set_notices(actor=people[0], pace="daily", kinds=["labels"])
    assert remind() == "Labels are overdue in 1 workspace(s).\n"
    remind()
    assert set(Notice.objects.values_list("user__username", flat=True)) == {each.username for each in people[:2]}
    assert Notice.objects.count() == 2
    call_command("send_digests", stdout=StringIO())
    (letter,) = mail.outbox
    assert letter.to == [people[0].email]
    assert letter.subject == "Answers about drawn decisions are overdue: Post"
    assert "https://confidence.example.org/admin/ledger/judgement/workbench/?workspace=post" in letter.body
    with mock.patch("django.utils.timezone.now", return_value=timezone.now() + timedelta(days=1)):
        remind()
    assert Notice.objects.count() == 4
