"""What should have happened: a person's label, given on the page of a decision, by those who may and once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from confidence_project.foundation.errors import NotFound, PermissionRefused
from governance.models import Membership, Workspace
from governance.tests.browser import signed_in, words
from governance.tests.factories import (
    MembershipFactory,
    SuperuserFactory,
    UserFactory,
    WorkspaceFactory,
    admin_of,
    viewer_of,
)
from ledger import selectors
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.models.decisions import new_decision_id
from ledger.reviews import record_review
from ledger.tests.factories import DecisionOutcomeFactory, DecisionRecordFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:ledger_decisionrecord_changelist")
WHO_MAY = "A reviewer or an admin of the workspace who is staff, or a superuser, may say what should have been."


def blocked(workspace: Workspace, **values: Any) -> DecisionRecord:
    """A decision under the threshold that was drawn for review."""
    return DecisionRecordFactory(
        **{
            "workspace": workspace,
            "gate_verdict": "block",
            "gate_reason": "llm_confidence_below_threshold",
            "llm_confidence": "0.8123",
            "audit_selected": True,
            "label_propensity": "0.05",
            **values,
        }
    )


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="post")


@pytest.fixture
def decision(workspace: Workspace) -> DecisionRecord:
    return blocked(workspace)


def page_of(decision: DecisionRecord) -> str:
    return reverse("admin:ledger_decisionrecord_change", args=[decision.pk])


def review_of(decision: DecisionRecord) -> str:
    return reverse("admin:ledger_decisionrecord_review", args=[decision.pk])


def form_on(client: Client, decision: DecisionRecord) -> dict[str, str]:
    """What the form of the page would send, the answer left out."""
    page = client.get(page_of(decision)).content.decode()
    (form,) = re.findall(rf'<form method="post" action="{review_of(decision)}".*?</form>', page, re.DOTALL)
    assert 'name="csrfmiddlewaretoken"' in form
    return {"seen": re.search(r'name="seen" value="(\d+)"', form)[1]}


def answer(client: Client, decision: DecisionRecord, success: str, form: dict[str, str] | None = None) -> Any:
    return client.post(review_of(decision), {**(form or form_on(client, decision)), "success": success})


# --- who ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [admin_of, lambda workspace: SuperuserFactory()], ids=["admin", "superuser"])
@pytest.mark.parametrize("given, success", [("right", True), ("wrong", False)])
def test_review__by_who_may__is_an_outcome_of_a_person(workspace, decision, who, given, success):
    person, before = who(workspace), timezone.now()
    client = signed_in(person)
    reply = answer(client, decision, given)
    assert (reply.status_code, reply["Location"]) == (302, page_of(decision))
    stored = DecisionOutcome.objects.get()
    assert (stored.decision_id, stored.workspace_id, stored.sequence) == (decision.pk, workspace.pk, 1)
    assert (stored.success, stored.source, stored.reporter) == (success, "human_review", person.get_username())
    assert (stored.automation_executed, stored.downstream_failure) == (None, None)
    assert before <= stored.observed_at <= stored.recorded_at <= timezone.now()
    page = words(client.get(page_of(decision)))
    assert "outcome recorded" in page
    assert f"{'Success' if success else 'Failure'} rules A person looked" in page


def test_review__viewer__reads_who_may_and_records_nothing(workspace, decision):
    client = signed_in(viewer_of(workspace))
    page = client.get(page_of(decision))
    assert WHO_MAY in words(page)
    assert review_of(decision) not in page.content.decode()
    for reply in (client.get(review_of(decision)), answer(client, decision, "right", {"seen": "0"})):
        assert reply.status_code == 403
        assert WHO_MAY in words(reply)
    assert not DecisionOutcome.objects.exists()


@pytest.mark.parametrize(
    "who",
    [lambda: viewer_of(WorkspaceFactory()), lambda: admin_of(WorkspaceFactory()), UserFactory],
    ids=["viewer elsewhere", "admin elsewhere", "member of nothing"],
)
def test_review__outsider__finds_nothing(decision, who):
    client = signed_in(who())
    assert client.get(review_of(decision)).status_code == 404
    assert answer(client, decision, "right", {"seen": "0"}).status_code == 404
    assert not DecisionOutcome.objects.exists()


@pytest.mark.parametrize("who", ["anonymous", "admin without staff", "inactive admin"])
def test_review__not_signed_in_to_the_admin__is_sent_to_the_sign_in(workspace, decision, who):
    client = Client()
    if who != "anonymous":
        person = UserFactory(is_staff=who != "admin without staff")
        MembershipFactory(user=person, workspace=workspace, role=Membership.Role.ADMIN)
        client.force_login(person)
        person.is_active = who != "inactive admin"
        person.save()
    for reply in (client.get(review_of(decision)), answer(client, decision, "right", {"seen": "0"})):
        assert (reply.status_code, "/login/" in reply["Location"]) == (302, True)
    assert not DecisionOutcome.objects.exists()


def test_review__role_lost_after_the_page_was_opened__is_refused(workspace, decision):
    person = admin_of(workspace)
    client = signed_in(person)
    form = form_on(client, decision)
    Membership.objects.filter(user=person).update(role=Membership.Role.VIEWER)
    assert answer(client, decision, "right", form).status_code == 403
    assert not DecisionOutcome.objects.exists()


def test_review__without_csrf_token_or_by_get__records_nothing(workspace, decision):
    client = signed_in(admin_of(workspace), enforce_csrf_checks=True)
    assert answer(client, decision, "right", {"seen": "0"}).status_code == 403
    assert client.get(review_of(decision), {"success": "right", "seen": "0"}).status_code == 200
    assert not DecisionOutcome.objects.exists()


@pytest.mark.parametrize(
    "who, error", [(viewer_of, PermissionRefused), (lambda _: admin_of(WorkspaceFactory()), NotFound)]
)
def test_service__who_may_not__is_refused(workspace, decision, who, error):
    with pytest.raises(error):
        record_review(actor=who(workspace), decision=decision, success=True, seen=0)
    assert not DecisionOutcome.objects.exists()


# --- what -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, expected",
    [
        ({}, ["Had it been allowed, the action would have been", "Drawn at random"]),
        ({"audit_selected": False}, ["Had it been allowed", "Not drawn at random", "sets no threshold by it"]),
        ({"audit_selected": False, "origin": "import"}, ["Had it been allowed", "rules over an automatic one"]),
        (
            {"audit_selected": False, "gate_verdict": "allow", "gate_reason": "allowed"},
            ["The action was", "it should have been blocked", "rules over an automatic one"],
        ),
    ],
)
def test_form__says_what_right_means_and_what_the_answer_counts_for(workspace, values, expected):
    page = words(signed_in(admin_of(workspace)).get(page_of(blocked(workspace, **values))))
    for sentence in ["What should have happened?", "It is added under your name", *expected]:
        assert sentence in page


def test_form__block_without_a_confidence__is_not_offered_and_not_taken(workspace):
    decision = blocked(workspace, gate_reason="missing_llm_decision", llm_confidence=None, audit_selected=False)
    client = signed_in(admin_of(workspace))
    page = client.get(page_of(decision))
    assert "What should have happened?" not in words(page)
    assert answer(client, decision, "right", {"seen": "0"}).status_code == 409
    assert not DecisionOutcome.objects.exists()


@pytest.mark.parametrize(
    "sent",
    [
        {"seen": "0"},
        {"seen": "0", "success": ""},
        {"seen": "0", "success": "True"},
        {"seen": "0", "success": "a\0b"},
        {"success": "right"},
        {"seen": "-1", "success": "right"},
        {"seen": "9" * 30, "success": "right"},
        {"seen": "one", "success": "right"},
    ],
)
def test_form__that_is_not_valid__says_so_and_records_nothing(workspace, decision, sent):
    reply = signed_in(admin_of(workspace)).post(review_of(decision), sent)
    assert reply.status_code == 200
    assert 'class="errorlist' in reply.content.decode()
    assert not DecisionOutcome.objects.exists()


# --- once -----------------------------------------------------------------------------------------------------------


def test_form__sent_twice__is_one_outcome(workspace, decision):
    client = signed_in(admin_of(workspace))
    form = form_on(client, decision)
    replies = [answer(client, decision, "right", form) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [302, 302]
    assert DecisionOutcome.objects.count() == 1


@pytest.mark.parametrize("is_another", [False, True], ids=["same person", "another"])
def test_form__sent_again_with_the_other_answer__is_refused(workspace, decision, is_another):
    first = signed_in(admin_of(workspace))
    second = signed_in(admin_of(workspace)) if is_another else first
    form = form_on(second, decision)
    answer(first, decision, "right")
    reply = answer(second, decision, "wrong", form)
    assert "Another answer was recorded after this page was opened" in words(reply)
    assert [outcome.success for outcome in DecisionOutcome.objects.all()] == [True]


def test_form__same_answer_of_two_people__names_who_was_first(workspace, decision):
    first, second = admin_of(workspace), admin_of(workspace)
    form = form_on(signed_in(second), decision)
    answer(signed_in(first), decision, "right")
    reply = answer(signed_in(second), decision, "right", form)
    assert f"{first.get_username()} recorded the same answer" in words(reply)
    assert DecisionOutcome.objects.get().reporter == first.get_username()


def test_form__opened_again__overrules_and_erases_nothing(workspace, decision):
    client = signed_in(admin_of(workspace))
    answer(client, decision, "right")
    answer(client, decision, "wrong")
    assert [outcome.success for outcome in decision.outcomes.order_by("sequence")] == [True, False]
    assert "Failure rules" in words(client.get(page_of(decision)))


def test_form__automatic_outcome_arrives_meanwhile__is_taken_and_rules(workspace, decision):
    client = signed_in(admin_of(workspace))
    form = form_on(client, decision)
    DecisionOutcomeFactory(decision=decision, source="downstream_event", success=False)
    assert answer(client, decision, "right", form).status_code == 302
    assert decision.outcomes.get(sequence=2).success is True
    assert "Success rules" in words(client.get(page_of(decision)))


# --- what waits -----------------------------------------------------------------------------------------------------


def shown(client: Client, review: str) -> list[DecisionRecord]:
    return list(client.get(LIST, {"workspace": "post", "review": review}).context["cl"].result_list)


def test_filter__waiting_and_drawn__until_a_person_has_labelled(workspace, decision):
    automatic, labelled = blocked(workspace), blocked(workspace)
    DecisionOutcomeFactory(decision=automatic, source="downstream_event")
    DecisionOutcomeFactory(decision=labelled, source="human_review")
    DecisionOutcomeFactory(decision=labelled, source="booking", sequence=2)
    blocked(workspace, audit_selected=False)
    blocked(WorkspaceFactory())
    client = signed_in(admin_of(workspace))
    assert shown(client, "waiting") == [automatic, decision]
    assert shown(client, "drawn") == [labelled, automatic, decision]
    answer(client, decision, "right")
    assert shown(client, "waiting") == [automatic]
    assert "Waiting for review" in words(client.get(page_of(automatic)))
    assert "Drawn for review" in words(client.get(page_of(labelled)))


@pytest.mark.parametrize("value", ["no such value", "a\0b", "'; --"])
def test_filter__value_that_there_is_not__shows_nothing(workspace, decision, value):
    assert shown(signed_in(viewer_of(workspace)), value) == []


def test_filter__of_another_workspace__shows_nothing(decision):
    assert shown(signed_in(viewer_of(WorkspaceFactory())), "waiting") == []


def test_count__of_many__stops_and_keeps_workspaces_apart(workspace):
    DecisionRecord.objects.bulk_create(
        DecisionRecordFactory.build(
            decision_id=new_decision_id(), workspace=workspace, gate_verdict="block", audit_selected=True
        )
        for _ in range(selectors.MOST_COUNTED + 5)
    )
    other, empty = WorkspaceFactory(), WorkspaceFactory()
    blocked(other)
    counts = selectors.count_waiting_for_review([workspace, other, empty])
    assert counts == {workspace.pk: selectors.MOST_COUNTED + 1, other.pk: 1, empty.pk: 0}
    assert selectors.count_waiting_for_review([]) == {}


def test_count__looks_at_the_newest_that_were_drawn(workspace, monkeypatch):
    monkeypatch.setattr(selectors, "DRAWN_LOOKED_AT", 2)
    blocked(workspace)
    DecisionOutcomeFactory(decision=blocked(workspace))
    assert selectors.count_waiting_for_review([workspace]) == {workspace.pk: 1}
    DecisionOutcomeFactory(decision=blocked(workspace))
    assert selectors.count_waiting_for_review([workspace]) == {workspace.pk: 0}
