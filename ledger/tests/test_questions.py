"""The registry of questions: what was asked, in digests, since when, and when it was asked otherwise."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.tests.browser import signed_in, words
from governance.tests.callers import Caller
from governance.tests.factories import UserFactory, viewer_of
from ledger.models import DecisionRecord, Question
from ledger.questions import registry
from ledger.tests.bodies import envelope

LIST = reverse("admin:ledger_question_changelist")
CHOICE = {"type": "choice", "choice": "a", "probabilities": {"a": 0.95, "b": 0.05}}
NOUL = {"type": "noul", "noul": 0.97}


@pytest.fixture(autouse=True)
def _a_process_that_knows_nothing():
    registry._KNOWN.clear()
    yield
    registry._KNOWN.clear()


def ask(caller, answer, question="route", **more):
    sent = {"dialect": "system_one", "provider": "acme", **more}
    sent["response"] = {"model": "d-1.2", "answers": {question: answer}}
    told = caller.post("decisions", envelope(decision=None, answer=sent))
    assert told.status_code == 201, told.content
    return told.json()


def rows(caller):
    return list(Question.objects.in_workspace(caller.workspace).order_by("pk").values_list("type", "change"))


@pytest.mark.django_db
class TestRegistry:
    def test_question__asked_again__is_one_row(self):
        caller = Caller()
        for _ in range(3):
            ask(caller, CHOICE)
        question = Question.objects.get()
        record = DecisionRecord.objects.last()
        assert (question.task, question.type, question.options) == ("route", "choice", record.options)
        assert (question.change, question.wording, question.number_of_options) == ("first", "", 2)
        assert question.asked_since == record.timestamp

    def test_question__asked_otherwise__is_another_row_that_says_what_changed(self):
        caller = Caller()
        ask(caller, CHOICE)
        ask(caller, {**CHOICE, "probabilities": {"a": 0.95, "c": 0.05}})
        ask(caller, {**CHOICE, "probabilities": {"a": 0.95, "c": 0.05}}, prompt_hash="ab" * 32)
        ask(caller, NOUL, prompt_hash="ab" * 32)
        ask(caller, CHOICE)
        assert rows(caller) == [
            ("choice", "first"),
            ("choice", "options"),
            ("choice", "wording"),
            ("predicate", "type"),
        ]

    def test_question__sent_beside_the_reply__no_word_of_it_is_stored(self):
        caller = Caller()
        asked = {"Wohin, Ann?": {"type": "choice", "instructions": "To Ann?", "criteria": {"a": "to Ann", "b": None}}}
        ask(caller, CHOICE, "Wohin, Ann?", questions=asked)
        question = Question.objects.get()
        assert question.task.startswith("q:")
        assert len(question.wording) == 64
        assert "Ann" not in str(list(Question.objects.values()))

    def test_question__without_an_answer__is_not_listed(self):
        caller = Caller()
        ask(caller, {"type": "refusal"})
        caller.post("decisions", envelope())
        assert not Question.objects.exists()

    def test_question__whose_options_always_differ__stops_to_be_listed(self, monkeypatch):
        monkeypatch.setattr(registry, "MOST_WAYS", 3)
        caller = Caller()
        for place in range(5):
            ask(caller, {**CHOICE, "probabilities": {"a": 0.95, f"other {place}": 0.05}})
        assert Question.objects.count() == 3

    def test_question__of_another_workspace__is_another(self):
        one, other = Caller(), Caller()
        ask(one, CHOICE)
        ask(other, CHOICE)
        assert rows(one) == rows(other) == [("choice", "first")]


@pytest.mark.django_db(transaction=True)
def test_decision__on_a_question_that_is_known__costs_no_statement_more():
    caller = Caller()
    ask(caller, CHOICE)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        ask(caller, CHOICE)
    assert not [query["sql"] for query in queries if "ledger_question" in query["sql"]]
    registry._KNOWN.clear()
    with CaptureQueriesContext(connection) as queries:
        ask(caller, CHOICE)
    assert len([query["sql"] for query in queries if "ledger_question" in query["sql"]]) == 1


@pytest.mark.django_db(transaction=True)
def test_decision__while_the_registry_fails__is_answered_and_registered_by_the_next(monkeypatch):
    caller = Caller()

    def fail(*args):
        raise DatabaseError

    with monkeypatch.context() as broken:
        broken.setattr(registry, "_add", fail)
        assert ask(caller, CHOICE)["verdict"] == "allow"
    assert rows(caller) == []
    ask(caller, CHOICE)
    assert rows(caller) == [("choice", "first")]


@pytest.mark.django_db
class TestPage:
    def test_page__says_what_changed_and_when(self):
        caller = Caller()
        ask(caller, CHOICE)
        ask(caller, CHOICE, prompt_hash="cd" * 32)
        shown = words(signed_in(viewer_of(caller.workspace)).get(LIST))
        assert "route" in shown
        assert "Reworded" in shown
        assert "First asked" in shown
        assert "cdcdcdcdcdcd" in shown
        assert f"{Question.objects.first().asked_since:%Y-%m-%d %H:%M}" in shown

    def test_page__of_another_workspace__shows_nothing_and_nobody_edits(self):
        caller = Caller()
        ask(caller, CHOICE)
        question = Question.objects.get()
        stranger = signed_in(viewer_of(Caller().workspace))
        assert "route" not in words(stranger.get(LIST))
        row = reverse("admin:ledger_question_change", args=[question.pk])
        assert stranger.get(row).status_code in (302, 404)
        member = signed_in(viewer_of(caller.workspace))
        assert member.get(row).status_code == 200
        assert member.post(row, {"task": "other"}).status_code == 403
        assert member.get(reverse("admin:ledger_question_add")).status_code == 403
        assert "route" not in words(signed_in(UserFactory()).get(LIST))
