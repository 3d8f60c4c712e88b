"""The workbench: decisions that were drawn for review lie before one person at a time, and are answered by keys."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from confidence_project.foundation.errors import InvalidInput, LostRace, NotFound, PermissionRefused, WrongState
from governance.models import Workspace
from governance.tests.browser import signed_in, words
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, reviewer_of, viewer_of
from ledger import selectors
from ledger.labelling.answering import answer_task, undo_answer
from ledger.labelling.queue import HELD_FOR, next_task
from ledger.labelling.rules import mark_known, set_labelling_rules, withdraw_known
from ledger.models import DecisionOutcome, DecisionRecord, Judgement, KnownCase, LabelClaim, OutcomeVoid
from ledger.reviews import record_review
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.django_db

WORKBENCH = reverse("admin:ledger_judgement_workbench")
KEY = "confidence_gate"


def drawn(workspace: Workspace, number: int = 1, **values: Any) -> list[DecisionRecord]:
    """Decisions under the threshold that were drawn for review, oldest first."""
    told = {
        "workspace": workspace,
        "gate_verdict": "block",
        "gate_reason": "llm_confidence_below_threshold",
        "llm_confidence": "0.8123",
        "audit_selected": True,
        "label_propensity": "0.05",
        **values,
    }
    return [DecisionRecordFactory(**told) for _ in range(number)]


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="post", case_url="https://desk.example.org/cases/{external_id}")


def shown(person: Any, workspace: Workspace) -> DecisionRecord | None:
    task = next_task(person=person, workspace=workspace)
    return task.decision if task else None


def answer(person: Any, workspace: Workspace, given: str) -> Judgement:
    task = next_task(person=person, workspace=workspace)
    assert task is not None
    return answer_task(person=person, workspace=workspace, claim_id=task.claim.pk, answer=given)


def claim_on(page: Any) -> str:
    return re.search(r'name="claim" value="(\d+)"', page.content.decode())[1]


def send(client: Client, claim: str, given: str) -> Any:
    return client.post(f"{WORKBENCH}?workspace=post", {"claim": claim, "answer": given}, follow=True)


# --- the page -------------------------------------------------------------------------------------------------------


def test_page__reviewer__judges_without_seeing_what_model_and_gate_said(workspace):
    (decision,) = drawn(workspace, external_id="ticket 7", case_key="case-9", action_type="retry")
    client = signed_in(reviewer_of(workspace))
    page = client.get(WORKBENCH)
    said = words(page)
    assert "1 wait for an answer" in said
    assert 'href="https://desk.example.org/cases/ticket%207"' in page.content.decode()
    assert "case-9" in said
    assert "retry" in said
    for hidden in ("0.8123", "acme-large", "badge block", "llm_confidence_below_threshold"):
        assert hidden not in page.content.decode()
    after = words(send(client, claim_on(page), "wrong"))
    assert "You answered Wrong The model (acme-large) was 0.8123 sure; the gate blocked it" in after
    assert "Nothing waits for you" in after
    (outcome,) = DecisionOutcome.objects.all()
    assert (outcome.decision_id, outcome.success, outcome.source) == (decision.pk, False, "human_review")


def test_page__where_the_policy_is_not_blind__shows_them_before(workspace):
    set_labelling_rules(actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="Open.", is_blind=False)
    drawn(workspace)
    said = words(signed_in(reviewer_of(workspace)).get(WORKBENCH))
    assert "0.8123" in said
    assert "acme-large" in said


def test_page__sent_twice__answers_one_decision(workspace):
    drawn(workspace, 2)
    client = signed_in(reviewer_of(workspace))
    claim = claim_on(client.get(WORKBENCH))
    send(client, claim, "right")
    again = send(client, claim, "right")
    assert "was given back" in words(again)
    assert DecisionOutcome.objects.count() == 1


def test_page__undo__voids_the_outcome_and_shows_the_decision_again(workspace):
    drawn(workspace, 2)
    client = signed_in(reviewer_of(workspace))
    first = claim_on(client.get(WORKBENCH))
    decision = LabelClaim.objects.get(pk=first).decision
    send(client, first, "right")
    page = client.post(f"{WORKBENCH}?workspace=post", {"undo": "1"}, follow=True)
    assert LabelClaim.objects.get(pk=claim_on(page)).decision == decision
    assert OutcomeVoid.objects.get().outcome.decision == decision
    send(client, claim_on(page), "wrong")
    as_of = timezone.now() + timedelta(seconds=1)
    ruling = DecisionRecord.objects.annotate(ruling=selectors.ruling_success(as_of)).get(pk=decision.pk).ruling
    assert ruling is False
    assert [each.answer for each in Judgement.objects.order_by("id")] == ["right", "undone", "wrong"]


@pytest.mark.parametrize("body", [{}, {"answer": "right"}, {"claim": "x", "answer": "right"}, {"undo": "1"}])
def test_page__what_makes_no_sense__is_said_and_records_nothing(workspace, body):
    drawn(workspace)
    reply = signed_in(reviewer_of(workspace)).post(f"{WORKBENCH}?workspace=post", body, follow=True)
    assert reply.status_code == 200
    assert 'class="error"' in reply.content.decode()
    assert not Judgement.objects.exists()


# --- who ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [reviewer_of, admin_of, lambda workspace: SuperuserFactory()])
def test_who__may_label(workspace, who):
    drawn(workspace)
    assert "was the action right?" in words(signed_in(who(workspace)).get(WORKBENCH))


def test_who__may_not__reads_who_may(workspace):
    drawn(workspace)
    for person in (viewer_of(workspace), reviewer_of(WorkspaceFactory())):
        reply = signed_in(person).get(f"{WORKBENCH}?workspace=post")
        assert reply.status_code == 403
        assert "A reviewer or an admin of the workspace" in words(reply)
    with pytest.raises(PermissionRefused):
        next_task(person=viewer_of(workspace), workspace=workspace)
    with pytest.raises(NotFound):
        next_task(person=reviewer_of(WorkspaceFactory()), workspace=workspace)


def test_who__reviewer__records_outcomes_and_changes_nothing_else(workspace):
    person = reviewer_of(workspace)
    (decision,) = drawn(workspace)
    assert record_review(actor=person, decision=decision, success=True, seen=0).success
    with pytest.raises(PermissionRefused):
        set_labelling_rules(actor=person, workspace=workspace, policy_key=KEY, reason="Mine.")
    with pytest.raises(PermissionRefused):
        mark_known(actor=person, decision=decision, success=True, reason="I know.")
    client = signed_in(person)
    for page in ("ledger_judgement_changelist", "ledger_knowncase_changelist"):
        assert "is yours to see" in words(client.get(reverse(f"admin:{page}")))


# --- the queue ------------------------------------------------------------------------------------------------------


def test_queue__two_people__never_hold_the_same_decision(workspace):
    drawn(workspace, 4)
    people = [reviewer_of(workspace) for _ in range(4)]
    held = [shown(person, workspace).pk for person in people]
    assert len(set(held)) == 4
    assert [shown(person, workspace).pk for person in people] == held
    assert shown(reviewer_of(workspace), workspace) is None


def test_queue__oldest_first__and_what_is_given_back_comes_again(workspace):
    decisions = drawn(workspace, 2)
    one, other = reviewer_of(workspace), reviewer_of(workspace)
    assert shown(one, workspace) == decisions[0]
    with mock.patch("django.utils.timezone.now", return_value=timezone.now() + HELD_FOR + timedelta(seconds=1)):
        assert shown(other, workspace) == decisions[0]
        with pytest.raises(LostRace):
            answer_task(person=one, workspace=workspace, claim_id=1, answer="right")


def test_queue__skipped__goes_to_somebody_else(workspace):
    drawn(workspace)
    one = reviewer_of(workspace)
    answer(one, workspace, "skipped")
    assert shown(one, workspace) is None
    assert shown(reviewer_of(workspace), workspace) is not None


def test_queue__cannot_tell__leaves_the_queue_without_a_label(workspace):
    (decision,) = drawn(workspace)
    judgement = answer(reviewer_of(workspace), workspace, "cannot_tell")
    assert judgement.outcome is None
    assert not DecisionOutcome.objects.exists()
    assert shown(reviewer_of(workspace), workspace) is None
    assert selectors.count_waiting_for_review([workspace]) == {workspace.pk: 0}
    assert list(selectors.drawn_for_review(DecisionRecord.objects.all())) == [decision]


def test_queue__of_another_workspace__is_not_shown(workspace):
    drawn(WorkspaceFactory())
    assert shown(reviewer_of(workspace), workspace) is None


def test_queue__drawn_of_what_was_allowed__waits_like_what_was_blocked_and_the_page_tells_no_side(workspace):
    client = signed_in(reviewer_of(workspace))
    fields = {"external_id": "mail-1", "action_type": "retry"}
    pages = []
    for verdict, reason in (("allow", "allowed"), ("block", "llm_confidence_below_threshold")):
        (decision,) = drawn(workspace, gate_verdict=verdict, gate_reason=reason, **fields)
        assert selectors.count_waiting_for_review([workspace]) == {workspace.pk: 1}
        page = client.get(f"{WORKBENCH}?workspace=post")
        pages.append(re.search(r"<section class=\"card lead workbench.*?</dl>", page.content.decode(), re.DOTALL)[0])
        send(client, claim_on(page), "right")
        assert DecisionOutcome.objects.get(decision=decision).success
    times = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
    assert times.sub("", pages[0]) == times.sub("", pages[1])


def test_queue__what_nobody_drew_or_is_labelled__does_not_wait(workspace):
    drawn(workspace, audit_selected=False)
    (labelled,) = drawn(workspace)
    record_review(actor=admin_of(workspace), decision=labelled, success=True, seen=0)
    assert shown(reviewer_of(workspace), workspace) is None


# --- answers --------------------------------------------------------------------------------------------------------


def test_answer__that_is_none__is_refused(workspace):
    drawn(workspace)
    person = reviewer_of(workspace)
    for given in ("undone", "maybe", ""):
        with pytest.raises(InvalidInput):
            answer(person, workspace, given)
    assert LabelClaim.objects.count() == 1


def test_answer__of_another_person__is_none(workspace):
    drawn(workspace)
    task = next_task(person=reviewer_of(workspace), workspace=workspace)
    with pytest.raises(LostRace):
        answer_task(person=reviewer_of(workspace), workspace=workspace, claim_id=task.claim.pk, answer="right")


def test_answer__after_a_crash_between_outcome_and_answer__is_completed_by_the_same_one(workspace):
    drawn(workspace)
    person = reviewer_of(workspace)
    with mock.patch.object(Judgement.objects, "create", side_effect=RuntimeError), pytest.raises(RuntimeError):
        answer(person, workspace, "right")
    assert answer(person, workspace, "right").outcome == DecisionOutcome.objects.get()


def test_undo__too_late_or_recorded_upon__is_refused(workspace):
    (decision,) = drawn(workspace)
    person = reviewer_of(workspace)
    with pytest.raises(WrongState):
        undo_answer(person=person, workspace=workspace)
    answer(person, workspace, "right")
    record_review(actor=admin_of(workspace), decision=decision, success=False, seen=1)
    with pytest.raises(WrongState):
        undo_answer(person=person, workspace=workspace)
    assert not OutcomeVoid.objects.exists()


def test_undo__of_another_person__touches_nothing(workspace):
    drawn(workspace)
    answer(reviewer_of(workspace), workspace, "right")
    with pytest.raises(WrongState):
        undo_answer(person=reviewer_of(workspace), workspace=workspace)


# --- second looks and known cases -----------------------------------------------------------------------------------


def rules(workspace: Workspace, **shares: str) -> None:
    told = {name: Decimal(share) for name, share in shares.items()}
    set_labelling_rules(actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="Test.", **told)


def test_second_look__is_somebody_elses_and_no_outcome(workspace):
    rules(workspace, twice_share="1")
    (decision,) = drawn(workspace)
    one, other = reviewer_of(workspace), reviewer_of(workspace)
    assert answer(one, workspace, "right").wants_second
    assert shown(one, workspace) is None
    second = answer(other, workspace, "wrong")
    assert (second.decision, second.purpose, second.outcome) == (decision, "second", None)
    assert DecisionOutcome.objects.count() == 1
    assert shown(reviewer_of(workspace), workspace) is None


def test_second_look__skipped__goes_to_a_third(workspace):
    rules(workspace, twice_share="1")
    (decision,) = drawn(workspace)
    answer(reviewer_of(workspace), workspace, "right")
    answer(reviewer_of(workspace), workspace, "skipped")
    assert shown(reviewer_of(workspace), workspace) == decision


def test_second_look__of_an_answer_taken_back__is_not_wanted(workspace):
    rules(workspace, twice_share="1")
    drawn(workspace)
    one = reviewer_of(workspace)
    answer(one, workspace, "right")
    undo_answer(person=one, workspace=workspace)
    assert shown(reviewer_of(workspace), workspace) is None


def test_second_looks__by_share__are_about_that_many(workspace):
    rules(workspace, twice_share="0.3")
    drawn(workspace, 120)
    person = reviewer_of(workspace)
    drawn_twice = Counter(answer(person, workspace, "right").wants_second for _ in range(120))
    # Outside of these less than once in 100,000 runs.
    assert 15 <= drawn_twice[True] <= 60


def test_known_case__measures_and_is_no_label(workspace):
    rules(workspace, known_share="1")
    (known,) = drawn(workspace, audit_selected=False)
    mark_known(actor=admin_of(workspace), decision=known, success=False, reason="Settled by the auditors.")
    waiting = drawn(workspace, 2)
    person = reviewer_of(workspace)
    first = answer(person, workspace, "right")
    assert (first.decision, first.purpose, first.outcome) == (known, "known", None)
    # Each person is asked once about each.
    assert answer(person, workspace, "right").decision == waiting[0]
    assert answer(reviewer_of(workspace), workspace, "wrong").purpose == "known"
    assert DecisionOutcome.objects.count() == 1


def test_known_case__whoever_marked_it__is_not_asked_about_it(workspace):
    rules(workspace, known_share="1")
    admin = admin_of(workspace)
    (known,) = drawn(workspace, audit_selected=False)
    mark_known(actor=admin, decision=known, success=False, reason="Settled.")
    drawn(workspace)
    assert answer(admin, workspace, "right").purpose == "label"


def test_known_case__withdrawn__is_shown_no_more(workspace):
    rules(workspace, known_share="1")
    admin = admin_of(workspace)
    (known,) = drawn(workspace, audit_selected=False)
    case = mark_known(actor=admin, decision=known, success=False, reason="Sure.")
    withdraw_known(actor=admin, case=case, reason="Not so sure.")
    drawn(workspace)
    assert answer(reviewer_of(workspace), workspace, "right").purpose == "label"


def test_known_case__marked_on_the_page_of_a_decision(workspace):
    (decision,) = drawn(workspace)
    client = signed_in(admin_of(workspace))
    address = reverse("admin:ledger_decisionrecord_known", args=[decision.pk])
    assert address in client.get(reverse("admin:ledger_decisionrecord_change", args=[decision.pk])).content.decode()
    reply = client.post(address, {"success": "wrong", "reason": "The customer sued."}, follow=True)
    assert "mixed in among what reviewers are shown" in words(reply)
    assert KnownCase.objects.get().success is False
    assert "Known cases" in words(client.get(reverse("admin:ledger_knowncase_changelist")))


@pytest.mark.parametrize(
    "terms", [{"due_days": 0}, {"twice_share": Decimal("1.1")}, {"known_share": Decimal("-0.1")}], ids=str
)
def test_rules__that_are_impossible__are_refused(workspace, terms):
    with pytest.raises(InvalidInput, match=next(iter(terms))):
        set_labelling_rules(actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="x", **terms)


# --- confirmation ---------------------------------------------------------------------------------------------------


def ruling(decision: DecisionRecord) -> bool | None:
    as_of = timezone.now() + timedelta(seconds=1)
    return DecisionRecord.objects.annotate(ruling=selectors.ruling_success(as_of)).get(pk=decision.pk).ruling


@pytest.fixture
def confirmed(workspace) -> DecisionRecord:
    set_labelling_rules(
        actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="Sure of it.", confirms_wrong=True
    )
    return drawn(workspace)[0]


@pytest.mark.parametrize(
    ("given", "label"),
    [
        (["right"], True),
        (["wrong"], None),
        (["wrong", "wrong"], False),
        (["wrong", "right"], None),
        (["wrong", "right", "right"], True),
        (["wrong", "right", "wrong"], False),
        (["wrong", "skipped", "wrong"], False),
    ],
    ids=str,
)
def test_confirmation__two_who_say_wrong_make_a_failure__and_a_third_settles_it(workspace, confirmed, given, label):
    for each in given:
        assert answer(reviewer_of(workspace), workspace, each).decision == confirmed
    assert ruling(confirmed) is label
    assert DecisionOutcome.objects.count() == (label is not None)
    waits = label is None
    assert selectors.count_waiting_for_review([workspace]) == {workspace.pk: int(waits)}
    assert (shown(reviewer_of(workspace), workspace) is not None) is waits


def test_confirmation__by_the_same_person__is_not_asked(workspace, confirmed):
    one = reviewer_of(workspace)
    answer(one, workspace, "wrong")
    assert shown(one, workspace) is None
    page = signed_in(reviewer_of(workspace)).get(WORKBENCH)
    assert "is asked of another person, too" in words(page)
    assert one.get_username() not in words(page)


@pytest.mark.parametrize("given", [["cannot_tell"], ["wrong", "cannot_tell"], ["wrong", "right", "cannot_tell"]])
def test_confirmation__whoever_cannot_tell__ends_it_without_a_label(workspace, confirmed, given):
    for each in given:
        answer(reviewer_of(workspace), workspace, each)
    assert ruling(confirmed) is None
    assert selectors.count_waiting_for_review([workspace]) == {workspace.pk: 0}
    assert shown(reviewer_of(workspace), workspace) is None


def test_confirmation__undone_while_nobody_was_asked__begins_anew(workspace, confirmed):
    one, other = reviewer_of(workspace), reviewer_of(workspace)
    answer(one, workspace, "wrong")
    undo_answer(person=one, workspace=workspace)
    answer(one, workspace, "wrong")
    assert shown(other, workspace) == confirmed
    with pytest.raises(WrongState):
        undo_answer(person=one, workspace=workspace)
    answer(other, workspace, "wrong")
    with pytest.raises(WrongState):
        undo_answer(person=one, workspace=workspace)
    undo_answer(person=other, workspace=workspace)
    assert ruling(confirmed) is None
    answer(other, workspace, "wrong")
    assert ruling(confirmed) is False


def test_confirmation__of_a_review_on_the_page_of_the_decision__is_not_needed_any_more(workspace, confirmed):
    answer(reviewer_of(workspace), workspace, "wrong")
    record_review(actor=admin_of(workspace), decision=confirmed, success=True, seen=0)
    assert shown(reviewer_of(workspace), workspace) is None


def test_confirmation__switched_off_while_one_waits__still_needs_the_second(workspace, confirmed):
    answer(reviewer_of(workspace), workspace, "wrong")
    set_labelling_rules(actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="No more.")
    assert answer(reviewer_of(workspace), workspace, "wrong").outcome.success is False


def test_known_case__whose_failure_waits_to_be_confirmed__comes_first(workspace):
    set_labelling_rules(
        actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="Test.", confirms_wrong=True,
        known_share=Decimal(1),
    )  # fmt: skip
    admin = admin_of(workspace)
    for decision in drawn(workspace, 8, audit_selected=False):
        mark_known(actor=admin, decision=decision, success=False, reason="Settled.")
    drawn(workspace)
    first = answer(reviewer_of(workspace), workspace, "wrong")
    assert first.purpose == "known"
    assert answer(reviewer_of(workspace), workspace, "wrong").decision == first.decision
